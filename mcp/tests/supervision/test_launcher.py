"""The container's processes for real: launcher, supervisord, watchdog, API and gateway."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.processes import GATEWAY_FOLDER, Process, running
from tests.harness.stack import entries, messages, pids, serving, stack_process, supervisord

Stack = Callable[..., Process]


@pytest.fixture
def stack(api_binary: Path, tmp_path: Path) -> Iterator[Stack]:
    """Makes a stack that is not started yet. `api` is the API's program; `configuration` edits the file."""
    made: list[Process] = []

    def make(api: Path = api_binary, configuration: Callable[[str], str] = str, **settings: str) -> Process:
        made.append(stack_process(api, tmp_path, configuration, **settings))
        return made[-1]

    yield make
    for process in made:
        process.stop()


def until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not within the time"
        time.sleep(0.05)


def test_a_stop_that_was_asked_for_ends_the_gateway_before_the_api_and_is_a_success(stack: Stack) -> None:
    process = stack()
    process.start()
    assert process.stop() == 0
    stopped = [said.split()[1] for said in messages(process) if said.startswith("stopped: ")]
    assert stopped == ["gateway", "api", "watchdog"]


def test_every_line_is_a_json_object_of_one_format(stack: Stack) -> None:
    with running(stack()) as process:
        pass
    for entry in entries(process):
        assert {"time", "level", "logger", "message"} <= entry.keys()
        assert entry["level"] in {"debug", "info", "warning", "error", "critical"}
    assert {entry["logger"] for entry in entries(process)} >= {"supervisord", "toolbridge_api"}


def test_people_can_have_every_line_as_text(stack: Stack) -> None:
    with running(stack(LOG_FORMAT="text")) as process:
        pass
    lines = process.log.read_text().splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3} (info |warn |crit )", line) for line in lines)
    for program in ("supervisord", "toolbridge_api"):
        assert any(line[13:].startswith(f"info  {program}  ") for line in lines)


def test_frozen_programs_are_replaced(stack: Stack) -> None:
    with running(stack()) as process:
        programs = ("api", "gateway")
        # The watchdog counts from a program's first response, and probes the gateway before the API.
        until(lambda: any("success: gateway" in said for said in messages(process)), 20)
        asked = messages(process).count("request")
        until(lambda: messages(process).count("request") > asked, 20)
        # The gateway's parent would replace a frozen child; nobody but the watchdog replaces both.
        for pid in (*(pids(process, program)[-1] for program in programs), serving(process)):
            os.kill(pid, signal.SIGSTOP)
        until(lambda: all(len(pids(process, program)) == 2 for program in programs), 60)
        process.wait_until_ready()
        assert process.stop() == 0


def test_a_frozen_serving_process_is_replaced_by_its_parent(stack: Stack) -> None:
    with running(stack()) as process:
        frozen = serving(process)
        os.kill(frozen, signal.SIGSTOP)
        process.wait_until_ready()
        assert serving(process) != frozen
        assert len(pids(process, "gateway")) == 1
        assert process.stop() == 0
    said = messages(process)
    assert said.index("killing the serving process, which does not respond") < said.index(
        "the serving process ended"
    )


def test_a_program_that_cannot_start_ends_everything_with_a_failure(stack: Stack) -> None:
    process = stack(
        Path("/bin/false"),
        lambda text: text.replace("startretries=10", "startretries=1"),
        TOOLBRIDGE_API_WAIT_SECONDS="0",
    )
    with pytest.raises(AssertionError, match="did not get ready"):
        process.start()
    assert process.wait() == 1
    assert any("a program failed for good" in said for said in messages(process))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"TOOLBRIDGE_LOG_LEVEL": "loud"}, "TOOLBRIDGE_LOG_LEVEL: "),
        ({"MAX_BODY_BYTES": "many"}, "MAX_BODY_BYTES: "),
    ],
)
def test_a_wrong_setting_is_not_tried_again(stack: Stack, settings: dict[str, str], says: str) -> None:
    process = stack(**settings)
    with pytest.raises(AssertionError, match=says):
        process.start()
    assert process.wait() == 1
    # supervisord may start it once more before it reads the signal.
    assert len(pids(process, "gateway")) <= 2
    assert len(pids(process, "api")) <= 2
    assert any("does not start with these settings" in said for said in messages(process))


def test_without_supervisord_everything_ends_with_a_failure(stack: Stack) -> None:
    process = stack()
    process.start()
    os.kill(supervisord(process), signal.SIGKILL)
    assert process.wait() == 1
    for program in ("gateway", "api", "watchdog"):
        os.kill(pids(process, program)[-1], signal.SIGKILL)


def test_the_healthcheck_is_that_of_both_programs(stack: Stack) -> None:
    process = stack()
    check = [sys.executable, "-m", "toolbridge_mcp.supervision.healthcheck"]

    def healthy() -> bool:
        done = subprocess.run(check, cwd=GATEWAY_FOLDER, env=dict(process.environment), check=False)
        return done.returncode == 0

    assert not healthy()
    with running(process):
        assert healthy()
        until(lambda: len(pids(process, "api")) == 1, 10)
        os.kill(pids(process, "api")[0], signal.SIGSTOP)
        until(lambda: not healthy(), 10)  # an answer of /readyz is shared for a second
        os.kill(pids(process, "api")[0], signal.SIGCONT)
        until(process.is_ready, 10)


def launch(command: list[str], silence: float, stdout: int) -> "subprocess.Popen[bytes]":
    program = (
        "import sys; from toolbridge_mcp.supervision.launcher import Launcher;"
        "sys.exit(Launcher(sys.argv[2:], sys.stdout.buffer, silence=float(sys.argv[1]), answer=0.5).run())"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, str(silence), *command], cwd=GATEWAY_FOLDER, stdout=stdout
    )


def test_where_nobody_gives_a_sign_of_life_everything_ends_with_a_failure() -> None:
    process = launch(["sleep", "60"], 0.5, subprocess.PIPE)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "no sign of life" in json.loads(output.splitlines()[0])["message"]


def test_one_that_does_not_even_answer_the_stop_signal_is_killed() -> None:
    process = launch(["sh", "-c", "trap '' TERM; sleep 30 & wait"], 0.5, subprocess.PIPE)
    with process:
        assert process.wait(20) == 1


def test_one_that_answers_the_stop_signal_gets_its_time() -> None:
    answering = "trap 'echo stopping; sleep 2; echo stopped; exit' TERM; while :; do sleep 0.1; done"
    process = launch(["sh", "-c", answering], 0.5, subprocess.PIPE)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert json.loads(output.splitlines()[-1])["message"] == "stopped"


def test_an_output_that_cannot_be_opened_by_name_is_no_hindrance() -> None:
    """Nobody can open a socket by name, as other users cannot open a stream of root."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = launch(["sh", "-c", "echo said > /dev/fd/1"], 60, theirs.fileno())
        assert process.wait(20) == 1, "nobody asked it to end"
        assert json.loads(ours.recv(1000))["message"] == "said"
