"""A parent process, in which everything is imported and built, and its child, a fork that serves.

A child that died is replaced within a moment, since nothing has to be imported. The parent opens nothing but
the listening sockets, and never accepts: connections that are made in between wait for the next child. The
parent also replaces a child whose event loop has stopped.

This module uses the standard library only, and starts no thread: a fork has none of its parent's threads.
"""

import asyncio
import ctypes
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from socket import socket
from types import FrameType
from typing import Any, NoReturn

logger = logging.getLogger(__name__)

BEAT_SECONDS = 0.5
"""How often a child shows that its event loop runs."""

SILENCE_SECONDS = 3.0
"""A child that shows nothing for so long is killed."""

POLL_SECONDS = 0.25

EARLY_SECONDS = 5.0
"""A child that ends sooner after its start may do so again and again. As `startsecs` in supervisord.conf."""

PAUSES = (0.0, 0.0, 0.5, 1.0, 2.0)
"""Seconds before a child that ended early is replaced: the first, the second in a row and so on. After one
more the parent ends, too, and supervisord decides."""

STOPS = (signal.SIGTERM, signal.SIGINT)
"""What is passed on to the child. Any other signal ends the parent, and thereby the child."""

PR_SET_PDEATHSIG = 1
_PRCTL = getattr(ctypes.CDLL(None), "prctl", None)
"""Of Linux. Elsewhere a child notices at its next beat that its parent is gone."""

Work = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
"""What a child does. Its event loop must run the argument, which beats, as long as it serves."""


def _nothing() -> None:
    pass


class Parent:
    """Keeps one child at work until a stop is requested. `sockets` are those that the child listens at; at a
    stop the parent closes its own copies, so that none is open when the child has closed its."""

    def __init__(self) -> None:
        self.replaced = 0
        """How many children have been replaced. Each child knows the number as it was at its start."""
        self._sockets: Sequence[socket] = ()
        self._handlers: dict[signal.Signals, Any] = {}
        self._asked: int | None = None
        """The signal that requested the stop."""
        self._child: _Child | None = None
        self._beside: Callable[[], None] = _nothing

    def run(self, work: Work, sockets: Sequence[socket] = (), beside: Callable[[], None] = _nothing) -> int:
        """Returns the exit code of the process when no child shall run any more: 0 after SIGTERM, otherwise
        that of the last child, or 128 and the number of the signal that ended it.

        The parent calls `beside` a few times a second while a child runs: the next one begins with what it
        has changed here."""
        self._sockets, self._beside = sockets, beside
        self._handlers = {number: signal.signal(number, self._pass_on) for number in STOPS}
        early = 0
        while True:
            begun = time.monotonic()
            ended = self._one_child(work)
            is_early = time.monotonic() - begun < EARLY_SECONDS
            early = early + 1 if is_early else 0
            # With an exit code of its own, such as that for a port that is taken, it would end again.
            is_hopeless = early > len(PAUSES) or (is_early and ended > 0)
            if not is_hopeless:
                self._pause(PAUSES[early - 1] if early else 0)
            if is_hopeless or self._asked is not None:
                return self._code(ended)
            self.replaced += 1

    def _one_child(self, work: Work) -> int:
        """Returns what the child ended with: an exit code, or the negative number of a signal."""
        child = self._forked(work)
        child.watch(self._beside)
        self._child = None  # from now on its id may be another process's
        ended = child.reap()
        if self._asked is None:
            how = {"exit_code": ended} if ended >= 0 else {"signal": signal.Signals(-ended).name}
            logger.error("the serving process ended", extra={"pid": child.pid, **how})
        return ended

    def _forked(self, work: Work) -> "_Child":
        reader, writer = os.pipe()
        parent = os.getpid()
        # A signal that came now would be handled in the wrong process, or not be passed on.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        pid = os.fork()
        if not pid:
            os.close(reader)
            self._work(work, writer, parent)
        os.close(writer)
        self._child = _Child(pid, reader)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        return self._child

    def _work(self, work: Work, writer: int, parent: int) -> NoReturn:
        """The child, from its first to its last instruction."""
        code = 1
        try:
            # A Ctrl-C reaches the whole group of the parent; the child shall get it once, from the parent.
            os.setpgid(0, 0)
            _end_with(parent)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            os.set_blocking(writer, False)
            work(lambda: _beating(writer))
            code = 0
        except KeyboardInterrupt:
            code = 128 + signal.SIGINT
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            logger.critical("the serving process failed", exc_info=True)
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            os._exit(code)  # the parent's code above this must not go on here, too

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        self._asked = number
        for one in self._sockets:
            one.close()
        if self._child:
            self._child.signal(number)

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._asked is None and time.monotonic() < end:
            time.sleep(0.05)

    def _code(self, ended: int) -> int:
        if self._asked == signal.SIGTERM and ended == -signal.SIGTERM:
            return 0
        return ended if ended >= 0 else 128 - ended


class _Child:
    """A child as its parent sees it. `beats` is a pipe that only the child writes to, so that it ends with
    the child."""

    def __init__(self, pid: int, beats: int) -> None:
        self.pid = pid
        self._beats = beats
        self._silence = 0.0
        self._used = 0.0

    def watch(self, beside: Callable[[], None]) -> None:
        """Returns when the child has ended. Kills it when it is silent. Calls `beside` in between."""
        last = time.monotonic()
        while True:
            beside()
            ready, _, _ = select.select([self._beats], [], [], POLL_SECONDS)
            now = time.monotonic()
            # A round that takes longer means that everything was paused, the child, too.
            passed, last = min(now - last, 2 * POLL_SECONDS), now
            if not ready:
                self._count(passed)
            elif not os.read(self._beats, 4096):
                return
            else:
                self._silence = 0.0

    def _count(self, passed: float) -> None:
        """Notes a round without a beat."""
        state, used = _present(self.pid)
        if state == "R":  # it may wait for a processor: only what it used is its own fault
            passed = min(passed, used - self._used)
        self._used = used
        self._silence += 0 if state == "t" else passed  # a debugger holds it
        if self._silence > SILENCE_SECONDS:
            self._silence = 0.0
            self.signal(signal.SIGKILL)
            logger.error("killing the serving process, which does not respond", extra={"pid": self.pid})

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def reap(self) -> int:
        os.close(self._beats)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _present(pid: int) -> tuple[str, float]:
    """The state of a process, by the letters of proc(5), and the processor time that it has used. On systems
    without /proc it is always asleep."""
    try:
        fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "S", 0.0
    return fields[0], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _end_with(parent: int) -> None:
    """Ends this process when its parent ends: nobody would replace it, and it would keep the port."""
    if _PRCTL:
        _PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


async def _beating(writer: int) -> None:
    while True:
        try:
            os.write(writer, b".")
        except BlockingIOError:  # the parent is frozen, and the pipe is full
            pass
        except BrokenPipeError:  # the parent is gone
            os._exit(1)
        await asyncio.sleep(BEAT_SECONDS)
