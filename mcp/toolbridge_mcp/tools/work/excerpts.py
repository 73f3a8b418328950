"""Parts of a Markdown text that is too long to be shown at once."""

import re
from typing import NamedTuple

from toolbridge_mcp.rendering import estimated_tokens

MAX_CHARACTERS = 250_000
"""Of one answer: its JSON stays below 1 MB, which every client takes, whatever the characters are."""

_FENCE = re.compile(r"^(`{3,})(\w*)$", re.MULTILINE)
_TRIES = 5
_NEAR = 200
"""A part ends with a line or a word, if one ends so near."""


class Excerpt(NamedTuple):
    """A part of a text, in the fence that it was in. `end` is the number of the character behind it."""

    text: str
    end: int


def excerpt(text: str, start: int, most_tokens: int) -> Excerpt:
    """The part that begins at a character, of about so many tokens at most."""
    end = start + _length(text[start : start + MAX_CHARACTERS], most_tokens)
    if end < len(text):
        end = _end_of_a_line_or_word(text, start, end)
    before, within = _open_fence(text, start), _open_fence(text, end)
    opening = f"{before[0]}\n" if before else ""
    closing = f"\n{within[1]}" if within else ""
    return Excerpt(f"{opening}{text[start:end].rstrip(chr(10))}{closing}", end)


def _length(text: str, most_tokens: int) -> int:
    """How many of its characters have so many tokens, found by trying."""
    length = min(len(text), most_tokens * 4)
    for _ in range(_TRIES):
        tokens = estimated_tokens(text[:length])
        if tokens <= most_tokens and (length == len(text) or tokens > most_tokens * 0.9):
            break
        length = min(len(text), max(1, int(length * most_tokens * 0.97 / max(1, tokens))))
    return length


def _end_of_a_line_or_word(text: str, start: int, end: int) -> int:
    for sign in "\n ":
        found = text.rfind(sign, max(start + 1, end - _NEAR), end)
        if found != -1:
            return found + 1
    return end


def _open_fence(text: str, at: int) -> re.Match[str] | None:
    """The line that opens the fence in which a character is. Nothing within a fence looks like its end."""
    end = 0
    while opened := _FENCE.search(text, end, at):
        closing = f"\n{opened[1]}"
        closed = text.find(f"{closing}\n", opened.end(), at)
        if closed == -1:
            return None if at == len(text) and text.endswith(closing) else opened
        end = closed + len(closing)
    return None
