"""Parts of a Markdown text: whatever is cut off, a stored text stays in its fence."""

import re

import pytest

from toolbridge_mcp.rendering import fenced
from toolbridge_mcp.tools.work.excerpts import excerpt

STORED = ["```\n# Not a heading\n```\n````\nmore\n", "plain words in a line", "", "~~~\n`````\n\n`` a ``\n"]
TEXT = "\n".join(
    f"## note:3f9a01bc\nfield {number}:\n{fenced(stored)}" for number, stored in enumerate(STORED)
)


def outside(text: str) -> str:
    """What is in no fence."""
    return re.sub(r"^(`{3,})\w*\n(?:.*?\n)?\1$", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("tokens", [1, 3, 10, 40])
def test_each_part_has_stored_texts_in_fences_only(tokens: int) -> None:
    start = 0
    while start < len(TEXT):
        part = excerpt(TEXT, start, tokens)
        assert part.end > start
        assert not {"Not a heading", "plain words", "~~~"} & set(
            re.findall("Not a heading|plain words|~~~", outside(part.text))
        )
        start = part.end
    assert start == len(TEXT)


def test_a_part_that_holds_all_is_the_text() -> None:
    assert excerpt(TEXT, 0, 10_000).text == TEXT


def test_a_part_ends_with_a_line_or_a_word_if_one_ends_near() -> None:
    prose = "some words and more of them " * 200
    part = excerpt(prose, 0, 100)
    assert prose[part.end - 1] == " "
    assert excerpt("x" * 10_000, 0, 100).end < 1_000
