"""How a model finds what it needs in the text of an answer."""

import re

ID = re.compile(r"\b(?:[a-z_]+:)?[0-9a-f]{8,36}(?:-[0-9a-f]+)*\b")
CHANGE = re.compile(r"\b[bc][1-9][0-9]*\b")


def line_with(text: str, *words: str) -> str:
    """The first line that has all these words."""
    for line in text.splitlines():
        if all(word in line for word in words):
            return line
    raise AssertionError(f"no line has {words} in:\n{text[:3000]}")


def id_in(line: str) -> str:
    """The first id of an item in the line, with its kind if that is written before it."""
    found = ID.search(line)
    assert found, f"no id in: {line}"
    return found[0]


def change_in(line: str) -> str:
    """The first id of a change in the line, of a batch before that of a single change."""
    found = sorted(CHANGE.findall(line))
    assert found, f"no id of a change in: {line}"
    return str(found[0])


def number_before(text: str, word: str) -> int:
    """The number directly before the first such word."""
    found = re.search(rf"(\d+)\s+{word}", text)
    assert found, f"no number before {word} in:\n{text[:3000]}"
    return int(found[1])
