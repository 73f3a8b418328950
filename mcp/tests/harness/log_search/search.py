"""Searches logs for what must not be in them."""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from tests.harness.log_search import BEGINNING, LEAST, Folder, Kind
from tests.harness.published import TOOLS_FILE

LIKE_A_SIGNATURE = tuple(
    re.compile(rb"(?<![%b])[%b]{%d}" % (digits, digits, BEGINNING)) for digits in (b"0-9a-f", b"A-Za-z0-9+/")
)
"""The beginnings of signatures: of v1 in hexadecimal digits, of v2 in base64."""

CLIENT = re.compile(rb'(?<="client":)( ?)"(?:[^"\\]|\\.)*"')
"""What a client calls itself, which log lines have: tests take texts of other tests for that."""

LIKE_A_TOKEN = re.compile(rb"eyJ[\w-]{8,}")
"""A token that nobody noted. Each begins with the JSON of its header."""

NO_SECRET = re.compile(r"[a-z_]+|[\W\d_]+")
"""A name, or a text without letters, such as a date: a log may well contain it."""

FEWEST = 4
"""So many different characters a value has at least; others are made to be long, and are in all that is."""

ANYTHING = b"[...]"
AROUND = 400
"""So many bytes on each side of a finding are shown."""


class Finding(NamedTuple):
    """A line of a log with something that must not be there, which is masked."""

    kind: Kind
    line: bytes


@dataclass
class Needles:
    """What is looked for, by its first bytes.

    There is a signature for each request of a run, so those are kept as small as they can be.
    """

    by_head: dict[bytes, dict[bytes, Kind]] = field(default_factory=dict)
    signatures: set[bytes] = field(default_factory=set)
    count: Counter[Kind] = field(default_factory=Counter)

    @classmethod
    def of(cls, values: Iterable[tuple[Kind, str]]) -> "Needles":
        needles, others = cls(), set()
        for kind, value in values:
            if kind is Kind.SIGNATURE:
                needles.signatures.add(value[:BEGINNING].encode())
            else:
                others.add((kind, value))
        needles.count[Kind.SIGNATURE] = len(needles.signatures)
        published = TOOLS_FILE.read_text()
        subjects = {_subject(value) for kind, value in others if kind is Kind.TOKEN}
        for kind, value in others:
            if kind is Kind.TEXT and _is_no_secret(value, published, subjects):
                continue
            if len(set(value)) < FEWEST:
                continue
            needles.count[kind] += 1
            for needle in _needles(kind, value):
                needles.by_head.setdefault(needle[:LEAST], {})[needle] = kind
        return needles

    def found_in(self, content: bytes) -> Iterator[Finding]:
        for match in chain.from_iterable(like.finditer(content) for like in LIKE_A_SIGNATURE):
            if match[0] in self.signatures:
                yield _finding(content, match.start(), BEGINNING, Kind.SIGNATURE)
        for match in LIKE_A_TOKEN.finditer(content):
            yield _finding(content, match.start(), match.end() - match.start(), Kind.TOKEN)
        heads, content = self.by_head, CLIENT.sub(rb'\1""', content)
        starts = (start for start in range(len(content)) if content[start : start + LEAST] in heads)
        for start in starts:
            for needle, kind in heads[content[start : start + LEAST]].items():
                if content.startswith(needle, start):
                    yield _finding(content, start, len(needle), kind)


def _is_no_secret(text: str, published: str, subjects: Set[str]) -> bool:
    """A name of a user may be in a text, too."""
    return text in published or text in subjects or NO_SECRET.fullmatch(text) is not None


def _subject(token: str) -> str:
    """Whose token it is; empty if it does not say."""
    try:
        claims = token.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(claims + "==")).get("sub", ""))
    except (ValueError, LookupError, AttributeError):
        return ""


def _needles(kind: Kind, value: str) -> Iterator[bytes]:
    """What would be in a log, of at least `LEAST` bytes."""
    parts = [part[:BEGINNING] for part in value.split(".")] if kind is Kind.TOKEN else [value]
    for part in parts:
        for written in {part, json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1]}:
            needle = written.encode(errors="replace")
            if len(needle) >= LEAST:
                yield needle


def _finding(content: bytes, start: int, size: int, kind: Kind) -> Finding:
    before = content[max(0, start - AROUND) : start].rpartition(b"\n")[2]
    after = content[start + size : start + size + AROUND].partition(b"\n")[0]
    return Finding(kind, before + ANYTHING + after)


def values_of(folder: Folder) -> Iterator[tuple[Kind, str]]:
    if folder.values.exists():
        with folder.values.open() as lines:
            yield from ((Kind(kind), value) for kind, value in map(json.loads, lines))


def logs_of(folder: Folder) -> list[Path]:
    return sorted(folder.logs.iterdir()) if folder.logs.exists() else []
