"""Markdown tables on standard output, for measurements and for trouble that is run by hand."""

import sys


def row(*cells: object) -> None:
    say("| " + " | ".join(str(cell) for cell in cells) + " |")


def head(*cells: str, numbers_from: int = 1) -> None:
    """The first two rows. Columns from the given number on hold numbers, which are aligned right."""
    row(*cells)
    row(*("---:" if number >= numbers_from else "---" for number in range(len(cells))))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
