"""The API's answer as a tool result that clients accept."""

from typing import Any

from fastmcp.tools.base import ToolResult
from mcp.types import TextContent
from pydantic_core import to_json

from toolbridge_mcp.client import Document, reduced_item
from toolbridge_mcp.errors import AnswerTooLarge

MAX_BYTES = 1_000_000
"""The official Python client ends its whole session at an SSE event above 1 MiB."""

SMALL_BYTES = MAX_BYTES // 3
"""A document of this size always fits: quoted as text it is at most twice as long, beside the structure."""


def result_of(document: Document, *, of_a_write: bool) -> ToolResult:
    """The document as text, character for character, and as structure.

    A large document is text only. If it is larger than clients accept, a page is returned without its largest
    payloads, and the reading of one item raises `AnswerTooLarge`. A write is returned without its payload,
    because it was done and must not look as if it failed.
    """
    if document.size <= SMALL_BYTES:
        return _whole(document)
    quoted = len(to_json(document.text))
    if quoted + document.size <= MAX_BYTES:
        return _whole(document)
    if quoted <= MAX_BYTES:
        return ToolResult(content=[text_block(document.text)])
    if of_a_write:
        return _without_payload(document)
    if isinstance(items := document.data.get("items"), list):
        return _whole(_page(document, items))
    raise AnswerTooLarge(facts={"size": document.size})


def text_block(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _whole(document: Document) -> ToolResult:
    return ToolResult(content=[text_block(document.text)], structured_content=document.data)


def _without_payload(document: Document) -> ToolResult:
    data = {key: value for key, value in document.data.items() if key != "payload"}
    said = f"Written. The payload is not shown here, since it is too large ({document.size} bytes)."
    return ToolResult(content=[text_block(to_json(data).decode()), text_block(said)], structured_content=data)


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
    data = {**document.data, "items": shown}
    text = to_json(data)
    return Document(text.decode(), data, len(text))
