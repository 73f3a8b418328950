"""The API's answer as a tool result that clients accept."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from fastmcp.tools.base import ToolResult
from mcp.types import TextContent
from pydantic_core import to_json

from toolbridge_mcp.client import Document, JsonObject, reduced_item
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.errors import AnswerTooLarge
from toolbridge_mcp.rendering import has_hidden, visible_json

MAX_BYTES = 1_000_000
"""The official Python client ends its whole session at an SSE event above 1 MiB."""

SMALL_BYTES = MAX_BYTES // 3
"""A document of this size always fits: quoted as text it is at most twice as long, beside the structure."""


class Result(NamedTuple):
    """What a call results in: texts, and the same as a structure if there is one."""

    texts: Sequence[str]
    structure: JsonObject | None = None
    is_error: bool = False

    @property
    def size(self) -> int:
        """The size of the texts, which a model reads, in UTF-8."""
        return sum(len(text) if text.isascii() else len(text.encode()) for text in self.texts)

    def for_fastmcp(self) -> ToolResult:
        """FastMCP checks and copies what goes into its own results, which costs nine times as much."""
        blocks = [TextContent(type="text", text=text) for text in self.texts]
        return ToolResult(content=blocks, structured_content=self.structure, is_error=self.is_error)


def result_of(document: Document) -> Result:
    """The document as text, character for character, and as structure.

    A document with hidden characters is text only, in which they are escapes: some hosts show a model the
    structure instead. So is a large document. If it is larger than clients accept, a page is returned without
    its largest payloads, and the reading of one item raises `AnswerTooLarge`.
    """
    if (result := _fitting(document)) is not None:
        return result
    if isinstance(items := document.data.get("items"), list):
        return _whole(_page(document, items))
    raise AnswerTooLarge(facts={"size": document.size})


def written_item(document: Document, hint: str = "") -> Result:
    """The item that was written. If it is larger than clients accept, it is returned without its payload,
    because it was written and must not look as if it was not."""
    if hint:
        document = _document({"hint": hint, **document.data})
    return _fitting(document) or _without_payload(document)


def written(document: Document, entity: Entity, hint: str = "") -> Result:
    """What a write did, and how to undo it where the API can. `hint` is what the model should know of it."""
    done = document.data
    data: JsonObject = {key: done[key] for key in ("uid", "version", "change") if key in done}
    if isinstance(keys := done.get("fields"), list):
        data["fields"] = [entity.names.get(key, key) for key in keys]
    if "change_id" in done:
        data["undo"] = f"undo change={done['change_id']}"
    if hint:
        data["hint"] = hint
    return _whole(_document(data))


def text_result(text: str) -> Result:
    """A text, without a structure that some hosts would show instead."""
    return Result((text,))


def _fitting(document: Document) -> Result | None:
    """The whole document, if it is as small as clients accept."""
    if document.size <= SMALL_BYTES:
        return _whole(document)
    quoted = len(to_json(document.text))
    if quoted + document.size <= MAX_BYTES:
        return _whole(document)
    return text_result(visible_json(document.text)) if quoted <= MAX_BYTES else None


def _whole(document: Document) -> Result:
    if _has_hidden(document):
        return text_result(visible_json(document.text))
    return Result((document.text,), document.data)


def _has_hidden(document: Document) -> bool:
    """Also where the text has escapes, which the structure has not."""
    if has_hidden(document.text):
        return True
    return "\\u" in document.text and has_hidden(to_json(document.data).decode())


def _without_payload(document: Document) -> Result:
    data = {key: value for key, value in document.data.items() if key != "payload"}
    said = f"Written. The payload is not shown here, since it is too large ({document.size} bytes)."
    return Result((to_json(data).decode(), said), data)


def _page(document: Document, items: list[Any]) -> Document:
    """The page with its largest items reduced until it is small. The cursor behind it stays what it is, so a
    large item does not hide those that follow."""
    sizes = [len(to_json(item)) for item in items]
    shown, size = list(items), document.size
    for place in sorted(range(len(items)), key=sizes.__getitem__, reverse=True):
        if size <= SMALL_BYTES:
            break
        shown[place] = reduced_item(items[place], sizes[place])
        size -= sizes[place] - len(to_json(shown[place]))
    return _document({**document.data, "items": shown})


def _document(data: JsonObject) -> Document:
    text = to_json(data)
    return Document(text.decode(), data, len(text))
