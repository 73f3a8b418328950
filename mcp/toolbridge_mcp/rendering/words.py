"""Short stored texts as parts of a line: they cannot end it, and cannot look like another part of it."""

import re
from collections.abc import Sequence

from toolbridge_mcp.rendering.hidden import one_line

SHORT_ID = 8
"""Digits of a uid that are usually enough: the API takes the beginning of a uid for the whole."""

TIMED_ID = 18
_TIMED = ("6", "7")
"""The versions of UUIDs that begin with their time."""

SHOWN_TAGS = 6
WORD_CHARACTERS = 40

_PLAIN = re.compile(r"[^\W_][\w.+:/-]{0,39}")
_DATE = 10


def short_id(uid: str) -> str:
    """The beginning of a uid. A uid that begins with its time shares more than `SHORT_ID` digits with others
    that were made about then."""
    return uid[:TIMED_ID] if uid[14:15] in _TIMED else uid[:SHORT_ID]


def quoted(text: str, most: int) -> str:
    """The text in one line, in double quotes. Those within it are escaped."""
    line = one_line(text, most)
    return '"' + line.replace('"', '\\"') + '"' if '"' in line else f'"{line}"'


def word(text: str) -> str:
    """The text as it is if it is one plain word, else quoted."""
    return text if _PLAIN.fullmatch(text) else quoted(text, WORD_CHARACTERS)


def hashtags(tags: Sequence[str], most: int = SHOWN_TAGS) -> str:
    """The first `most` tags as `#ops #"big deal"`, and the number of the others."""
    shown = " ".join(f"#{word(tag)}" for tag in tags[:most])
    return f"{shown} +{len(tags) - most}" if len(tags) > most else shown


def day(moment: str) -> str:
    """The date of a moment."""
    return moment[:_DATE] if moment[4:5] == "-" and _PLAIN.fullmatch(moment[:_DATE]) else word(moment)


def size(count: int) -> str:
    """A number of bytes, roughly."""
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1_000:.3g} kB" if count < 1_000_000 else f"{count / 1_000_000:.3g} MB"
