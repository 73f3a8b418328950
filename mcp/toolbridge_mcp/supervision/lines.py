"""Turns the output of all programs into one JSON object a line, and these into text for people."""

import json
import re
from datetime import UTC, datetime
from typing import Protocol

from toolbridge_mcp.readable import readable

LONGEST = 1 << 20
"""A longer line is cut here: the program may write no line ends at all."""

_SUPERVISORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ([A-Z]{4}) (.*)")
_LEVELS = {"CRIT": "critical", "ERRO": "error", "WARN": "warning", "INFO": "info"}


def line(level: str, logger: str, message: str, **fields: object) -> str:
    """A log line in the format of all programs."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": time, "level": level, "logger": logger, "message": message, **fields})


class Output(Protocol):
    """Where whole lines go."""

    def write(self, lines: bytes, /) -> object: ...

    def flush(self) -> None: ...


class Readable:
    """Writes JSON lines to `output` as text for people."""

    def __init__(self, output: Output, *, coloured: bool) -> None:
        self._output = output
        self._coloured = coloured

    def write(self, lines: bytes, /) -> None:
        texts = lines.decode(errors="replace").removesuffix("\n").split("\n") if lines else ()
        shown = (readable(text, coloured=self._coloured) for text in texts)
        self._output.write("".join(f"{text}\n" for text in shown).encode())

    def flush(self) -> None:
        self._output.flush()


class JsonLines:
    """Turns chunks of output into whole lines, each of them a JSON object.

    JSON lines of the programs pass unchanged. Lines of supervisord keep their level. Any other text comes
    from a program that cannot log, so its level is error.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> bytes:
        """Takes the next chunk. Returns the lines that are complete."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST:
            whole, self._rest = [*whole, self._rest], b""
        return b"".join(map(_as_json, whole))

    def end(self) -> bytes:
        """Returns the last line, if it had no line end."""
        return self.feed(b"\n") if self._rest else b""


def _as_json(text: bytes) -> bytes:
    if text.startswith(b"{") and text.endswith(b"}"):
        return text + b"\n"
    said = text.decode(errors="replace").rstrip()
    if not said:
        return b""
    found = _SUPERVISORD.fullmatch(said)
    if found:
        made = line(_LEVELS.get(found[1], "debug"), "supervisord", found[2])
    else:
        made = line("error", "output", said)
    return made.encode() + b"\n"
