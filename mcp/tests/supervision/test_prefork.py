"""The parent and its child as real processes, with a small server as the child's work."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from tests.harness.processes import GATEWAY_FOLDER, START_SECONDS
from toolbridge_mcp.supervision import prefork
from toolbridge_mcp.supervision.prefork import PAUSES, SILENCE_SECONDS

PROGRAM = """
import asyncio, json, logging, os, signal, socket, sys, time
from toolbridge_mcp.supervision.prefork import Parent

def say(**fact):
    sys.stdout.write(json.dumps(fact) + "\\n")
    sys.stdout.flush()

class Lines(logging.Handler):
    def emit(self, record):
        say(logged=record.getMessage())

logging.basicConfig(handlers=[Lines()], level=logging.INFO)
parent = Parent()
listener = socket.create_server(("127.0.0.1", 0))
say(port=listener.getsockname()[1])

def ended_by(wanted):
    async def serve(beating):
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        beats = asyncio.create_task(beating())
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async def answer(reader, writer):
            said = await reader.readline()
            if said == b"block\\n":
                time.sleep(60)
            writer.write(b"%d\\n" % os.getpid())
            writer.close()
        server = await asyncio.start_server(answer, sock=listener)
        say(serving=os.getpid(), replaced=parent.replaced, descriptors=sorted(os.listdir("/dev/fd")))
        await stop.wait()
        server.close()
        say(draining=os.getpid())
        await asyncio.sleep(wanted)
    return serve

def serve(beating):
    asyncio.run(ended_by(float(sys.argv[2]))(beating))

def exits(beating):
    say(serving=os.getpid())
    sys.exit(7)

def dies(beating):
    say(serving=os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)

def fails(beating):
    raise ValueError("a secret")

def hears_no_stop_yet(beating):
    say(serving=os.getpid())
    while True:  # a signal that comes just before one long sleep would not end it
        time.sleep(0.05)

sys.exit(parent.run(globals()[sys.argv[1]], [listener]))
"""


class Program:
    """A parent, and the facts that it and its children say."""

    def __init__(self, work: str, drain_seconds: float, log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, work, str(drain_seconds)],
                cwd=GATEWAY_FOLDER,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def facts(self, name: str) -> list[dict[str, object]]:
        lines = self._log.read_text().split("\n")[:-1]
        assert all(line.startswith("{") for line in lines), self._log.read_text()
        return [fact for fact in map(json.loads, lines) if name in fact]

    def logged(self) -> list[object]:
        return [fact["logged"] for fact in self.facts("logged")]

    def child(self, number: int = 1) -> int:
        """The process id of that child, when it serves."""
        until(lambda: len(self.facts("serving")) >= number)
        return int(str(self.facts("serving")[number - 1]["serving"]))

    def connect(self) -> socket.socket:
        until(lambda: self.facts("port") != [])
        return socket.create_connection(("127.0.0.1", int(str(self.facts("port")[0]["port"]))), 30)

    def who_answers(self, said: bytes = b"hello\n") -> int:
        with self.connect() as connection:
            connection.sendall(said)
            return int(connection.recv(100))

    def ended(self) -> int:
        return self.process.wait(START_SECONDS)


Start = Callable[..., Program]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Program] = []

    def begin(work: str = "serve", drain_seconds: float = 0) -> Program:
        started.append(Program(work, drain_seconds, tmp_path / f"log{len(started)}"))
        return started[-1]

    yield begin
    for program in started:
        program.process.kill()
        program.process.wait()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < end, "not within the time"
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    """Whether the process has ended; one that nobody has reaped yet has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def signalled(number: signal.Signals, pids: Sequence[int]) -> None:
    for pid in pids:
        os.kill(pid, number)


def test_a_killed_child_is_replaced_and_connections_wait_for_the_next_one(start: Start) -> None:
    program = start()
    first = program.child()
    os.kill(first, signal.SIGKILL)
    assert program.who_answers() == program.child(2) != first
    assert program.facts("serving")[1]["replaced"] == 1
    assert program.logged() == ["the serving process ended"]


def test_a_connection_that_nobody_had_accepted_survives(start: Start) -> None:
    program = start()
    first = program.child()
    os.kill(first, signal.SIGSTOP)
    with program.connect() as connection:
        connection.sendall(b"hello\n")
        os.kill(first, signal.SIGKILL)
        assert int(connection.recv(100)) == program.child(2)


def test_a_replacement_has_the_same_descriptors_and_leaves_no_process_behind(start: Start) -> None:
    program = start()
    for number in (1, 2, 3):
        os.kill(program.child(number), signal.SIGKILL)
    last = program.child(4)
    assert [child.pid for child in psutil.Process(program.process.pid).children()] == [last]
    assert len({str(fact["descriptors"]) for fact in program.facts("serving")}) == 1


def test_a_frozen_child_is_replaced(start: Start) -> None:
    program = start()
    first = program.child()
    os.kill(first, signal.SIGSTOP)
    assert program.who_answers() == program.child(2) != first
    assert program.logged()[0] == "killing the serving process, which does not respond"


def test_a_child_whose_event_loop_is_blocked_is_replaced(start: Start) -> None:
    program = start()
    first = program.child()
    with program.connect() as connection:
        connection.sendall(b"block\n")
        assert connection.recv(100) == b"", "the connection ends with the child"
    assert program.who_answers() == program.child(2) != first


def test_a_paused_machine_is_no_reason_to_kill(start: Start) -> None:
    program = start()
    every = (program.process.pid, program.child())
    signalled(signal.SIGSTOP, every)
    time.sleep(SILENCE_SECONDS + 2)
    signalled(signal.SIGCONT, every)
    time.sleep(1)
    assert program.who_answers() == program.child()
    assert program.logged() == []


def test_a_frozen_parent_is_no_reason_to_stop_serving(start: Start) -> None:
    program = start()
    child = program.child()
    os.kill(program.process.pid, signal.SIGSTOP)
    time.sleep(SILENCE_SECONDS + 2)
    assert program.who_answers() == child
    os.kill(program.process.pid, signal.SIGCONT)
    time.sleep(1)
    assert program.who_answers() == child
    assert program.logged() == []


@pytest.mark.parametrize("state", ["running", "frozen"])
def test_a_child_ends_with_its_parent(start: Start, state: str) -> None:
    program = start()
    child = program.child()
    if state == "frozen":
        os.kill(child, signal.SIGSTOP)
    program.process.kill()
    program.ended()
    until(lambda: is_gone(child))


def test_a_child_notices_without_help_of_the_system_that_its_parent_is_gone(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "PROGRAM", "import ctypes; ctypes.CDLL = lambda _: None\n" + PROGRAM)
    program = start()
    child = program.child()
    program.process.kill()
    program.ended()
    until(lambda: is_gone(child))


def test_a_child_that_dies_again_and_again_is_given_up(start: Start) -> None:
    program = start("dies")
    assert program.ended() == 128 + signal.SIGKILL
    assert len(program.facts("serving")) == len(PAUSES) + 1
    assert program.logged() == ["the serving process ended"] * (len(PAUSES) + 1)


def test_a_child_that_exits_at_its_start_is_not_replaced(start: Start) -> None:
    program = start("exits")
    assert program.ended() == 7
    assert len(program.facts("serving")) == 1


def test_an_exception_ends_everything_and_its_text_is_not_printed(start: Start) -> None:
    program = start("fails")
    assert program.ended() == 1
    assert program.logged() == ["the serving process failed", "the serving process ended"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_the_child_drain_and_then_closes_the_port(start: Start, number: signal.Signals) -> None:
    program = start(drain_seconds=1)
    program.child()
    program.process.send_signal(number)
    until(lambda: program.facts("draining") != [])
    with pytest.raises(ConnectionRefusedError):
        program.connect()
    assert program.process.poll() is None
    assert program.ended() == 0
    assert program.logged() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_stop_before_the_child_listens_to_it(start: Start, number: signal.Signals, code: int) -> None:
    program = start("hears_no_stop_yet")
    program.child()
    program.process.send_signal(number)
    assert program.ended() == code


def test_a_ctrl_c_reaches_the_child_once(start: Start) -> None:
    """A terminal sends it to the whole group, and a second one means "at once"."""
    program = start()
    child = program.child()
    assert os.getpgid(child) != os.getpgid(program.process.pid)


def test_a_stop_while_a_child_is_being_replaced(start: Start) -> None:
    program = start("dies")
    until(lambda: len(program.facts("serving")) >= 5)  # the pause before the next one is the longest
    program.process.terminate()
    assert program.ended() == 128 + signal.SIGKILL
    assert len(program.facts("serving")) == 5


def test_a_child_that_is_killed_while_it_drains_is_not_replaced(start: Start) -> None:
    program = start(drain_seconds=60)
    child = program.child()
    program.process.terminate()
    until(lambda: program.facts("draining") != [])
    os.kill(child, signal.SIGKILL)
    assert program.ended() == 128 + signal.SIGKILL
    assert len(program.facts("serving")) == 1


def test_a_child_that_freezes_while_it_drains_is_killed(start: Start) -> None:
    program = start(drain_seconds=60)
    child = program.child()
    program.process.terminate()
    until(lambda: program.facts("draining") != [])
    os.kill(child, signal.SIGSTOP)
    assert program.ended() == 128 + signal.SIGKILL


def test_a_child_that_drained_on_its_own_is_replaced(start: Start) -> None:
    """For example after a SIGTERM that somebody sent to the child alone."""
    program = start()
    first = program.child()
    os.kill(first, signal.SIGTERM)
    second = program.child(2)
    assert program.who_answers() == second != first


class Watched:
    """A child that never beats, on a clock of the test's. The rest is what the system says of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, state: str, used_per_second: float) -> None:
        self.seconds = 0.0
        self.killed = False
        monkeypatch.setattr(prefork, "_present", lambda _pid: (state, self.seconds * used_per_second))
        self.child = prefork._Child(0, -1)
        monkeypatch.setattr(self.child, "signal", self._kill)

    def _kill(self, _number: int) -> None:
        self.killed = True

    def wait(self, seconds: float) -> bool:
        """Whether the child was killed within that time."""
        while self.seconds < seconds and not self.killed:
            self.seconds += 0.25
            self.child._count(0.25)
        return self.killed


@pytest.mark.parametrize(
    ("state", "used_per_second", "is_killed"),
    [
        ("S", 0, True),  # waits for something that is not its event loop
        ("T", 0, True),
        ("R", 1, True),  # computes
        ("R", 0.1, False),  # has a tenth of a processor
        ("t", 0, False),  # is held by a debugger
    ],
)
def test_a_child_that_waits_for_a_processor_is_not_taken_for_a_frozen_one(
    monkeypatch: pytest.MonkeyPatch, state: str, used_per_second: float, is_killed: bool
) -> None:
    monkeypatch.setattr(logging.getLogger(prefork.__name__), "disabled", True)
    assert Watched(monkeypatch, state, used_per_second).wait(SILENCE_SECONDS + 1) is is_killed
