"""What runs on a data folder.

The launcher and supervisord inherit a lock on a file in the folder and hold it as long as they live;
supervisord closes it in the programs that it starts. Every process of the stack has TOOLBRIDGE_PIDFILE in
its environment, which names a file in that folder.
"""

import fcntl
import os
import time
from contextlib import suppress

import psutil

from toolbridge_mcp.cli.stack import Stack

STOP_SECONDS = 60
"""More than the launcher waits for supervisord."""

LEFTOVER_SECONDS = 10


def open_lock(stack: Stack) -> int:
    stack.data.mkdir(parents=True, exist_ok=True)
    return os.open(stack.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def take(lock: int, patience: float = 1) -> bool:
    """Whether this process now holds the lock. It waits, since `is_running` holds the lock for an instant."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def is_running(stack: Stack) -> bool:
    """Whether the launcher or supervisord is alive."""
    if not stack.lock.exists():
        return False
    lock = open_lock(stack)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def leader(stack: Stack) -> psutil.Process | None:
    """The launcher, or supervisord if the launcher was killed. A signal to it reaches the whole stack."""
    found = {process.pid: process for process in _processes(stack)}
    for process in found.values():
        with suppress(psutil.NoSuchProcess):
            if process.ppid() not in found:
                return process
    return None


def stop(stack: Stack) -> None:
    """Stops the stack and returns when nothing of it runs. Calls in flight may finish, as on every stop."""
    deadline = time.monotonic() + STOP_SECONDS
    asked = False
    while is_running(stack) and time.monotonic() < deadline:
        # A launcher that was started this instant cannot be found yet.
        if not asked and (process := leader(stack)):
            with suppress(psutil.NoSuchProcess):
                process.terminate()
                asked = True
        time.sleep(0.05)
    end_leftovers(stack)


def end_leftovers(stack: Stack) -> None:
    """Ends the programs of a supervisord that was killed, and whatever did not stop in time."""
    for end in (psutil.Process.terminate, psutil.Process.kill):
        found = _processes(stack)
        for process in found:
            with suppress(psutil.NoSuchProcess):
                end(process)
        psutil.wait_procs(found, LEFTOVER_SECONDS)


def _processes(stack: Stack) -> list[psutil.Process]:
    mark = str(stack.pidfile)
    found = psutil.process_iter(["environ"])
    return [one for one in found if (one.info["environ"] or {}).get("TOOLBRIDGE_PIDFILE") == mark]
