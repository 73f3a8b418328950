"""What happened since a moment, over all kinds of items."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC
from itertools import groupby
from typing import Annotated, Any

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from toolbridge_mcp.client import Call, Document
from toolbridge_mcp.entities.entity import Maybe, Number, Word
from toolbridge_mcp.entities.times import Moment
from toolbridge_mcp.identity import as_sent
from toolbridge_mcp.rendering import estimated_tokens, name, short_ids
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.hints import READS
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.tools.work.change_lines import (
    FEW,
    Change,
    Clock,
    Doers,
    line_of_many,
    line_of_one,
    read_change,
    shared,
    without_version,
)
from toolbridge_mcp.tools.work.selecting import Kinds, one_of
from toolbridge_mcp.tools.work.texts import PAGE_TOKENS, STORED, text_result
from toolbridge_mcp.tools.work.work_tool import Work, WorkArguments

MOST_LINES = 500
PAGE = 50
"""Changes that are asked for at once."""

MOST_PAGES = 20

OF_CLIENT = frozenset({"changesOfClient"})
"""What an API must have that narrows changes to a client."""

_CURSOR = re.compile(r"j[0-9]{1,20}\.[0-9a-zA-Z]{1,64}")


def _read_since(value: Any, read_moment: ValidatorFunctionWrapHandler) -> str:
    """A cursor as it is; a time, a day or a length of time as a moment in UTC."""
    text = value.strip() if isinstance(value, str) else ""
    if _CURSOR.fullmatch(text):
        return text
    try:
        return str(read_moment(text or value))
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise ValueError(f'{said}, or "24 hours", or the since that an earlier call ended with') from error


Since = Annotated[Moment, WrapValidator(_read_since)]


class ChangesArguments(WorkArguments):
    since: Since = Field(description='Time, "24 hours", or the since that the last call ended with')
    kinds: Maybe[Kinds] = None
    limit: Number = Field(default=50, ge=1, le=MOST_LINES)
    client: Maybe[Word] = Field(default=None, description="Only what this client did, such as claude-code")
    own: bool = Field(default=True, description="false leaves out what this client did")

    async def carry_out(self, caller: Caller) -> Result:
        if self.client:
            await caller.require(OF_CLIENT)
        found = await self._read(caller)
        return text_result(*self._said(found, caller))

    async def _read(self, caller: Caller) -> "_Found":
        """As many whole pages as make up the lines that are wanted, or fill an answer."""
        found = _Found(Clock(caller.zone() or UTC))
        since, pages = self.since, 0
        while True:
            page = await self._page(caller, since, min(PAGE, self.limit - found.shown))
            found.add(page, None if self.own else without_version(caller.origin.client))
            since, pages = page.data["nextCursor"], pages + 1
            full = found.shown >= self.limit or found.tokens > PAGE_TOKENS
            if full or not page.data["more"] or pages == MOST_PAGES:
                return found

    async def _page(self, caller: Caller, since: str, limit: int) -> Document:
        query = {"since": since, "limit": str(limit)}
        if self.kinds:
            query["kinds"] = one_of(self.kinds)
        if self.client:
            query["client"] = as_sent(self.client.strip())
        return await caller.send(Call("GET", "/v1/changes", query=query))

    def _said(self, found: "_Found", caller: Caller) -> Iterator[str]:
        clock = found.clock
        if found.begins:
            yield f"Changes before {clock.minute(found.begins)} are not kept."
        if not self.own and not caller.origin.client:
            yield "This client does not say its name, so own changes are among these."
        elif found.own:
            yield f"{found.own} own changes left out."
        since = clock.minute(self.since) if _is_moment(self.since) else "that call"
        if found.lines:
            head = f"{_number(found.changes)} since {since}{found.shared.in_words()}"
            yield f"{head}, times in {clock.zone}, with ids for undo ({STORED}):"
            yield from found.lines
        else:
            of_client = f" with {name(self.client)}" if self.client else ""
            yield f"No changes{of_client} since {since} ({clock.zone})."
        yield f'{"More" if found.more else "Later changes"}: since="{found.cursor}"'


class _Found:
    """The changes that were read, and the lines that say so."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.changes: list[Change] = []
        self.lines: list[str] = []
        self.shown = 0
        """How many lines are about changes."""
        self.own = 0
        self.cursor = ""
        self.more = False
        self.begins = ""

    def add(self, page: Document, own_client: str | None) -> None:
        """Adds a page, without the changes of a client if it is named."""
        self.cursor, self.more = page.data["nextCursor"], page.data["more"]
        self.begins = self.begins or page.data.get("begins", "")
        for each in page.data["changes"]:
            change = read_change(each)
            if own_client and without_version(change.doers.client or "") == own_client:
                self.own += 1
            else:
                self.changes.append(change)
        lines = list(self._lines())
        self.shown = len(lines)
        days = groupby(lines, key=lambda dated: dated[0])
        self.lines = [text for day, several in days for text in (f"{day}:", *(said for _, said in several))]

    @property
    def tokens(self) -> int:
        return sum(map(estimated_tokens, self.lines))

    @property
    def shared(self) -> Doers:
        return shared(each.doers for each in self.changes)

    def _groups(self) -> Iterator[Sequence[Change]]:
        """The changes that share a line, in the order of the first of each."""
        groups: dict[Any, list[Change]] = {}
        for change in self.changes:
            alike = (change.batch_id, change.what, change.doers)
            groups.setdefault(alike if change.batch_id else change.change_id, []).append(change)
        for group in groups.values():
            if len(group) < FEW:
                yield from ([change] for change in group)
            else:
                yield group

    def _lines(self) -> Iterator[tuple[str, str]]:
        """A line for each group, and its day."""
        ids = short_ids([change.item for change in self.changes])
        common = self.shared
        for group in self._groups():
            first = group[0]
            doers = first.doers.without(common).in_words()
            line = line_of_one(first, ids, doers) if len(group) == 1 else line_of_many(group, ids, doers)
            yield self.clock.day(first.at), f"{self.clock.time(first.at)} {line}"


def _number(changes: Sequence[Change]) -> str:
    return f"{len(changes)} change{'s' if len(changes) != 1 else ''}"


def _is_moment(since: str) -> bool:
    return not _CURSOR.fullmatch(since)


CHANGES = Work(
    name="changes",
    about="What changed since a time, by whom, with which client and tool: new, updated, moved, deleted.",
    arguments=ChangesArguments,
    hints=READS,
    needs=frozenset({"changes"}),
)
