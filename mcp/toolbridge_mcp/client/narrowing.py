"""Pages of a filtered or reversed list, made by the gateway from the pages of an API that has neither."""

import json
from collections import deque
from collections.abc import Awaitable, Callable

from toolbridge_mcp.client.call import Call
from toolbridge_mcp.client.document import Document, JsonObject
from toolbridge_mcp.client.selection import Place, Selection
from toolbridge_mcp.errors import (
    AnswerTooLong,
    CannotSort,
    RateLimited,
    TimedOut,
    Unavailable,
)
from toolbridge_mcp.resilience import current_deadline

PAGE_ITEMS = 500
MAX_REQUESTS = 12
"""Requests for one page of a narrowed list. The API allows 120 at once, and 10 a second."""

MAX_SORTED = 5_000
"""Items that the gateway reads through to find the newest ones, on as many pages as that takes."""

ENOUGH_SECONDS = 2.0
"""A page that has come so far is returned when less time than this is left."""


def is_last(page: Document, limit: int, most: int) -> bool:
    """Whether the list ends with this page, which may hold `limit` items. Up to `most`, the API holds none
    back."""
    items = page.data.get("items") or []
    return not items or len(items) < limit <= most


def without_cursor(page: Document) -> Document:
    if "nextCursor" not in page.data:
        return page
    return _document([_text(item) for item in page.data.get("items") or []], None)


class Narrowing:
    """One page of the list that a call asks for. `send` reads a page of everything, `most` items at most."""

    def __init__(self, call: Call, send: Callable[[Call], Awaitable[Document]], most: int) -> None:
        self._call, self._send, self._most = call, send, most
        self._selection = Selection.of(call.collection, call.query)
        self._size = PAGE_ITEMS

    async def page(self) -> Document:
        """Without `nextCursor` it is the last one. Any other page may hold fewer items than were asked for or
        none: the gateway reads so far and no further."""
        return await (self._newest() if self._selection.newest_first else self._oldest())

    async def _oldest(self) -> Document:
        kept = _Page(self._selection.limit, self._selection.max_bytes)
        cursor = self._call.query.get("cursor") or self._selection.first_cursor
        at_first = cursor
        for _ in range(MAX_REQUESTS):
            try:
                items, following = await self._read(cursor)
            except (RateLimited, TimedOut, Unavailable):
                if cursor == at_first:
                    raise
                break
            taken = self._take(items, kept)
            if taken < len(items):
                if taken == 0:
                    break
                self._size = taken  # the cursor behind the last item taken comes with a page that ends there
                continue
            kept.accept()
            cursor = following
            if cursor is None or kept.is_full or current_deadline().left < ENOUGH_SECONDS:
                break
        return kept.document(cursor)

    def _take(self, items: list[JsonObject], kept: "_Page") -> int:
        """Offers the items to the page until it is full; returns how many of them it has seen."""
        kept.withdraw()
        for seen, item in enumerate(items):
            if self._selection.takes(item) and not kept.offer(item):
                return seen
        return len(items)

    async def _newest(self) -> Document:
        """The newest items older than the cursor. All older ones are read for it, since they come first."""
        end = Place.read(self._call.query["cursor"]) if "cursor" in self._call.query else None
        newest = _Newest(self._selection.limit, self._selection.max_bytes)
        cursor = self._selection.first_cursor
        seen = 0
        while seen <= MAX_SORTED:
            items, cursor = await self._read(cursor)
            seen += len(items)
            before = [item for item in items if end is None or Place.of(item) < end]
            for item in filter(self._selection.takes, before):
                newest.add(item)
            if cursor is None or len(before) < len(items):
                return newest.document()
        raise CannotSort(facts={"most": MAX_SORTED})

    async def _read(self, cursor: str | None) -> tuple[list[JsonObject], str | None]:
        """The items of a page, and the next cursor unless the list has ended."""
        query = {name: self._call.query[name] for name in ("includeDeleted",) if name in self._call.query}
        if cursor:
            query["cursor"] = cursor
        while True:
            page = self._call._replace(query={**query, "limit": str(self._size)}, of_one_item=self._size == 1)
            try:
                answer = await self._send(page)
            except AnswerTooLong:
                if page.of_one_item:
                    raise
                self._size = max(1, self._size // 10)
                continue
            ended = is_last(answer, self._size, self._most)
            return answer.data.get("items") or [], None if ended else answer.data.get("nextCursor")


class _Page:
    """The items of a page, oldest first. What is offered counts when it is accepted."""

    def __init__(self, limit: int, max_bytes: int) -> None:
        self._limit, self._left = limit, max_bytes
        self._items: list[str] = []
        self._offered: list[str] = []

    @property
    def is_full(self) -> bool:
        return len(self._items) >= self._limit

    def offer(self, item: JsonObject) -> bool:
        """Whether there is room. The first item always has: it would have none in the next page, either."""
        text = _text(item)
        first = not self._items and not self._offered
        room = self._left - sum(map(len, self._offered))
        if not first and (len(text) > room or len(self._items) + len(self._offered) >= self._limit):
            return False
        self._offered.append(text)
        return True

    def accept(self) -> None:
        self._left -= sum(map(len, self._offered))
        self._items += self._offered
        self._offered = []

    def withdraw(self) -> None:
        self._offered = []

    def document(self, cursor: str | None) -> Document:
        return _document(self._items, cursor)


class _Newest:
    """The last items that were added, as many as there is room for."""

    def __init__(self, limit: int, max_bytes: int) -> None:
        self._limit, self._left = limit, max_bytes
        self._kept: deque[tuple[Place, str]] = deque()
        self._dropped = False

    def add(self, item: JsonObject) -> None:
        text = _text(item)
        self._kept.append((Place.of(item), text))
        self._left -= len(text)
        while len(self._kept) > self._limit or (self._left < 0 and len(self._kept) > 1):
            self._left += len(self._kept.popleft()[1])
            self._dropped = True

    def document(self) -> Document:
        oldest = self._kept[0][0].cursor() if self._dropped else None
        return _document([text for _, text in reversed(self._kept)], oldest)


def _text(item: JsonObject) -> str:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":"))


def _document(items: list[str], cursor: str | None) -> Document:
    following = f',"nextCursor":{json.dumps(cursor)}' if cursor else ""
    return Document.parse(f'{{"items":[{",".join(items)}]{following}}}'.encode())
