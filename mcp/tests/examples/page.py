"""Parts of a page in Markdown."""

import re
from collections.abc import Iterator, Sequence

from pydantic_core import to_json

from tests.examples.values import Values

LINE = 110
"""Arguments that are longer have a line for each operation or other entry."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; none without rows."""
    if rows:
        yield _row(head)
        yield f"|{'---|' * len(head)}"
        yield from map(_row, rows)
        yield ""


def _row(cells: Sequence[str]) -> str:
    return "|" + "".join(
        f" {cell} |" if cell else " |" for cell in (cell.replace("|", r"\|") for cell in cells)
    )


def fenced(language: str, text: str) -> str:
    """In more backticks than the text has in a row."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def words(names: Sequence[str], last: str) -> str:
    """Names as code, as English lists them: with commas, and a word before the last."""
    *others, end = (f"`{name}`" for name in names)
    return f"{', '.join(others)} {last} {end}" if others else end


def arguments_text(arguments: Values) -> str:
    """The arguments as JSON: in one line, or if they are long with a line for each entry of a list."""
    text = json(arguments)
    if len(text) <= LINE:
        return text
    parts = [f"{json(name)}: {_lines(value)}" for name, value in arguments.items()]
    return "{" + ",\n ".join(parts) + "}"


def _lines(value: object) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n  " + ",\n  ".join(map(json, value)) + "\n]"
    return json(value)


def json(value: object) -> str:
    return _spaced(to_json(value).decode())


def _spaced(text: str) -> str:
    """JSON with a space behind commas and colons that are not in a text."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|([,:])', lambda found: found[1] or f"{found[2]} ", text)
