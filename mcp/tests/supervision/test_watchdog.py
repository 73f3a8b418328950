"""The watchdog kills programs that do not respond at all, and no others."""

import io
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from tests.harness.processes import Process, free_port
from toolbridge_mcp.supervision.launcher import ALIVE, FAILED
from toolbridge_mcp.supervision.watchdog import MISSES, Watchdog, answers, events

PLACES = {"api": ("127.0.0.1", 1)}


class Scene:
    """A watchdog, the signals that it sent to the launcher, and whether the program responds."""

    def __init__(self) -> None:
        self.told: list[signal.Signals] = []
        self.answering = True
        self.watchdog = Watchdog(PLACES, self.told.append, lambda _place: self.answering)

    def running(self, pid: int) -> None:
        self.watchdog.take("PROCESS_STATE_RUNNING", {"processname": "api", "pid": str(pid)})

    def ticks(self, number: int) -> None:
        for _ in range(number):
            self.watchdog.take("TICK_5", {"when": "1"})


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def program() -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a group of its own, as supervisord starts them."""
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_a_program_that_stops_answering_is_killed(scene: Scene, program: "subprocess.Popen[bytes]") -> None:
    scene.running(program.pid)
    scene.ticks(1)
    scene.answering = False
    scene.ticks(MISSES - 1)
    assert program.poll() is None
    scene.ticks(1)
    assert program.wait(5) == -signal.SIGKILL


def test_one_answer_in_between_is_enough(scene: Scene, program: "subprocess.Popen[bytes]") -> None:
    scene.running(program.pid)
    for _ in range(3):
        scene.answering = True
        scene.ticks(1)
        scene.answering = False
        scene.ticks(MISSES - 1)
    assert program.poll() is None


def test_a_long_start_is_left_alone(scene: Scene, program: "subprocess.Popen[bytes]") -> None:
    scene.answering = False
    scene.running(program.pid)
    scene.ticks(100)
    assert program.poll() is None


@pytest.mark.parametrize("state", ["STOPPING", "EXITED", "BACKOFF", "STARTING"])
def test_a_program_that_stops_or_starts_is_left_alone(
    scene: Scene, program: "subprocess.Popen[bytes]", state: str
) -> None:
    scene.running(program.pid)
    scene.ticks(1)
    scene.watchdog.take(f"PROCESS_STATE_{state}", {"processname": "api", "pid": str(program.pid)})
    scene.answering = False
    scene.ticks(MISSES)
    assert program.poll() is None


def test_a_process_that_is_gone_meanwhile_is_no_fault(scene: Scene) -> None:
    gone = subprocess.Popen(["true"], start_new_session=True)
    gone.wait()
    scene.running(gone.pid)
    scene.ticks(1)
    scene.answering = False
    scene.ticks(MISSES)
    assert set(scene.told) == {ALIVE}


def test_the_launcher_hears_of_every_check_and_of_a_program_that_was_given_up(scene: Scene) -> None:
    scene.ticks(2)
    scene.watchdog.take("PROCESS_STATE_FATAL", {"processname": "gateway", "from_state": "BACKOFF"})
    assert scene.told == [ALIVE, ALIVE, FAILED]


def test_events_are_read_and_acknowledged_as_supervisord_wants() -> None:
    payload = "processname:api groupname:api from_state:STARTING pid:7"
    source = io.StringIO(f"ver:3.0 eventname:PROCESS_STATE_RUNNING len:{len(payload)}\n{payload}")
    answer = io.StringIO()
    ((name, fields),) = events(source, answer)
    assert name == "PROCESS_STATE_RUNNING"
    assert fields["processname"] == "api"
    assert fields["pid"] == "7"
    assert answer.getvalue() == "READY\nRESULT 2\nOKREADY\n"


def test_a_real_api_answers_and_a_frozen_one_does_not(api: Process) -> None:
    assert answers(("127.0.0.1", api.port))
    api.signal(signal.SIGSTOP)
    try:
        assert not answers(("127.0.0.1", api.port), seconds=0.2)
    finally:
        api.signal(signal.SIGCONT)
    assert answers(("127.0.0.1", api.port))


@pytest.mark.parametrize(
    ("said", "alive"), [(b"HTTP/1.1 503 Service Unavailable\r\n\r\n", True), (b"", False)]
)
def test_any_answer_is_a_sign_of_life(said: bytes, alive: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        assert answers(("127.0.0.1", port)) is alive
        thread.join()


def test_nothing_answers_where_nobody_listens() -> None:
    assert not answers(("127.0.0.1", free_port()), seconds=0.2)
