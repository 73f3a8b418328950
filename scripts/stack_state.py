"""What the data folder knows of its stack: a lock, two process ids, a log.

Whether a stack runs is told by the lock: the launcher and supervisord inherit it and hold it for as long
as they live, and no longer (supervisord closes it in the programs it starts).
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

STOPPED_WITHIN = 60
LOG_KEPT_BYTES = 10_000_000

DATA = Path(os.environ["TOOLBRIDGE_DATA_DIR"]).resolve()
LOCK = DATA / "supervisord.lock"
PIDFILE = DATA / "launcher.pid"
SUPERVISOR_PIDFILE = DATA / "supervisord.pid"
LOG = DATA / "toolbridge.log"


class StackError(Exception):
    """The sentence that the person at the terminal reads."""


def open_lock() -> int:
    DATA.mkdir(parents=True, exist_ok=True)
    return os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def take(lock: int, patience: float = 1) -> bool:
    """Waits a moment, since somebody who only looks also holds the lock for an instant."""
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


def is_running() -> bool:
    if not LOCK.exists():
        return False
    lock = open_lock()
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def written_pid(file: Path = PIDFILE) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def open_log() -> int:
    """Opened to append, since supervisord opens it a second time, by name, for the programs."""
    if LOG.exists() and LOG.stat().st_size > LOG_KEPT_BYTES:
        LOG.replace(LOG.with_suffix(".log.1"))
    return os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def log_tail(lines: int = 30) -> str:
    text = LOG.read_text(errors="replace") if LOG.exists() else ""
    return "\n".join([f"The end of {LOG}:", *text.splitlines()[-lines:]])


def belongs_to_stack(pid: int, session: int) -> bool:
    """Of the session that the launcher leads, and started for this data folder.

    A number in a file may have been given to a stranger since, so both must hold. The second is
    read from /proc and is not checked where there is none.
    """
    try:
        if os.getsid(pid) != session:
            return False
        environment = Path("/proc", str(pid), "environ")
        if not Path("/proc/self/environ").exists():
            return pid == session
        return f"TOOLBRIDGE_PIDFILE={SUPERVISOR_PIDFILE}".encode() in environment.read_bytes().split(b"\0")
    except OSError:
        return False


def ask_to_stop() -> None:
    """Stops what runs, and waits until it is gone."""
    deadline = time.monotonic() + STOPPED_WITHIN
    asked = False
    while is_running():
        if not asked and (pid := leader()):
            os.kill(pid, signal.SIGTERM)
            asked = True
        if time.monotonic() > deadline:
            raise StackError(f"Still running after {STOPPED_WITHIN} s.\n{log_tail()}")
        time.sleep(0.05)


def leader() -> int | None:
    """The launcher, or supervisord where the launcher was killed."""
    session = written_pid()
    known = (session, written_pid(SUPERVISOR_PIDFILE))
    return next((pid for pid in known if pid and session and belongs_to_stack(pid, session)), None)


def leftovers() -> Iterator[int]:
    """Programs whose supervisord was killed. Found through /proc, so on Linux only."""
    session = written_pid()
    if session is None:
        return
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        if belongs_to_stack(pid, session):
            yield pid


def end_leftovers() -> None:
    """Only for when no supervisord holds the lock: nobody looks after what is found then."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 10
        found = list(leftovers())
        for pid in found:
            os.kill(pid, sent)
        while found and time.monotonic() < deadline:
            time.sleep(0.1)
            found = list(leftovers())
    PIDFILE.unlink(missing_ok=True)
