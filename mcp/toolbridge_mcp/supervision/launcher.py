"""The first process: starts supervisord, and passes signals and output on. Its exit code is 0 after a
requested stop, and 1 after a failure."""

import os
import re
import select
import signal
import time
from collections.abc import Mapping
from contextlib import suppress

from toolbridge_mcp.supervision.lines import JsonLines, Output, line

PID_VARIABLE = "TOOLBRIDGE_LAUNCHER_PID"
"""The environment variable with the process to which the watchdog sends the signals FAILED and ALIVE."""
FAILED = signal.SIGUSR1
ALIVE = signal.SIGUSR2
STOPS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}

STOP_SECONDS = 50
"""More than the sum of the stop times in supervisord.conf, less than kill_timeout in fly.toml."""
SILENCE_SECONDS = 30
"""After so long without a signal from the watchdog, it or supervisord is frozen or was given up. The programs
write through supervisord, so a frozen supervisord halts them, too."""
ANSWER_SECONDS = 10
"""supervisord logs a stop request at once, unless it is frozen."""
POLL_SECONDS = 1.0

HOPELESS = re.compile(
    rb'"logger": "supervisord", "message": "exited: (gateway \(exit status 2|api \(exit status 78);'
)
"""supervisord's message when a setting of a program is missing or wrong: another start would not help. A Go
program that panics ends with 2, so the API's code is another one."""


class Launcher:
    """Runs `command`, which is supervisord, in `environment`. Writes its output to `output`, as JSON lines.

    supervisord gets a pipe, because it opens its standard output a second time, by name. The system refuses
    that where root opened the output and then became another user.
    """

    def __init__(
        self,
        command: list[str],
        output: Output,
        environment: Mapping[str, str] = os.environ,
        *,
        silence: float = SILENCE_SECONDS,
        answer: float = ANSWER_SECONDS,
    ) -> None:
        self._command = command
        self._output = output
        self._environment = environment
        self._silence = silence
        self._answer = answer
        self._lines = JsonLines()
        self._pid = 0
        self._status: int | None = None
        self._asked = False
        self._failed = False
        self._stopped_at: float | None = None
        self._kill_at = float("inf")
        self._unheard = 0.0

    def run(self) -> int:
        """Returns when supervisord has ended: 0 if a stop was requested and nothing failed, else 1."""
        signals = _signals(STOPS | {FAILED, ALIVE, signal.SIGCHLD})
        said = self._start()
        last = time.monotonic()
        while self._status is None:
            ready, _, _ = select.select([said, signals], [], [], POLL_SECONDS)
            if said in ready:
                self._pass_on(said)
            if signals in ready:
                for number in os.read(signals, 1 << 10):
                    self._take(signal.Signals(number))
            last = self._watch(last)
            self._reap()
        # All of its output is in the pipe by now. One of its programs may hold the pipe open for longer.
        os.set_blocking(said, False)
        with suppress(BlockingIOError):
            while self._pass_on(said):
                pass
        self._write(self._lines.end())
        return 0 if self._asked and not self._failed and self._status == 0 else 1

    def _start(self) -> int:
        """Returns the file descriptor with the output of supervisord and its programs."""
        reader, writer = os.pipe()
        streams = [(os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, writer, 2)]
        environment = {**self._environment, PID_VARIABLE: str(os.getpid())}
        self._pid = os.posix_spawnp(self._command[0], self._command, environment, file_actions=streams)
        os.close(writer)
        return reader

    def _pass_on(self, said: int) -> bool:
        """Copies what is there to the output. Returns False at the end of the pipe."""
        chunk = os.read(said, 1 << 16)
        lines = self._lines.feed(chunk)
        self._write(lines)
        if self._stopped_at is None and HOPELESS.search(lines):
            self._fail("stopping everything: a program does not start with these settings")
        if chunk and self._stopped_at is not None:
            self._kill_at = self._stopped_at + STOP_SECONDS
        return bool(chunk)

    def _write(self, data: bytes) -> None:
        """Ignores errors: a log that cannot be written is no reason to stop serving."""
        with suppress(OSError):
            self._output.write(data)
            self._output.flush()

    def _take(self, number: signal.Signals) -> None:
        if number in STOPS:
            self._asked = True
            self._stop()
        elif number == FAILED:
            self._fail("stopping everything: a program failed for good")
        elif number == ALIVE:
            self._unheard = 0.0

    def _watch(self, last: float) -> float:
        """Acts on silence and on a stop that takes too long. Returns the present time."""
        now = time.monotonic()
        # A round that takes longer means that everything was paused, so the watchdog could not signal.
        self._unheard += min(now - last, 2 * POLL_SECONDS)
        if self._unheard > self._silence and self._stopped_at is None:
            self._fail("stopping everything: the watchdog gave no sign of life")
        if now > self._kill_at:
            self._signal(signal.SIGKILL)
        return now

    def _reap(self) -> None:
        """Notes the end of supervisord, and reaps orphans, which process 1 inherits."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._pid:
                    self._status = ended[1]

    def _fail(self, message: str) -> None:
        self._failed = True
        self._write(line("error", "supervision", message).encode() + b"\n")
        self._stop()

    def _stop(self) -> None:
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
            self._kill_at = self._stopped_at + self._answer
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self._status is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)


def _signals(numbers: set[signal.Signals]) -> int:
    """The file descriptor with the numbers of the signals that arrive, so that none interrupts anything."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, lambda _number, _frame: None)
    return reader
