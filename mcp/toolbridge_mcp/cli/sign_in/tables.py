"""Tables for people: names of any script, and times."""

import json
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

from toolbridge_mcp.login.answers import Answer

WIDE = frozenset("WF")


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines with columns that are two blanks apart."""
    shown = [titles, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    return "\n".join(_line(row, widths) for row in shown)


def as_json(found: Sequence[Answer]) -> str:
    """What the API answered, with whole seconds."""
    return json.dumps([_whole(one.model_dump(by_alias=True)) for one in found], indent=2, ensure_ascii=False)


def _whole(members: dict[str, object]) -> dict[str, object]:
    return {name: int(value) if isinstance(value, float) else value for name, value in members.items()}


def moment(seconds: float | None) -> str:
    """A time as people read it, or a dash."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def printable(text: str) -> str:
    """The text without what would move the cursor, hide letters or turn their direction."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """The columns of a terminal that the text takes."""
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in WIDE else 1
