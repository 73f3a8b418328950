"""The log of a stack: one JSON object a line, from supervisord and both programs; people are shown text."""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from toolbridge_mcp.readable import readable

KEPT_BYTES = 10_000_000
SHOWN_LINES = 30
PROBE = re.compile(rb'"route": ?"/(?:healthz|readyz)"')
ENDED = re.compile(r"exited: \w+ \(.*; not expected\)")


def make_room(path: Path) -> int:
    """Moves a log aside that has grown large. Returns the byte at which the next entries begin."""
    size = path.stat().st_size if path.exists() else 0
    if size <= KEPT_BYTES:
        return size
    path.replace(path.with_suffix(".log.1"))
    return 0


def open_log(path: Path) -> int:
    """A file descriptor. Opened to append, since supervisord opens the log a second time, by name.

    Raises OSError also if the disk is full: the programs could not say in the log why they do not start.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    entry = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": "info", "logger": "cli"}
    os.write(descriptor, json.dumps({**entry, "message": "starting"}).encode() + b"\n")
    return descriptor


def tail(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return "\n".join([f"The end of {path}:", *lines[-SHOWN_LINES:]])


class Follower:
    """Reads what is added to a log."""

    def __init__(self, path: Path, start: int) -> None:
        self._path = path
        self._start = start

    @classmethod
    def from_its_end(cls, path: Path) -> Self:
        return cls(path, path.stat().st_size)

    def lines(self, *, coloured: bool) -> Iterator[str]:
        """The lines that are complete since the last time, for people. The watchdog's probes are left out."""
        with self._path.open("rb") as file:
            file.seek(self._start)
            whole, end, _ = file.read().rpartition(b"\n")
        self._start += len(whole + end)
        for line in whole.split(b"\n") if end else ():
            if not PROBE.search(line):
                yield readable(line.decode(errors="replace"), coloured=coloured)


def failed_start(path: Path, start: int) -> str | None:
    """The errors that the programs reported since byte `start`, once one of them has ended, else None."""
    with path.open("rb") as file:
        file.seek(start)
        lines = file.read().splitlines()
    entries = [json.loads(line) for line in lines if line.endswith(b"}")]
    if not any(ENDED.match(str(entry["message"])) for entry in entries if entry["logger"] == "supervisord"):
        return None
    errors = (entry for entry in entries if entry["level"] in {"error", "critical"})
    return "\n".join(
        _sentence(entry) for entry in errors if entry["logger"] not in {"supervisord", "supervision"}
    )


def _sentence(entry: dict[str, str]) -> str:
    """The API says why it ends in a field of its own."""
    return f"The API does not start:\n{entry['error']}" if "error" in entry else entry["message"]
