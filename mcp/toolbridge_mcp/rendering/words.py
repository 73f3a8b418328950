"""Short stored texts as parts of a line: they cannot end it, and cannot look like another part of it."""

import re
from collections.abc import Sequence
from functools import lru_cache

from toolbridge_mcp.rendering.hidden import has_hidden, one_line

SHORT_ID = 8
"""Digits of a uid that are usually enough: the API takes the beginning of a uid for the whole."""

TIMED_ID = 18
_TIMED = ("6", "7")
"""The versions of UUIDs that begin with their time."""

SHOWN_TAGS = 6
WORD_CHARACTERS = 40
_REMEMBERED = 4_096

NAME_CHARACTERS = 80

_PLAIN = re.compile(r"[^\W_][\w.+:/-]{0,39}")
_PLAIN_NAME = re.compile(r"[\w.@+:/|-]{1,80}")
_END_OF_A_QUOTATION = re.compile(r'(\\*)("|\Z)')
"""What a reader may take for it: a quotation mark, or the last backslash."""
_DATE = 10

_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))
_ROUNDED_UP = 0.9995
"""From this part of a unit on, three digits of the unit below would be 1000."""


def short_id(uid: str) -> str:
    """The beginning of a uid. A uid that begins with its time shares more than `SHORT_ID` digits with others
    that were made about then."""
    return uid[:TIMED_ID] if uid[14:15] in _TIMED else uid[:SHORT_ID]


def quoted(text: str, most: int) -> str:
    """The text in one line, in double quotes. Those within it are escaped, and so are backslashes before one,
    which would undo that."""
    line = one_line(text, most)
    if '"' in line or line.endswith("\\"):
        line = _END_OF_A_QUOTATION.sub(_escaped, line)
    return f'"{line}"'


def _escaped(found: re.Match[str]) -> str:
    return found[1] * 2 + ('\\"' if found[2] else "")


def word(text: str) -> str:
    """The text as it is if it is one plain word, else quoted."""
    return _short_word(text) if len(text) <= WORD_CHARACTERS else quoted(text, WORD_CHARACTERS)


@lru_cache(_REMEMBERED)
def _short_word(text: str) -> str:
    """States, tags, kinds and dates are the same in line after line."""
    return text if _PLAIN.fullmatch(text) and not has_hidden(text) else quoted(text, WORD_CHARACTERS)


def name(text: str) -> str:
    """The name of a person, a program or a key: as it is if it is a plain one, else quoted."""
    return text if _PLAIN_NAME.fullmatch(text) and not has_hidden(text) else quoted(text, NAME_CHARACTERS)


def value(json: str, most: int) -> str:
    """A JSON value as it is if it fits. Of a longer one the beginning, quoted if it may end in a text."""
    line = one_line(json, most)
    return line if line == json or '"' not in line else quoted(json, most)


def hashtags(tags: Sequence[str], most: int = SHOWN_TAGS) -> str:
    """The first `most` tags as `#ops #"big deal"`, and the number of the others."""
    shown = " ".join([f"#{word(tag)}" for tag in tags[:most]])
    return f"{shown} +{len(tags) - most}" if len(tags) > most else shown


def day(moment: str) -> str:
    """The date of a moment."""
    date = moment[:_DATE]
    return date if date[4:5] == "-" and word(date) == date else word(moment)


def size(count: int) -> str:
    """A number of bytes, roughly."""
    for unit, symbol in _UNITS:
        if count >= unit * _ROUNDED_UP:
            return f"{count / unit:.3g} {symbol}"
    return f"{count} B"
