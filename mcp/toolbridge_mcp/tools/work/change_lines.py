"""Changes of items as lines: one for each, or for those of one batch that are alike."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, NamedTuple, TypeAlias

from toolbridge_mcp.entities import BY_KIND
from toolbridge_mcp.rendering import Belonging, Summary, line, name, word

FEW = 3
"""From so many on, changes of one batch that are alike share a line, which names as many of the items."""

MOST_FIELDS = 6

Ids: TypeAlias = Mapping[tuple[str, str], str]
"""The short id of each kind and uid."""


class Doers(NamedTuple):
    """Who made a change, with which client and which tool. None is not said; an empty client is one that did
    not say its name."""

    by: str | None
    client: str | None
    tool: str | None

    def in_words(self) -> str:
        by = f" by {name(self.by)}" if self.by else ""
        client = name(self.client) if self.client else "an unnamed client"
        tool = f" using {name(self.tool)}" if self.tool else ""
        return f"{by}{'' if self.client is None else f' with {client}'}{tool}"

    def without(self, shared: "Doers") -> "Doers":
        """What is left to say of them."""
        return Doers(*(own if common is None else None for own, common in zip(self, shared, strict=True)))


def shared(several: Iterable[Doers]) -> Doers:
    """What all have in common."""
    columns = [set(column) for column in zip(*several, strict=True)] or [set(), set(), set()]
    return Doers(*(column.pop() if len(column) == 1 else None for column in columns))


class Change(NamedTuple):
    """A change of one item, and what it has in common with others of its batch."""

    at: str
    item: Summary
    what: tuple[str, str, tuple[str, ...]]
    """The kind of the item, what happened to it, and the fields."""
    doers: Doers
    change_id: str
    batch_id: str


class Clock(NamedTuple):
    """Shows moments where the user is; in UTC if that is not known."""

    zone: tzinfo

    def minute(self, moment: str) -> str:
        return f"{self._local(moment):%Y-%m-%d %H:%M}"

    def day(self, moment: str) -> str:
        return f"{self._local(moment):%Y-%m-%d}"

    def time(self, moment: str) -> str:
        return f"{self._local(moment):%H:%M}"

    def _local(self, moment: str) -> datetime:
        try:
            return datetime.fromisoformat(moment).astimezone(self.zone)
        except OverflowError:
            return datetime.fromisoformat(moment)


def line_of_one(change: Change, ids: Ids, doers: str) -> str:
    """Such as `note:3f9a01bc v4 "Title": updated tags with claude-code/2.1.0 using batch (c41)`."""
    item = line(change.item, with_kind=True, shown_id=ids[change.item.kind, change.item.uid])
    return f"{item}: {_happened(change)}{doers} ({change.change_id})"


def line_of_many(group: Sequence[Change], ids: Ids, doers: str) -> str:
    """Such as `29 notes: updated tags (b41): 3f9a01bc "Title", … and 26 more`."""
    first = group[0]
    entity = BY_KIND.get(first.item.kind)
    words = entity.words["words"] if entity else first.item.kind
    few = [Summary(each.item.kind, each.item.uid, title=each.item.title) for each in group[:FEW]]
    named = ", ".join(line(item, with_kind=False, shown_id=ids[item.kind, item.uid]) for item in few)
    rest = f" and {len(group) - FEW} more" if len(group) > FEW else ""
    return f"{len(group)} {words}: {_happened(first)}{doers} ({first.batch_id}): {named}{rest}"


def _happened(change: Change) -> str:
    kind, happened, fields = change.what
    if happened in {"created", "deleted"} or not fields:
        return happened
    names = BY_KIND[kind].names if kind in BY_KIND else {}
    shown = ", ".join(word(names.get(field, field)) for field in fields[:MOST_FIELDS])
    return f"{happened} {shown}{f' +{len(fields) - MOST_FIELDS}' if len(fields) > MOST_FIELDS else ''}"


def read_change(found: Mapping[str, Any]) -> Change:
    parent = found.get("parent")
    item = Summary(
        found["kind"],
        found["uid"],
        version=found["version"],
        title=found.get("title"),
        parent=Belonging(parent["kind"], parent["uid"], parent.get("title")) if parent else None,
    )
    what = (item.kind, found["change"], tuple(found.get("fields") or ()))
    return Change(
        found["at"],
        item,
        what,
        Doers(found.get("by", ""), found.get("client", ""), found.get("tool", "")),
        found["change_id"],
        found.get("batch_id", ""),
    )


def without_version(client: str) -> str:
    """The client without its version."""
    return client.partition("/")[0]
