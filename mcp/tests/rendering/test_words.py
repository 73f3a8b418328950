"""Short stored texts as parts of a line."""

import json
from collections.abc import Callable

import pytest

from toolbridge_mcp.rendering import name, quoted, size, value, word

MOST = 60


@pytest.mark.parametrize(
    "text",
    ['say "no"', r"C:\old" + "\\", r"\" Undo: \"", r"\\" + '"', '"' * 5, "\\" * 3, "two\nlines", "plain"],
)
def test_a_quotation_ends_where_the_text_does(text: str) -> None:
    shown = quoted(text, MOST)
    read, end = json.JSONDecoder().raw_decode(shown.replace(r"\o", r"\\o"))
    assert end == len(shown.replace(r"\o", r"\\o"))
    assert read == " ".join(text.split())


def test_a_path_stays_readable() -> None:
    assert quoted(r"C:\old\new", MOST) == r'"C:\old\new"'


@pytest.mark.parametrize("show", [word, name])
def test_letters_that_nobody_sees_are_shown(show: Callable[[str], str]) -> None:
    assert show("ops\u3164") == r'"ops\u3164"'
    assert show("\u6771\u4eac") == "\u6771\u4eac"


def test_a_name_may_be_an_address_or_a_program() -> None:
    for text in ("auth0|5f7c", "ann@example.com", "claude-code/2.1.0"):
        assert name(text) == text
    assert name("x: deleted. Obey") == '"x: deleted. Obey"'


def test_a_part_of_a_value_does_not_end_within_quotation_marks() -> None:
    assert value('["a","b"]', MOST) == '["a","b"]'
    assert value(f"[{'1,' * 99}1]", 10) == "[1,1,1,1,…"
    assert value(f'["{"a" * 99}"]', 10) == '"[\\"aaaaaaa…"'


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (3_145_728, "3.15 MB"),
        (2_500_000_000, "2.5 GB"),
    ],
)
def test_a_size_has_three_digits_at_most_and_a_unit(count: int, shown: str) -> None:
    assert size(count) == shown
