"""What belongs to an item: the comments on it, the messages in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from toolbridge_mcp.client import COLLECTION, NO_MIRRORS, Call
from toolbridge_mcp.entities import CHAT_MESSAGE, ENTITIES, Entity
from toolbridge_mcp.rendering import Summary, estimated_tokens, fenced, from_item, quoted, short_ids, word
from toolbridge_mcp.rendering.markdown import AUTHORS
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.work.texts import STORED

MOST_BESIDE = 50
"""Children of each kind that an item can bring along."""

MAX_REMARKS = MOST_BESIDE
"""Comments that are shown of one item, the newest."""

LINE_CHARACTERS = 400
"""A text up to this length stands in its line, a longer one in a fence."""

MOST_MESSAGES = 200
"""Messages that are shown of one chat, the newest."""

MAX_TEXT = 4_000
"""Characters that are shown of one text."""

BYTES_A_TOKEN = 8
"""More of a page of payloads than could be shown is not asked for."""


HEADING_TOKENS = 25


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which children of items are to be shown, and how many of each item."""

    remarks: bool
    messages: int
    skipped: int = 0
    """How many of each kind, the newest, are left out."""

    def __bool__(self) -> bool:
        return self.remarks or self.messages > 0

    @property
    def beside_items(self) -> int | None:
        """How many of each kind are asked for together with the items; None if so many do not come so."""
        most = max(self.messages, MAX_REMARKS * self.remarks)
        return most if most <= MOST_BESIDE and not self.skipped else None

    def of(self, kind: str) -> Iterator[tuple[Entity, int]]:
        """The entities whose items may belong to one of this kind, each with the number that is wanted."""
        for entity in ENTITIES:
            most = self.messages if entity is CHAT_MESSAGE else MAX_REMARKS * self.remarks
            if most and entity.parent and kind in entity.parent.kinds:
                yield entity, most


class Newest(NamedTuple):
    """The newest children of one kind that an item has, the newest first, and how many there are in all."""

    items: Sequence[Mapping[str, Any]]
    total: str

    @classmethod
    def of(cls, items: Sequence[Mapping[str, Any]], counted: Mapping[str, Any]) -> Self:
        return cls(items, f"{counted['total']}{'+' if counted.get('more') else ''}")


class Parent(NamedTuple):
    """An item, and the children that came with it."""

    kind: str
    uid: str
    children: Mapping[str, Any]


def not_wanted(kind: str, came: Mapping[str, Any], wanted: Wanted) -> Iterator[str]:
    """How many children of each kind an item has that were not asked for, and how to ask for them."""
    asked = {entity for entity, _ in wanted.of(kind)}
    for entity in ENTITIES:
        count = came.get(entity.kind)
        if entity in asked or not count or not count["total"]:
            continue
        total = count["total"]
        words = entity.words["words" if total != 1 else "word"]
        newest = min(total, MOST_MESSAGES)
        how = f"with_messages={newest}" if entity is CHAT_MESSAGE else "with_comments=true"
        yield f"{total}{'+' if count.get('more') else ''} {words} ({how} shows them)"


async def shown(caller: Caller, wanted: Wanted, parent: Parent, most_tokens: int) -> str:
    """The newest children of an item, each kind oldest first, as far as they fit."""
    parts: list[str] = []
    for entity, most in wanted.of(parent.kind):
        if wanted.beside_items is None:
            newest = await _listed(caller, entity, parent, most, wanted.skipped, most_tokens)
        elif came := parent.children.get(entity.kind):
            newest = Newest.of(came["items"][::-1][:most], came)
        else:
            continue  # the API does not know the entity
        parts.append(_section(entity, newest, wanted.skipped, most_tokens))
        most_tokens -= estimated_tokens(parts[-1])
    return "\n".join(parts)


async def _listed(
    caller: Caller, entity: Entity, parent: Parent, most: int, skipped: int, most_tokens: int
) -> Newest:
    names = (parent.kind, parent.uid)
    query = {
        **dict(zip(entity.parent_keys, names[-len(entity.parent_keys) :], strict=True)),
        "sort": "created",
        "order": "desc",
        "total": "true",
    }
    if skipped:
        before = {**query, "view": "summary", "limit": str(skipped)}
        page = await caller.send(Call("GET", COLLECTION, entity, query=before))
        if "nextCursor" not in page.data:
            return Newest.of((), page.data)
        query["cursor"] = page.data["nextCursor"]
    query |= {"limit": str(most), "maxBytes": str(max(1, most_tokens) * BYTES_A_TOKEN)}
    page = await caller.send(Call("GET", COLLECTION, entity, query=query, wishes=(NO_MIRRORS,)))
    return Newest.of(page.data["items"], page.data)


def _section(entity: Entity, newest: Newest, skipped: int, most_tokens: int) -> str:
    words = entity.words["words"]
    if not newest.items:
        return f"No more {words} than {newest.total}." if skipped else f"No {words}."
    texts = _fitting(list(_texts(entity, newest.items)), most_tokens - HEADING_TOKENS)
    heading = f"### {_capital(words)}: "
    if not texts:
        return f"{heading}{newest.total}, not shown for want of max_tokens"
    count = newest.total
    if (seen := skipped + len(texts)) < _number(newest.total):
        count = f"{len(texts)} of {newest.total}, older ones with skip={seen}"
    elif skipped:
        count = f"the first {len(texts)} of {newest.total}"
    return "\n".join([f"{heading}{count}, oldest first ({STORED})", *reversed(texts)])


def _number(total: str) -> int:
    return int(total.removesuffix("+"))


def _fitting(texts: Sequence[str], most_tokens: int) -> Sequence[str]:
    used = 0
    for number, text in enumerate(texts):
        used += estimated_tokens(text) + 1
        if used > most_tokens:
            return texts[:number]
    return texts


def _texts(entity: Entity, items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    summaries = [from_item(entity, item) for item in items]
    ids = short_ids(summaries)
    for summary, item in zip(summaries, items, strict=True):
        payload = item.get("payload")
        fields = payload if isinstance(payload, dict) else {}
        yield _child(ids[summary.kind, summary.uid], summary, fields, entity.keys[entity.text])


def _child(shown_id: str, summary: Summary, fields: Mapping[str, Any], text_key: str) -> str:
    """Such as `3f9a01bc v1 2026-11-26 09:12 by "Ann" open: "Text"`."""
    at = summary.created_at or summary.updated_at or ""
    names = [value for key in AUTHORS if isinstance(value := fields.get(key), str) and value]
    parts = [
        shown_id,
        f"v{summary.version}",
        f"{at[:10]} {at[11:16]}",
        *(f"by {quoted(name, LINE_CHARACTERS // 10)}" for name in names),
        *([word(summary.status)] if summary.status else []),
        *summary.flags,
    ]
    head = " ".join(parts)
    text = fields.get(text_key)
    if not isinstance(text, str):
        return f"{head}: not shown, read it alone" if summary.too_large else head
    if len(text) <= LINE_CHARACTERS and "\n" not in text:
        return f"{head}: {quoted(text, 2 * LINE_CHARACTERS)}"
    rest = len(text) - MAX_TEXT
    cut = f"\n({rest} more characters: read {summary.kind}:{shown_id})" if rest > 0 else ""
    return f"{head}:\n{fenced(text[:MAX_TEXT])}{cut}"


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
