"""The two tools that ChatGPT's connectors and deep research look for, in the form that OpenAI documents.

Each takes one text, and answers with one JSON object, as text and as structure: `search` with `results`, each
of `id`, `title` and `url`, and `fetch` with `id`, `title`, `text`, `url` and `metadata`. ChatGPT cites what
has a `url`; ours is the address of the item as a resource, since there is no web page of it.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field
from pydantic_core import to_json

from toolbridge_mcp.client import Call, Document, JsonObject
from toolbridge_mcp.entities import BY_KIND
from toolbridge_mcp.entities.entity import Word
from toolbridge_mcp.errors import InvalidArguments
from toolbridge_mcp.rendering import (
    Summary,
    estimated_tokens,
    from_item,
    from_summary,
    item_markdown,
    one_line,
    short_id,
)
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.hints import READS
from toolbridge_mcp.tools.results import Result, result_of
from toolbridge_mcp.tools.toolsets import CHATGPT
from toolbridge_mcp.tools.work import Work, WorkTool, children
from toolbridge_mcp.tools.work.excerpts import excerpt
from toolbridge_mcp.tools.work.naming import foreign_kind, why_not
from toolbridge_mcp.tools.work.references import named
from toolbridge_mcp.tools.work.search import Query
from toolbridge_mcp.tools.work.selecting import EVERYTHING
from toolbridge_mcp.tools.work.work_tool import WorkArguments

MAX_RESULTS = 20
TITLE_CHARACTERS = 200

TEXT_TOKENS = 15_000
"""Of one document at most; what is longer is fetched in parts."""

CHILDREN = children.Wanted(remarks=True, messages=children.MOST_BESIDE)
"""There is no other tool that would show what was said about an item."""

_PART = re.compile(r"(?P<item>.+?)(?:#(?P<start>[0-9]{1,9}))?", re.DOTALL)


class SearchArguments(WorkArguments):
    query: Query

    async def carry_out(self, caller: Caller) -> Result:
        query = {"q": self.query, "limit": str(MAX_RESULTS)}
        found = await caller.send(Call("GET", "/v1/search", query=query))
        return _json({"results": [_head(from_summary(item)) for item in found.data["items"]]})


class FetchArguments(WorkArguments):
    id: Word = Field(description="An id that search found")

    async def carry_out(self, caller: Caller) -> Result:
        part = _PART.fullmatch(self.id)
        name, start = (part["item"], int(part["start"] or 0)) if part else (self.id, 0)
        found = await _found(name, caller)
        entity = BY_KIND[found["kind"]]
        summary = from_item(entity, found["item"])
        markdown = item_markdown(entity, found["item"])
        if start and start >= len(markdown):
            problem = f"id should end with a number below {len(markdown)}, or without one."
            raise InvalidArguments(facts={"problems": problem})
        text = _excerpt(markdown, start, f"{_id(summary)}#")
        if not start:
            parent = children.Parent(entity.kind, summary.uid, found.get("children") or {})
            left = TEXT_TOKENS - estimated_tokens(text)
            text = f"{text}\n{await children.shown(caller, CHILDREN, parent, left)}".rstrip()
        head = _head(summary) | ({"id": f"{_id(summary)}#{start}"} if start else {})
        return _json({**head, "text": text, "metadata": _metadata(summary)})


async def _found(name: str, caller: Caller) -> JsonObject:
    """The item that a name leads to, with what belongs to it. Raises `InvalidArguments` if there is none."""
    item = named(name)
    reference = f"{item.entity.kind}:{item.uid}" if item else name
    answer = await caller.look_up([reference], children=str(children.MOST_BESIDE))
    found: JsonObject = answer.data["items"][0]
    if error := found.get("error"):
        raise InvalidArguments(facts={"problems": why_not(name, error)})
    if found["kind"] not in BY_KIND:
        raise InvalidArguments(facts={"problems": foreign_kind(name)})
    return found


def _excerpt(markdown: str, start: int, next_id: str) -> str:
    """The part of the text that begins at a character, and how to fetch the one behind it."""
    part = excerpt(markdown, start, TEXT_TOKENS)
    if part.end >= len(markdown):
        return part.text
    shown = f"Characters {start} to {part.end} of {len(markdown)}"
    return f'{part.text}\n{shown}. For the next part fetch the id "{next_id}{part.end}".'


def _id(item: Summary) -> str:
    return f"{item.kind}:{item.uid}"


def _head(item: Summary) -> JsonObject:
    """What a document is called, and where it is."""
    title = one_line(item.title or item.preview or "", TITLE_CHARACTERS)
    return {
        "id": _id(item),
        "title": title or f"{item.kind} {short_id(item.uid)}",
        "url": f"toolbridge://{item.kind}/{item.uid}",
    }


def _metadata(item: Summary) -> Mapping[str, str]:
    """What an item is like, in texts."""
    values: Mapping[str, Any] = {
        "kind": item.kind,
        "created": item.created_at,
        "updated": item.updated_at,
        "status": item.status,
        "priority": item.priority,
        "due": item.due_date,
        "tags": ", ".join(item.tags),
        "parent": f"{item.parent.kind}:{item.parent.uid}" if item.parent else None,
    }
    return {name: one_line(value, TITLE_CHARACTERS) for name, value in values.items() if value}


def _json(data: JsonObject) -> Result:
    text = to_json(data)
    return result_of(Document(text.decode(), data, len(text)))


class ChatGptTool(WorkTool):
    toolset: ClassVar[str] = CHATGPT


ALL_CHATGPT: tuple[Work, ...] = (
    Work(
        name="search",
        about=f"Search the user's {EVERYTHING} by their text. Returns results to fetch, best first.",
        arguments=SearchArguments,
        hints=READS,
        needs=frozenset({"search"}),
    ),
    Work(
        name="fetch",
        about="Fetch one result of search whole, with its comments or messages.",
        arguments=FetchArguments,
        hints=READS,
        needs=frozenset({"items", "mirrors"}),
    ),
)
"""In the toolset `chatgpt`, where `search` is not that of everyday work."""
