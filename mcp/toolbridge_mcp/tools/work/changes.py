"""What happened since a moment, over all kinds of items."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple, TypeAlias

from fastmcp.tools.base import ToolResult
from mcp.types import ToolAnnotations
from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from toolbridge_mcp.client import Call, Document
from toolbridge_mcp.entities.entity import Maybe, Number
from toolbridge_mcp.entities.times import Moment
from toolbridge_mcp.rendering import Belonging, Summary, estimated_tokens, line, quoted, short_ids, word
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.work.selecting import BY_KIND, Kinds, one_of
from toolbridge_mcp.tools.work.texts import PAGE_TOKENS, STORED, text_result
from toolbridge_mcp.tools.work.work_tool import Work, WorkArguments

MOST_LINES = 500
PAGE = 50
"""Changes that are asked for at once."""

MOST_PAGES = 20
FEW = 3
"""From so many on, changes of one batch that are alike share a line, which names as many of the items."""

MOST_FIELDS = 6

NAME_CHARACTERS = 80
_PLAIN_NAME = re.compile(r"[\w.@+:/|-]{1,80}")
_CURSOR = re.compile(r"j[0-9]{1,20}\.[0-9a-zA-Z]{1,64}")
_AGO = re.compile(
    r"(?P<last>(?:the )?(?:last|past) )?(?:(?P<number>an?|[0-9]{1,6}) ?)?"
    r"(?P<unit>min(?:ute)?s?|h(?:ours?|rs?)?|d(?:ays?)?|w(?:eeks?)?)(?: ago)?",
    re.IGNORECASE,
)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def _read_since(value: Any, read_moment: ValidatorFunctionWrapHandler) -> str:
    """A cursor as it is; a length of time, or a moment, as a moment in UTC."""
    text = value.strip() if isinstance(value, str) else ""
    if _CURSOR.fullmatch(text):
        return text
    found = _AGO.fullmatch(text)
    if found and (found["last"] or found["number"]):
        return _ago(found)
    try:
        return str(read_moment(value))
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        expected = f'{said}, a length such as "24 hours", or the since that an earlier call ended with'
        raise ValueError(expected) from error


def _ago(found: re.Match[str]) -> str:
    number = int(found["number"]) if (found["number"] or "").isdecimal() else 1
    try:
        at = datetime.now(UTC) - number * _UNITS[found["unit"][0].lower()]
    except OverflowError:
        at = datetime.min.replace(tzinfo=UTC)
    return f"{at.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


Since = Annotated[Moment, WrapValidator(_read_since)]


class ChangesArguments(WorkArguments):
    since: Since = Field(description='Time, "24 hours", or the since that the last call ended with')
    kinds: Maybe[Kinds] = None
    limit: Number = Field(default=50, ge=1, le=MOST_LINES)
    own: bool = Field(default=True, description="false leaves out what this client did")

    async def carry_out(self, caller: Caller) -> ToolResult:
        found = await self._read(caller)
        return text_result(*self._said(found, caller))

    async def _read(self, caller: Caller) -> "_Found":
        """As many whole pages as make up the lines that are wanted, or fill an answer."""
        found = _Found()
        since, pages = self.since, 0
        while True:
            page = await self._page(caller, since, min(PAGE, self.limit - len(found.lines)))
            found.add(page, None if self.own else _name(caller.origin.client))
            since, pages = page.data["nextCursor"], pages + 1
            full = len(found.lines) >= self.limit or found.tokens > PAGE_TOKENS
            if full or not page.data["more"] or pages == MOST_PAGES:
                return found

    async def _page(self, caller: Caller, since: str, limit: int) -> Document:
        query = {"since": since, "limit": str(limit)}
        if self.kinds:
            query["kinds"] = one_of(self.kinds)
        return await caller.send(Call("GET", "/v1/changes", query=query))

    def _said(self, found: "_Found", caller: Caller) -> Iterator[str]:
        if found.begins:
            yield f"Changes before {_minute(found.begins)} UTC are not kept."
        if not self.own and not caller.origin.client:
            yield "This client does not say its name, so own changes are among these."
        elif found.own:
            yield f"{found.own} own changes left out."
        since = f"since {_minute(self.since)} UTC" if _is_moment(self.since) else "since that call"
        if found.lines:
            yield f"{_number(found.changes)} {since}{found.shared}, in UTC, with ids for undo ({STORED}):"
            yield from found.lines
        else:
            yield f"No changes {since}."
        yield f'{"More" if found.more else "Later changes"}: since="{found.cursor}"'


Ids: TypeAlias = Mapping[tuple[str, str], str]
"""The short id of each kind and uid."""


class _Change(NamedTuple):
    """A change of one item, and what it has in common with others of its batch."""

    at: str
    item: Summary
    what: tuple[str, str, tuple[str, ...]]
    """The kind of the item, what happened to it, and the fields."""
    by: str
    client: str
    change_id: str
    batch_id: str


class _Found:
    """The changes that were read, and the lines that say so."""

    def __init__(self) -> None:
        self.changes: list[_Change] = []
        self.lines: list[str] = []
        self.own = 0
        self.cursor = ""
        self.more = False
        self.begins = ""

    def add(self, page: Document, own_client: str | None) -> None:
        """Adds a page, without the changes of a client if it is named."""
        self.cursor, self.more = page.data["nextCursor"], page.data["more"]
        self.begins = self.begins or page.data.get("begins", "")
        for each in page.data["changes"]:
            change = _change(each)
            if own_client and _name(change.client) == own_client:
                self.own += 1
            else:
                self.changes.append(change)
        self.lines = list(self._lines())

    @property
    def tokens(self) -> int:
        return sum(map(estimated_tokens, self.lines))

    @property
    def _common(self) -> tuple[str, str]:
        """The one subject and the one client of all changes; empty if there are several."""
        subjects, clients = {each.by for each in self.changes}, {each.client for each in self.changes}
        return subjects.pop() if len(subjects) == 1 else "", clients.pop() if len(clients) == 1 else ""

    @property
    def shared(self) -> str:
        return _doers(*self._common)

    def _lines(self) -> Iterator[str]:
        ids = short_ids([change.item for change in self.changes])
        groups: dict[Any, list[_Change]] = {}
        for change in self.changes:
            alike = (
                (change.batch_id, change.what, change.by, change.client)
                if change.batch_id
                else change.change_id
            )
            groups.setdefault(alike, []).append(change)
        by, client = self._common
        day = ""
        for group in groups.values():
            if day != (day := group[0].at[:10]):
                yield f"{day}:"
            doers = _doers("" if by else group[0].by, "" if client else group[0].client)
            if len(group) < FEW:
                yield from (_line(change, ids, doers) for change in group)
            else:
                yield _line_of_many(group, ids, doers)


def _line(change: _Change, ids: Ids, doers: str) -> str:
    """Such as `09:12 note:3f9a01bc v4 "Title": updated tags with claude-code/2.1.0 (c41)`."""
    item = line(change.item, with_kind=True, shown_id=ids[change.item.kind, change.item.uid])
    return f"{change.at[11:16]} {item}: {_happened(change)}{doers} ({change.change_id})"


def _line_of_many(group: Sequence[_Change], ids: Ids, doers: str) -> str:
    """Such as `09:12 29 notes: updated tags (b41): 3f9a01bc "Title", … and 26 more`."""
    first = group[0]
    entity = BY_KIND.get(first.item.kind)
    words = entity.words["words"] if entity else first.item.kind
    few = [Summary(each.item.kind, each.item.uid, title=each.item.title) for each in group[:FEW]]
    named = ", ".join(line(item, with_kind=False, shown_id=ids[item.kind, item.uid]) for item in few)
    rest = f" and {len(group) - FEW} more" if len(group) > FEW else ""
    return (
        f"{first.at[11:16]} {len(group)} {words}: {_happened(first)}{doers} ({first.batch_id}): {named}{rest}"
    )


def _happened(change: _Change) -> str:
    kind, happened, fields = change.what
    if happened in {"created", "deleted"} or not fields:
        return happened
    names = BY_KIND[kind].names if kind in BY_KIND else {}
    shown = ", ".join(word(names.get(field, field)) for field in fields[:MOST_FIELDS])
    return f"{happened} {shown}{f' +{len(fields) - MOST_FIELDS}' if len(fields) > MOST_FIELDS else ''}"


def _doers(by: str, client: str) -> str:
    return f"{f' by {_name_of(by)}' if by else ''}{f' with {_name_of(client)}' if client else ''}"


def _name_of(text: str) -> str:
    return text if _PLAIN_NAME.fullmatch(text) else quoted(text, NAME_CHARACTERS)


def _change(found: Mapping[str, Any]) -> _Change:
    parent = found.get("parent")
    item = Summary(
        found["kind"],
        found["uid"],
        version=found["version"],
        title=found.get("title"),
        parent=Belonging(parent["kind"], parent["uid"], parent.get("title")) if parent else None,
    )
    what = (item.kind, found["change"], tuple(found.get("fields") or ()))
    return _Change(
        found["at"],
        item,
        what,
        found.get("by", ""),
        found.get("client", ""),
        found["change_id"],
        found.get("batch_id", ""),
    )


def _name(client: str) -> str:
    """The client without its version."""
    return client.partition("/")[0]


def _number(changes: Sequence[_Change]) -> str:
    return f"{len(changes)} change{'s' if len(changes) != 1 else ''}"


def _is_moment(since: str) -> bool:
    return not _CURSOR.fullmatch(since)


def _minute(moment: str) -> str:
    return f"{moment[:10]} {moment[11:16]}"


CHANGES = Work(
    name="changes",
    about="What changed since a time: new, updated, moved and deleted items, by whom and with which client.",
    arguments=ChangesArguments,
    hints=ToolAnnotations(read_only_hint=True, open_world_hint=False),
    needs=frozenset({"changes"}),
)
