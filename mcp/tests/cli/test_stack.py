"""`toolbridge up`, `down` and `status` with the real programs, each stack on a data folder of its own."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

import httpx
import psutil
import pytest

from tests.harness import log_search
from tests.harness.authorization_server import running_authorization_server
from tests.harness.processes import GATEWAY_FOLDER, SECRETS, Process, free_port, gateway_process, running
from tests.harness.published import TOOLS
from toolbridge_mcp.cli import launch
from toolbridge_mcp.cli.control import SHOW_SECONDS

SECONDS = 120


class Machine:
    """Somebody at a terminal with settings for one stack."""

    def __init__(self, folder: Path, api: Path) -> None:
        programs = folder / "bin"
        programs.mkdir()
        (programs / "toolbridge-api").symlink_to(api)
        command = programs / "toolbridge"
        command.touch(0o755)
        self.data = folder / "data"
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TOOLBRIDGE_ENV_FILE": str(folder / "env"),
            "TOOLBRIDGE_API_BINARY": str(programs / "toolbridge-api"),
            "TOOLBRIDGE_DATA_DIR": str(self.data),
            "TOOLBRIDGE_PORT": str(free_port()),
            "API_PORT": str(free_port()),
            "TOOLBRIDGE_METRICS_PORT": str(free_port()),
        }

    def start(self, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
        return self.start_at(subprocess.PIPE, *arguments, **settings)

    def start_at(self, stdout: int, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
        """The same, with this as its standard output."""
        return subprocess.Popen(
            [sys.executable, "-m", "toolbridge_mcp", *arguments],
            env={**self.environment, **settings},
            cwd=GATEWAY_FOLDER,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, **settings: str) -> tuple[int, str]:
        """The exit code of a command, and what it said."""
        process = self.start(*arguments, **settings)
        said = "".join(process.communicate(timeout=SECONDS))
        return process.returncode, said

    def logged(self, beginning: str) -> datetime:
        """When the first message of the log that begins like this was written."""
        entries = map(json.loads, self.data.joinpath("toolbridge.log").read_text().splitlines())
        times = (entry["time"] for entry in entries if entry["message"].startswith(beginning))
        return datetime.fromisoformat(next(times))

    def processes(self) -> list[psutil.Process]:
        """Those that a stack on this folder has."""
        found = psutil.process_iter(["environ"])
        return [
            one
            for one in found
            if str(self.data) in ((one.info["environ"] or {}).get("TOOLBRIDGE_PIDFILE") or "")
        ]


@pytest.fixture
def machine(tmp_path: Path, api_binary: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path, api_binary)
    yield machine
    machine("down")
    assert machine.processes() == []
    for log in machine.data.glob("toolbridge.log*"):
        log_search.this_run().keep(log)


def test_a_stacks_life(machine: Machine) -> None:
    assert machine("status") == (3, f"Nothing runs on {machine.data}. Start it with `toolbridge up`.\n")
    code, said = machine("up", "--detach")
    assert code == 0, said
    assert f"{len(TOOLS)} tools, list_notes answered in " in said
    assert f"http://127.0.0.1:{machine.environment['TOOLBRIDGE_PORT']}/mcp" in said
    page = f"http://127.0.0.1:{machine.environment['TOOLBRIDGE_METRICS_PORT']}/"
    assert f"\nOperator     {page} (" in said
    assert "<title>" in httpx.get(page, trust_env=False).text
    code, said = machine("status")
    assert code == 0
    assert said.startswith("ready      gateway at http://127.0.0.1:")
    assert f"operator's page at {page}\n" in said
    code, said = machine("up")
    assert code == 1
    assert "already runs" in said
    assert machine("down") == (0, f"Stopped what ran on {machine.data}.\n")
    assert machine("down") == (0, f"Nothing runs on {machine.data}.\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(machine: Machine, number: signal.Signals) -> None:
    process = machine.start("up")
    until_it_runs(process)
    process.send_signal(number)
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert said == "\nStopping ... stopped.\n"
    assert machine.processes() == []


def until_it_runs(process: "subprocess.Popen[str]") -> None:
    assert process.stderr
    for line in process.stderr:
        if line.startswith("Running."):
            return


def probed(machine: Machine) -> None:
    """Sends the API a request that has a line, and one of those that the watchdog sends."""
    for path in ("/healthz", "/nowhere"):
        api = f"http://127.0.0.1:{machine.environment['API_PORT']}"
        httpx.get(f"{api}{path}", trust_env=False)


def test_people_see_what_is_logged_on_a_terminal(machine: Machine) -> None:
    primary, secondary = os.openpty()
    process = machine.start_at(secondary, "up")
    until_it_runs(process)
    probed(machine)
    with os.fdopen(primary, "rb", buffering=0) as terminal:
        os.close(secondary)
        shown = b""
        while b" 404 " not in shown:
            shown += terminal.read(1 << 16)
        machine("down")
        process.communicate(timeout=SECONDS)
    assert re.search(rb"\n\d\d:\d\d:\d\d\.\d{3} info  GET unknown 404 ", shown)
    assert b"/healthz" not in shown
    assert machine.logged("request")


def test_text_has_to_be_asked_for_elsewhere(machine: Machine) -> None:
    said = []
    for settings in ({}, {"LOG_FORMAT": "text"}):
        process = machine.start("up", **settings)
        until_it_runs(process)
        probed(machine)
        time.sleep(2 * SHOW_SECONDS)
        machine("down")
        said.append(process.communicate(timeout=SECONDS)[0])
    assert [" GET unknown 404 " in text for text in said] == [False, True]
    assert machine.logged("request")


def test_a_stop_from_elsewhere_ends_up(machine: Machine) -> None:
    process = machine.start("up")
    until_it_runs(process)
    assert machine("down")[0] == 0
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert said == "Stopped by another command.\n"


def test_programs_whose_supervisord_was_killed_are_ended(machine: Machine) -> None:
    machine("up", "--detach")
    supervising = [
        process
        for process in machine.processes()
        if {"supervisord", "toolbridge_mcp.supervision"} & {Path(word).name for word in process.cmdline()}
    ]
    for process in supervising:  # the launcher ends by itself when supervisord does
        with suppress(psutil.NoSuchProcess):
            process.kill()
    assert machine("status")[0] == 3
    assert machine("down") == (0, f"Nothing runs on {machine.data}.\n")
    assert machine.processes() == []


def test_of_two_starts_at_once_one_runs(machine: Machine) -> None:
    starts = [machine.start("up", "--detach") for _ in range(2)]
    said = ["".join(start.communicate(timeout=SECONDS)) for start in starts]
    assert sorted(start.returncode for start in starts) == [0, 1], said


def test_a_port_that_is_taken_is_named(machine: Machine) -> None:
    machine("up", "--detach")
    names = ("TOOLBRIDGE_PORT", "API_PORT", "TOOLBRIDGE_METRICS_PORT")
    ports = {name: machine.environment[name] for name in names}
    other = {"TOOLBRIDGE_DATA_DIR": str(machine.data.with_name("other"))}
    for name in ports:
        free = {one: str(free_port()) for one in ports if one != name}
        code, said = machine("up", **other, **free)
        assert code == 1
        assert f"Set {name} to a free port" in said


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"TOOLBRIDGE_PORT": "many"}, "TOOLBRIDGE_PORT is 'many'; it must be a port number, 1 to 65535."),
        ({"API_PORT": "65536"}, "API_PORT is '65536'; it must be a port number"),
        ({"API_PORT": "8001", "TOOLBRIDGE_PORT": "8001"}, "gateway and API need a port each"),
        ({"API_PORT": "9091", "TOOLBRIDGE_METRICS_PORT": "9091"}, "the operator's page needs its own"),
    ],
)
def test_a_port_that_is_none_is_refused(machine: Machine, settings: dict[str, str], says: str) -> None:
    for command in ("up", "down", "status"):
        code, said = machine(command, **settings)
        assert code == 2
        assert says in said


def test_the_command_is_named_with_its_path_where_path_does_not_find_it(machine: Machine) -> None:
    _, said = machine("status", PATH="/usr/bin:/bin")
    assert re.search(r"Start it with `\S+/bin/toolbridge up`", said)


def test_an_api_that_is_not_built_is_said_at_once(machine: Machine) -> None:
    code, said = machine("up", TOOLBRIDGE_API_BINARY="/nowhere/toolbridge-api", PATH="/usr/bin:/bin")
    assert code == 1
    assert "scripts/run.sh builds it" in said


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"TOOLBRIDGE_LOG_LEVEL": "loud"}, "The gateway does not start:\nTOOLBRIDGE_LOG_LEVEL: "),
        (
            {"MAX_BODY_BYTES": "many"},
            'The API does not start:\nMAX_BODY_BYTES: "many" is not a whole number\n',
        ),
        ({"DATABASE_URL": "sqlite:///"}, "The API does not start:\ndatabase file / cannot be opened"),
        (
            {"DATABASE_URL": "postgres://u:hidden@127.0.0.1:9/x"},
            "The API does not start:\nDATABASE_URL: Postgre",
        ),
    ],
)
def test_a_program_that_does_not_start_ends_the_start_with_its_reason(
    machine: Machine, settings: dict[str, str], says: str
) -> None:
    code, said = machine("up", **settings)
    assert code == 1
    assert said.startswith(f"Start ... failed\nError: {says}")
    assert "hidden" not in said
    assert machine.processes() == []
    ended, stopped = (machine.logged(message) for message in ("exited: ", "received SIGTERM"))
    assert (stopped - ended).total_seconds() < 2


@pytest.mark.parametrize("folder", ["/dev/null/data", "/proc/data"])
def test_a_data_folder_that_cannot_be_used_is_named(machine: Machine, folder: str) -> None:
    code, said = machine("up", TOOLBRIDGE_DATA_DIR=folder)
    assert code == 1
    assert said.startswith("Error: /")
    assert "set TOOLBRIDGE_DATA_DIR to another folder" in said


def test_a_full_disk_is_said_at_once(machine: Machine) -> None:
    machine.data.mkdir()
    machine.data.joinpath("toolbridge.log").symlink_to("/dev/full")
    code, said = machine("up")
    assert code == 1
    assert "No space left on device" in said


def test_with_a_key_set_no_secret_and_no_token_is_made(machine: Machine) -> None:
    with running_authorization_server() as authority:
        keys = authority.verifiers("gateway")
        code, said = machine("up", "--detach", **keys)
        assert code == 0, said
        assert f"Token        from your identity provider ({authority.issuer})" in said
        assert "JWT_HS256_SECRET" not in Path(machine.environment["TOOLBRIDGE_ENV_FILE"]).read_text()
        code, said = machine("token", **keys)
        assert code == 2
        assert f"from your identity provider ({authority.issuer})" in said
        code, said = machine("connect", "claude-code", **keys)
        assert code == 0
        assert "Bearer TOKEN" in said
        assert machine("down")[0] == 0
        code, said = machine("up", "--detach", **keys, TOOLBRIDGE_TOKEN=authority.sign("ann", "gateway"))
        assert code == 0, said
        assert f"{len(TOOLS)} tools, list_notes answered in " in said


def test_a_gateway_that_is_not_ready_is_quoted(tmp_path: Path) -> None:
    process = gateway_process("http://127.0.0.1:9", tmp_path, TOOLBRIDGE_API_WAIT_SECONDS="0")
    process.ready_path = "/healthz"
    assert launch.problems(process.url) == []
    with running(process):
        assert launch.problems(process.url)[0].startswith("The API does not answer")


def test_up_waits_for_a_migration_and_says_how_far_it_is(machine: Machine) -> None:
    assert machine("up", "--detach")[0] == 0
    assert machine("down")[0] == 0
    database = sqlite3.connect(machine.data / "toolbridge.db", isolation_level=None)
    with closing(database):
        database.execute("UPDATE schema_version SET version = version - 1")
        database.execute("BEGIN IMMEDIATE")
        process = machine.start("up", "--detach")
        assert process.stderr
        line = next(line for line in process.stderr if "being migrated" in line)
        assert line.startswith("  the database is being migrated")
        database.execute("UPDATE schema_version SET version = version + 1")
        database.execute("COMMIT")
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said


@pytest.mark.parametrize(
    ("host", "printed"), [("::", "127.0.0.1"), ("[::1]", "[::1]"), ("127.0.0.2", "127.0.0.2")]
)
def test_what_asks_the_gateway_follows_its_address(machine: Machine, host: str, printed: str) -> None:
    port = machine.environment["TOOLBRIDGE_PORT"]
    code, said = machine("up", "--detach", TOOLBRIDGE_HOST=host)
    assert code == 0, said
    assert f"ToolBridge   http://{printed}:{port}/mcp" in said
    code, said = machine("status", TOOLBRIDGE_HOST=host)
    assert code == 0
    assert f"ready      gateway at http://{printed}:{port}\n" in said
    done = subprocess.run(
        [sys.executable, "-m", "toolbridge_mcp.supervision.healthcheck"],
        env={**machine.environment, "TOOLBRIDGE_HOST": host},
        cwd=GATEWAY_FOLDER,
        check=False,
    )
    assert done.returncode == 0


def test_in_front_of_an_api_that_runs_already_there_is_no_other(machine: Machine, api: Process) -> None:
    settings = {**SECRETS, "TOOLBRIDGE_GO_API_BASE_URL": api.url, "TOOLBRIDGE_API_BINARY": "/nowhere/api"}
    code, said = machine("up", "--detach", **settings)
    assert code == 0, said
    assert f"{len(TOOLS)} tools, list_notes answered in " in said
    assert not machine.data.joinpath("toolbridge.db").exists()
    code, said = machine("status", **settings)
    assert code == 0
    assert f"in front of the API at {api.url}\n" in said
    assert " API at http://127.0.0.1" not in said.replace("the API at", "")
    assert machine("down", **settings)[0] == 0


def test_the_secrets_of_an_api_that_runs_already_are_not_made(machine: Machine, api: Process) -> None:
    code, said = machine("up", TOOLBRIDGE_GO_API_BASE_URL=api.url, TENANT_ID="acme")
    assert code == 1
    assert "TOOLBRIDGE_TENANT_HEADER_SECRET: is not set." in said
    assert not Path(machine.environment["TOOLBRIDGE_ENV_FILE"]).exists()


def test_an_api_that_does_not_run_is_said_when_the_gateway_has_waited_for_it(machine: Machine) -> None:
    settings = {
        **SECRETS,
        "TOOLBRIDGE_GO_API_BASE_URL": "http://127.0.0.1:9",
        "TOOLBRIDGE_API_WAIT_SECONDS": "1",
    }
    code, said = machine("up", **settings)
    assert code == 1
    assert "The API does not answer" in said
    assert "TOOLBRIDGE_GO_API_BASE_URL is http://127.0.0.1:9." in said
    assert machine.processes() == []


def test_a_first_call_that_the_api_refuses_is_quoted(machine: Machine, api: Process) -> None:
    other = "another-secret-of-at-least-thirty-two-bytes"
    settings = {**SECRETS, "TOOLBRIDGE_GO_API_BASE_URL": api.url, "JWT_HS256_SECRET": other}
    code, said = machine("up", **settings)
    assert code == 1
    assert "The first call, list_notes, failed. The tool says: The API did not accept" in said
    assert "TextContent" not in said
