"""Log lines for people: the JSON lines of all programs as aligned text, for development.

This module uses the standard library only: the container's first process imports it.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TextIO

FORMATS = frozenset({"LOG_FORMAT", "TOOLBRIDGE_LOG_FORMAT"})
"""The variables that choose between `json` and `text`."""

NO_COLOURS = "NO_COLOR"
"""The variable by which people switch colours off in all programs (https://no-color.org)."""

WIDTH = 34
"""Of what was called and how it ended, so that times are below each other."""

_HEAD = frozenset({"time", "level", "logger", "message", "at"})
_LEVELS = {"warning": "warn", "critical": "crit"}
_COLOURS = {"warn": "33", "warning": "33", "error": "31", "critical": "31"}


def wants_text(environment: Mapping[str, str]) -> bool:
    """Whether a variable asks for lines for people."""
    return any(environment.get(name, "").lower() == "text" for name in FORMATS)


def in_json(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of programs whose lines somebody else makes readable."""
    asked = {name for name in FORMATS & environment.keys() if environment[name].lower() == "text"}
    return {**environment, **dict.fromkeys(asked, "json")}


def has_colours(output: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether lines may be coloured: only on a terminal, and not if people want none."""
    return output.isatty() and not environment.get(NO_COLOURS)


def readable(line: str, *, coloured: bool = False) -> str:
    """A JSON line of a program as text, without a line end; any other line as it is.

    A character that could end a line, or make a terminal do something, appears as JSON escapes it.
    """
    try:
        entry = json.loads(line)
        level = str(entry["level"]).lower()
        said = f"{_moment(entry['time'])} {_LEVELS.get(level, level):5} {_said(entry)}"
        text = "\n    ".join([said, *map(_shown, entry.get("at", ()))])
    except (ValueError, LookupError, TypeError, AttributeError):
        return line
    colour = _COLOURS.get(level) if coloured else None
    return f"\x1b[{colour}m{text}\x1b[0m" if colour else text


def _moment(written: str) -> str:
    """The time of day here."""
    moment = datetime.fromisoformat(written).astimezone()
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def _said(entry: Mapping[str, Any]) -> str:
    message = entry["message"]
    if message == "tool call":
        return _measured(entry, "tool", "outcome")
    if message == "request" and "route" in entry:
        return _measured(entry, "method", "route", "status")
    others = (f"  {name}={_shown(value)}" for name, value in entry.items() if name not in _HEAD)
    return f"{_shown(entry['logger'])}  {_shown(message)}{''.join(others)}"


def _measured(entry: Mapping[str, Any], *names: str) -> str:
    """What was called, how it ended, how long it took, by whom, and what went wrong."""
    what = " ".join(_shown(entry[name]) for name in names)
    who = "".join(f"  {_shown(entry[name])}" for name in ("client", "subject") if entry.get(name))
    wrong = "".join(f"  {name}={_shown(entry[name])}" for name in ("cause", "exception") if name in entry)
    return f"{what:{WIDTH}} {entry['ms']:8.1f} ms{who}  cid={_shown(entry['correlation_id'])}{wrong}"


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if text.isprintable() else json.dumps(text)[1:-1]
