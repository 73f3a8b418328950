"""The estimate of tokens, against the tokenizer that many models use."""

import base64
import json
import random
import string
from pathlib import Path
from uuid import UUID

import pytest

from tests.harness.processes import GATEWAY_FOLDER
from tests.harness.tokens import count
from tests.surface.write import FILE
from toolbridge_mcp.rendering import estimated_tokens
from toolbridge_mcp.rendering.common_characters import IDEOGRAPHS, SYLLABLES
from toolbridge_mcp.rendering.common_words import COMMON_WORDS

CHANCE = random.Random(12)
UUIDS = [str(UUID(int=CHANCE.getrandbits(128))) for _ in range(200)]
COMPACT = (",", ":")

PROSE = {
    "a letter": (
        "Dear Anna, thank you for the minutes of yesterday's meeting. I have read them with care and would "
        "like to add two points before they go to the board. First, the supplier confirmed that the second "
        "delivery will come on Thursday, not on Friday. Second, Mr Keller asked us to send the budget. "
    ),
    "simple words": "The cat sat on the mat and looked at the dog. She gave him milk and a bit of fish. ",
    "a document": (GATEWAY_FOLDER.parent / "docs" / "decisions.md").read_text(),
}
"""English."""

LANGUAGES: dict[str, str] = json.loads(Path(__file__).with_name("languages.json").read_text())
"""A sentence or two of each."""


def of(letters: str, length: int = 3_000) -> str:
    return "".join(CHANCE.choices(letters, k=length))


OTHERS = {
    "JSON": FILE.read_text(),
    "compact JSON": json.dumps(
        [{"uid": uid, "version": 1, "title": "Note"} for uid in UUIDS], separators=(",", ":")
    ),
    "Python": (GATEWAY_FOLDER / "toolbridge_mcp" / "errors.py").read_text(),
    "Go": (GATEWAY_FOLDER.parent / "api/internal/item/describe.go").read_text(),
    "UUIDs": "\n".join(UUIDS),
    "large UUIDs": " ".join(UUIDS).upper(),
    "hex": of("0123456789abcdef"),
    "base64": base64.b64encode(CHANCE.randbytes(3_000)).decode(),
    "base64 in lines": base64.encodebytes(CHANCE.randbytes(3_000)).decode(),
    "base32": base64.b32encode(CHANCE.randbytes(3_000)).decode(),
    "letters": of(string.ascii_letters),
    "large letters": of(string.ascii_uppercase),
    "small letters": of(string.ascii_lowercase),
    "digits": of(string.digits),
    "numbers": " ".join(str(CHANCE.randint(0, 10**9)) for _ in range(300)),
    "times": "\n".join(f"2026-11-{day:02}T06:15:34.040Z" for day in range(1, 31)),
    "all of ASCII": of(string.printable[:95]),
    "punctuation": of(string.punctuation),
    "white space": of(" \n\t\r"),
    "one letter": "a" * 3_000,
    "rules": ("-" * 70 + "\n") * 20,
    "emoji": of("".join(map(chr, range(0x1F600, 0x1F650)))),
    "families": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 100 + "\u2764\ufe0f\U0001f44d\U0001f3fd" * 100,
    "ideographs": of("".join(map(chr, range(0x4E00, 0x9FA6)))),
    "syllables": of("".join(map(chr, range(0xAC00, 0xD7A4)))),
    "rare ideographs": of("".join(map(chr, range(0x20000, 0x20400)))),
    "symbols": of("".join(map(chr, range(0x2300, 0x2400)))),
    "escapes": r"\u202e\U000e0041\n\"" * 100,
    "log": '2026-11-28T02:12:01Z INFO request_id=3f9a01bc path=/v1/notes status=200 "ok" 12.4ms\n' * 20,
}


@pytest.mark.parametrize(
    "text", [*PROSE.values(), *LANGUAGES.values(), *OTHERS.values()], ids=[*PROSE, *LANGUAGES, *OTHERS]
)
def test_the_estimate_is_hardly_ever_too_low(text: str) -> None:
    assert estimated_tokens(text) >= 0.95 * count(text)


@pytest.mark.parametrize("text", PROSE.values(), ids=PROSE)
def test_for_prose_it_is_at_most_35_percent_too_high(text: str) -> None:
    assert estimated_tokens(text) <= 1.35 * count(text)


@pytest.mark.parametrize("text", LANGUAGES.values(), ids=LANGUAGES)
def test_for_other_languages_it_is_at_most_60_percent_too_high(text: str) -> None:
    assert estimated_tokens(text) <= 1.6 * count(text)


def test_nothing_costs_nothing() -> None:
    assert estimated_tokens("") == 0


def test_a_common_word_or_character_is_one_token() -> None:
    assert [word for word in COMMON_WORDS if count(f" {word}") != 1] == []
    assert [character for character in IDEOGRAPHS | SYLLABLES if count(character) != 1] == []
