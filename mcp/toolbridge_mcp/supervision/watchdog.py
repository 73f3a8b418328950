"""supervisord's event listener: kills frozen programs, and reports programs that supervisord gave up.

    python -m toolbridge_mcp.supervision.watchdog PROGRAM=HOST:PORT...

supervisord restarts a program that died. The watchdog kills a program that runs but does not respond, so that
supervisord restarts it, too. When supervisord gives a program up, the launcher stops everything.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO

from toolbridge_mcp.supervision.launcher import ALIVE, FAILED, PID_VARIABLE
from toolbridge_mcp.supervision.lines import line

MISSES = 3
"""So many probes in a row, 5 s apart, must get no response."""
ANSWER_SECONDS = 3.0

Fields = dict[str, str]

Place = tuple[str, int]
"""The host and port at which this machine reaches a program."""


@dataclass
class Process:
    """A program's present process. It is killed only if it used to respond, since a start may take long: the
    API, for example, may migrate a large database first."""

    pid: int
    answered: bool = False
    misses: int = 0


def answers(place: Place, seconds: float = ANSWER_SECONDS) -> bool:
    """Whether the program responds at all. "Not ready" counts as a response."""
    try:
        with socket.create_connection(place, seconds) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return connection.recv(1) != b""
    except OSError:
        return False


class Watchdog:
    """Handles the events of supervisord. `notify` sends a signal to the launcher."""

    def __init__(
        self,
        places: Mapping[str, Place],
        notify: Callable[[signal.Signals], None],
        probe: Callable[[Place], bool] = answers,
    ) -> None:
        self._places = places
        self._notify = notify
        self._probe = probe
        self._running: dict[str, Process] = {}

    def take(self, event: str, fields: Fields) -> None:
        """Handles one event, with the names of supervisord's documentation."""
        name = fields.get("processname", "")
        if event.startswith("TICK"):
            self._check_all()
            self._notify(ALIVE)
        elif event == "PROCESS_STATE_RUNNING" and name in self._places:
            self._running[name] = Process(int(fields["pid"]))
        elif event == "PROCESS_STATE_FATAL":
            _say("error", "a program does not start", program=name)
            self._notify(FAILED)
        else:
            self._running.pop(name, None)

    def _check_all(self) -> None:
        for name, process in self._running.items():
            if self._probe(self._places[name]):
                process.answered, process.misses = True, 0
                continue
            process.misses += process.answered
            if process.misses >= MISSES:
                process.misses = 0
                _end(name, process.pid)


def _end(name: str, pid: int) -> None:
    _say("error", "killing a program that does not answer", program=name, pid=pid)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _say(level: str, message: str, **fields: object) -> None:
    sys.stderr.write(line(level, "supervision", message, **fields) + "\n")
    sys.stderr.flush()


def events(source: TextIO, answer: TextIO) -> Iterator[tuple[str, Fields]]:
    """Speaks the event listener protocol of supervisord, and ends when supervisord is gone. An event is
    acknowledged when the caller asks for the next one.
    """
    while True:
        answer.write("READY\n")
        answer.flush()
        header = _fields(source.readline())
        if not header:
            return
        yield header["eventname"], _fields(source.read(int(header["len"])))
        answer.write("RESULT 2\nOK")
        answer.flush()


def _fields(text: str) -> Fields:
    return dict(pair.split(":", 1) for pair in text.split())


def program(argument: str) -> tuple[str, Place]:
    """Name and place from an argument NAME=HOST:PORT."""
    name, _, place = argument.partition("=")
    host, _, port = place.rpartition(":")
    return name, (host, int(port))


def main() -> None:
    launcher = int(os.environ[PID_VARIABLE])
    watchdog = Watchdog(dict(map(program, sys.argv[1:])), lambda number: os.kill(launcher, number))
    for event, fields in events(sys.stdin, sys.stdout):
        watchdog.take(event, fields)


if __name__ == "__main__":
    main()
