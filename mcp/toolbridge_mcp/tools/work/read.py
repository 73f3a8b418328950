"""Reads items whole."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import Field

from toolbridge_mcp.entities import BY_KIND
from toolbridge_mcp.entities.entity import Number
from toolbridge_mcp.errors import InvalidArguments, NothingRead
from toolbridge_mcp.rendering import estimated_tokens, from_item, item_markdown, word
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.hints import READS
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.tools.work import children
from toolbridge_mcp.tools.work.children import BYTES_A_TOKEN, MOST_MESSAGES
from toolbridge_mcp.tools.work.excerpts import excerpt
from toolbridge_mcp.tools.work.naming import Names, called, foreign_kind, why_not
from toolbridge_mcp.tools.work.texts import text_result
from toolbridge_mcp.tools.work.work_tool import Work, WorkArguments

MOST_TOKENS = 100_000
SUGGESTED_TOKENS = 20_000
"""Hosts cut what is longer by much."""

MOST_SKIPPED = 1_000
"""As many children the API lists at once."""

LEAST_BYTES = 64_000
"""Payloads of several items that are asked for at once, at least."""

LARGE = 200_000
"""Texts of this size take so long to be rendered that others would notice."""

CHARACTERS_A_TOKEN = 4
OWN_TOKENS = 50
"""What is said of an item that is not shown whole."""


Made = TypeVar("Made")


@dataclass
class _Entry:
    """What one name leads to. `text` is what is shown of it: of an item that has no room, nothing."""

    text: str = ""
    kind: str = ""
    item: Mapping[str, Any] = field(default_factory=dict)
    markdown: str = ""
    """The item whole; empty if it was too large to come with the others."""
    children: Mapping[str, Any] = field(default_factory=dict)

    @property
    def called(self) -> str:
        return called(from_item(BY_KIND[self.kind], self.item))

    @property
    def id(self) -> str:
        return self.called.split(" ", 1)[0]

    def tokens(self, most: int) -> int:
        """About how many; of what is far above `most`, roughly."""
        length = len(self.markdown) or int(self.item.get("size", 0))
        if not self.markdown or length > most * BYTES_A_TOKEN:
            return length // CHARACTERS_A_TOKEN
        return estimated_tokens(self.markdown)


class ReadArguments(WorkArguments):
    items: Names = Field(description="Ids such as note:3f9a01bc, or exact titles")
    with_comments: bool = False
    with_messages: Number = Field(default=0, ge=0, le=MOST_MESSAGES, description="Of a chat, the newest")
    skip: Number = Field(
        default=0, ge=0, le=MOST_SKIPPED, description="Newest comments and messages to leave out"
    )
    max_tokens: Number = Field(default=8_000, ge=200, le=MOST_TOKENS)
    offset: Number = Field(default=0, ge=0, description="Where to go on in one large item")

    async def carry_out(self, caller: Caller) -> Result:
        if self.offset and len(self.items) > 1:
            raise InvalidArguments(
                facts={"problems": "offset is for one item; leave it out or read one item."}
            )
        entries = await self._entries(caller, self.items)
        items = [entry for entry in entries if entry.item]
        if not items:
            raise NothingRead(facts={"problems": " ".join(entry.text for entry in entries)})
        left = self._show_whole(
            items, self.max_tokens - sum(estimated_tokens(entry.text) for entry in entries)
        )
        if not any(entry.text for entry in items):
            await self._show_part(items[0], left, caller)
        elif self._children:
            await self._show_children(items, left, caller)
        return text_result(*(entry.text for entry in entries), self._left_out(items))

    @property
    def _children(self) -> children.Wanted:
        return children.Wanted(self.with_comments, self.with_messages, self.skip)

    async def _entries(self, caller: Caller, names: Sequence[str]) -> list[_Entry]:
        """What the names lead to, in their order."""
        query = {"children": str(self._children.beside_items or 0)}
        if len(names) > 1:
            query["maxBytes"] = str(max(LEAST_BYTES, self.max_tokens * BYTES_A_TOKEN))
        found = await caller.look_up(names, **query)
        return await _aside(found.size, _entries_of, names, found.data["items"], self._children)

    def _show_whole(self, items: Sequence[_Entry], left: int) -> int:
        """Shows the items for which there is room, and returns what is left."""
        if self.offset:
            return left
        for entry in items:
            tokens = entry.tokens(left)
            if entry.markdown and tokens <= left:
                entry.text = entry.markdown
                left -= tokens
            else:
                left -= OWN_TOKENS
        return left

    async def _show_part(self, entry: _Entry, left: int, caller: Caller) -> None:
        """Shows a part of the one item that is too large, and its children if it is the first part."""
        if not entry.markdown:
            (whole,) = await self._entries(caller, [f"{entry.kind}:{entry.item['uid']}"])
            entry.item, entry.markdown, entry.children = whole.item, whole.markdown, whole.children
        below = ""
        if self._children and not self.offset:
            below = await self._below(entry, left // 4, caller)
        length = len(entry.markdown)
        if self.offset >= length:
            raise InvalidArguments(
                facts={"problems": f"offset should be below {length}, where the item ends."}
            )
        most = max(left - estimated_tokens(below), OWN_TOKENS)
        part = await _aside(length, excerpt, entry.markdown, self.offset, most)
        heading = "\n".join(entry.markdown.split("\n", 2)[:2]) if self.offset else ""
        said = f"Characters {self.offset} to {part.end} of {length}."
        if part.end < length:
            rest = (length - part.end) * estimated_tokens(part.text) // (part.end - self.offset)
            said += f' About {rest} tokens are left: read items=["{entry.id}"] offset={part.end}'
        entry.text = "\n".join(filter(None, (heading, part.text, said, below)))

    async def _show_children(self, items: Sequence[_Entry], left: int, caller: Caller) -> None:
        for entry in items:
            if entry.text and (below := await self._below(entry, left, caller)):
                entry.text += f"\n{below}"
                left -= estimated_tokens(below)

    async def _below(self, entry: _Entry, left: int, caller: Caller) -> str:
        parent = children.Parent(entry.kind, str(entry.item["uid"]), entry.children)
        return await children.shown(caller, self._children, parent, left)

    def _left_out(self, items: Sequence[_Entry]) -> str:
        """The items that are not shown, with their sizes, and how to read them."""
        rest = [entry for entry in items if not entry.text]
        if not rest:
            return ""
        sizes = [entry.tokens(self.max_tokens) for entry in rest]
        named = [f"{entry.called}, about {size} tokens" for entry, size in zip(rest, sizes, strict=True)]
        ids = ", ".join(f'"{entry.id}"' for entry in rest)
        most = min(max(sum(sizes) * 11 // 10, self.max_tokens), SUGGESTED_TOKENS)
        return "\n".join(
            [
                f"Not shown, since max_tokens={self.max_tokens} is used up:",
                *named,
                f"Next: read items=[{ids}] max_tokens={most}",
            ]
        )


async def _aside(size: int, work: Callable[..., Made], *given: Any) -> Made:
    """What `work` returns. With a large text it has a thread, so that it delays no other call."""
    return work(*given) if size < LARGE else await asyncio.to_thread(work, *given)


def _entries_of(
    names: Sequence[str], found: Sequence[Mapping[str, Any]], wanted: children.Wanted
) -> list[_Entry]:
    seen: set[str] = set()
    return [_entry(name, each, seen, wanted) for name, each in zip(names, found, strict=True)]


def _entry(name: str, found: Mapping[str, Any], seen: set[str], wanted: children.Wanted) -> _Entry:
    if error := found.get("error"):
        return _Entry(why_not(name, error))
    entity = BY_KIND.get(found["kind"])
    if entity is None:
        return _Entry(foreign_kind(name))
    item = found["item"]
    if item["uid"] in seen:
        return _Entry(f"{word(name)} is shown already, under its id.")
    seen.add(item["uid"])
    came = found.get("children", {})
    markdown = ""
    if "payload" in item:
        markdown = item_markdown(entity, item, beside=tuple(children.not_wanted(entity.kind, came, wanted)))
    return _Entry(kind=entity.kind, item=item, markdown=markdown, children=came)


READ = Work(
    name="read",
    about="Read, open or show items whole, up to 20 of any kind, with their comments or messages.",
    arguments=ReadArguments,
    hints=READS,
    needs=frozenset({"items"}),
)
