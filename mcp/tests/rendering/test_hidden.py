"""Hidden characters are shown, and ordinary text stays as it is."""

import json
import random
import re
import unicodedata
from collections.abc import Iterator

import pytest

from toolbridge_mcp.rendering import has_hidden, hidden, one_line, visible, visible_json

SHOWN = {
    "a right-to-left override": ("abc\u202egnp.exe", r"abc\u202egnp.exe"),
    "isolates": ("\u2066a\u2069", r"\u2066a\u2069"),
    "marks of direction": ("a\u200eb\u200f", r"a\u200eb\u200f"),
    "tag characters": ("hi\U000e0041\U000e0042", r"hi\U000e0041\U000e0042"),
    "tags behind an emoji": ("\U0001f600\U000e0041", "\U0001f600\\U000e0041"),
    "zero width": ("pass\u200bword\u2060\ufeff", r"pass\u200bword\u2060\ufeff"),
    "a soft hyphen": ("co\u00adop", r"co\u00adop"),
    "controls": ("a\x00b\x1b[31m\x7f\x85\x9b", r"a\u0000b\u001b[31m\u007f\u0085\u009b"),
    "a carriage return alone": ("real\rfake", r"real\u000dfake"),
    "separators of lines": ("a\u2028b\u2029", r"a\u2028b\u2029"),
    "fillers": ("\u3164\u115f\uffa0", r"\u3164\u115f\uffa0"),
    "a joiner between letters": ("a\u200db\u200c", r"a\u200db\u200c"),
    "a joiner at the end of an emoji": ("\U0001f600\u200d", "\U0001f600\\u200d"),
    "selectors that spell a message": (
        "\U0001f600\ufe0f\ufe01\U000e0120\U000e0121",
        "\U0001f600\ufe0f\\ufe01\\U000e0120\\U000e0121",
    ),
    "a selector behind a letter": ("a\ufe0f", r"a\ufe0f"),
    "annotations": ("\ufff9a\ufffa\ufffb", r"\ufff9a\ufffa\ufffb"),
    "half a character": ("a\ud800", r"a\ud800"),
    "another flag than the three": (
        "\U0001f3f4\U000e0075\U000e0073\U000e007f",
        "\U0001f3f4\\U000e0075\\U000e0073\\U000e007f",
    ),
}
ORDINARY = {
    "line breaks and tabs": "a\n\tb\r\nc",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "a heart and a rainbow": "\u2764\ufe0f \U0001f3f3\ufe0f\u200d\U0001f308",
    "a tone of skin": "\U0001f44d\U0001f3fd \U0001f469\U0001f3fd\u200d\U0001f4bb",
    "a keycap": "1\ufe0f\u20e3 #\ufe0f\u20e3",
    "the flag of Scotland": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "Persian": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "Hindi": "\u0915\u094d\u200d\u0937",
    "Khmer": "\u1781\u17d2\u1789\u17bb\u17c6\u200b\u1785\u1784\u17cb",
    "a name in Japanese": "\u845b\U000e0100\u98fe",
    "Hebrew": "\u05e9\u05dc\u05d5\u05dd",
    "accents": "Cr\u00e8me bru\u0302le\u0301e\u00a0\u2026",
    "": "",
}


@pytest.mark.parametrize(("text", "shown"), SHOWN.values(), ids=SHOWN)
def test_a_hidden_character_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert has_hidden(text)
    assert not has_hidden(shown)


@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_text_stays(text: str) -> None:
    assert visible(text) is text or visible(text) == text
    assert not has_hidden(text)


def test_every_control_and_format_character_is_shown() -> None:
    """But for the signs of Arabic and Syriac that have a shape of their own."""
    every = map(chr, range(0x110000))
    hidden = [
        c for c in every if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c not in "\n\t"
    ]
    kept = {c for c in hidden if not has_hidden(f"a{c}")}
    assert {unicodedata.name(c).split()[0] for c in kept} <= {"ARABIC", "SYRIAC"}


EXACT = re.compile(f"(?:{hidden._FLAGS})|(?!{hidden._ORDINARY})([{hidden._CHARACTERS}])")
"""What is hidden, without any quick look."""


def texts() -> Iterator[str]:
    """Every character behind a letter, and random texts in which all kinds of characters meet."""
    yield from (f"a{chr(code)}" for code in range(0x110000))
    some = [
        *"".join([*ORDINARY.values(), *(text for text, _ in SHOWN.values())]),
        *"\r\n\t a1\x7f\x80\u1820\u0e01\u4e00",
    ]
    chosen = random.Random(1)
    for length in (*range(1, 12), hidden._SHORT, hidden._SHORT + 1, 500):
        for part in (some, [c for c in some if c.isascii()]):
            yield from ("".join(chosen.choices(part, k=length)) for _ in range(2_000))


def test_quick_looks_miss_nothing_and_show_nothing_else() -> None:
    for text in texts():
        shown = EXACT.sub(hidden._escaped, text)
        assert visible(text) == shown
        assert has_hidden(text) == (shown != text)
        assert (visible_json(text) == text) == (shown == text)


def test_an_escape_can_be_read_back() -> None:
    assert json.loads('"{}"'.format(visible("a\u202e"))) == "a\u202e"


def test_a_line_is_one_line_and_short() -> None:
    assert one_line("  a\n\n b\tc\u00a0d ", 20) == "a b c d"
    assert one_line("a" * 200_000, 10) == "a" * 9 + "\u2026"
    assert one_line("word " * 5, 12) == "word word w\u2026"
    assert one_line(" " * 200_000 + "x", 10) == "\u2026"
    assert one_line("a\u2028b\rc", 30) == r"a\u2028b\u000dc"
    assert "\n" not in one_line("\n".join(map(chr, range(0x3000))), 5_000)


def test_a_line_does_not_end_with_half_an_emoji() -> None:
    assert one_line("\U0001f468\u200d\U0001f469 and more", 3) == "\U0001f468\u2026"
