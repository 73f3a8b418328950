"""Clients that keep working through trouble, and remember the answers that they got.

Each reconnects when its connection ends. It waits and repeats a call if the answer says so. If nobody knows
whether a write was made, it reads before it writes again.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import uuid4

from fastmcp import Client
from fastmcp.client.transports import SSETransport, StreamableHttpTransport

from tests.harness.clients import Tools, over_http, text_of, token

WAYS = {"/sse": ("/sse", "legacy"), "/mcp, session": ("/mcp", "legacy"), "/mcp": ("/mcp", "auto")}
WRITE = "create_note"
ANSWERED = "answered"
REPEAT = "told to repeat"
UNKNOWN = "told that nobody knows"
CUT = "no answer"
PAUSE = 0.3
CONNECT_SECONDS = 10.0
CALL_SECONDS = 10.0
"""The SDK's client over SSE needs a limit: a call after the end of its stream gets no answer and no error."""


@dataclass(frozen=True)
class Told:
    """One call and its outcome. Times are of the monotonic clock."""

    caller: int
    tool: str
    outcome: str
    says: str
    begun: float
    ended: float


@dataclass
class Record:
    """The outcomes of all calls. `acknowledged` has the uid of each note that was written, by its title."""

    calls: list[Told] = field(default_factory=list)
    acknowledged: dict[str, str] = field(default_factory=dict)
    refused_connections: int = 0
    name: str = field(default_factory=lambda: uuid4().hex)
    """The titles of its notes begin with this."""

    @property
    def answered(self) -> int:
        return sum(call.outcome == ANSWERED for call in self.calls)

    def since(self, begun: float) -> "list[Told]":
        """Calls that ended after that moment."""
        return [call for call in self.calls if call.ended >= begun]

    async def until_answered(self, more: int) -> None:
        """Returns when that many more calls have been answered."""
        wanted = self.answered + more
        while self.answered < wanted:
            await asyncio.sleep(0.02)

    async def until_all_have_written(self, callers: int, seconds: float) -> bool:
        """Whether each caller begins and finishes a write within that time. Returns as soon as all have."""
        begun = time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len({call.caller for call in self.writes if call.begun >= begun}) < callers:
                    await asyncio.sleep(0.05)
                return True
        return False

    @property
    def writes(self) -> "list[Told]":
        """The acknowledged writes."""
        return [call for call in self.calls if call.outcome == ANSWERED and call.tool == WRITE]

    def longest_gap(self, begun: float, way: str) -> float:
        """The longest time without a write of a caller on that transport, from its last before `begun`."""
        gaps = [0.0]
        for caller in {call.caller for call in self.calls if way_of(call.caller) == way}:
            ends = [call.ended for call in self.writes if call.caller == caller]
            gaps += [later - earlier for earlier, later in pairwise(ends) if later > begun]
        return max(gaps)


def way_of(caller: int) -> str:
    """The transport of a caller."""
    return list(WAYS)[caller % len(WAYS)]


def outcome_of(says: str) -> str:
    if "may or may not" in says or "a change may have been made" in says:
        return UNKNOWN
    return REPEAT if re.search(r"nothing was (?:done|changed|written)|[Rr]epeat", says) else "refused"


class Caller:
    """One client with a user of its own. It writes a note and reads it, again and again."""

    def __init__(self, number: int, url: str, record: Record, limit: float = float("inf")) -> None:
        self._number = number
        self._url = url
        self._record = record
        self._limit = limit
        self._path, self._mode = WAYS[way_of(number)]
        self._bearer = token(f"steady-{number}")
        self._turn = 0
        self._newest = ""
        self._in_doubt = False
        self.stopping = False

    def _is_done(self) -> bool:
        return self.stopping or self._turn >= self._limit

    async def run(self) -> None:
        """Works until it has made `limit` writes and as many reads, or is told to stop."""
        while not self._is_done():
            try:
                async with self._connected() as tools:
                    await self._work(tools)
            except ConnectionRefusedError:
                self._record.refused_connections += 1
            except Exception:  # noqa: BLE001, S110  a connection that ended, which is noted, may not end well
                pass
            await asyncio.sleep(PAUSE)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Tools]:
        kind = SSETransport if self._path == "/sse" else StreamableHttpTransport
        transport = kind(self._url + self._path, headers={"Authorization": f"Bearer {self._bearer}"})
        client: Client[Any] = Client(transport, mode=self._mode, timeout=CALL_SECONDS)
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await stack.enter_async_context(client)
            except Exception as error:
                raise ConnectionRefusedError from error
            yield Tools(client)

    async def _work(self, tools: Tools) -> None:
        while not self._is_done():
            title = f"{self._record.name}/{self._number}/{self._turn}"
            uid = await self._found(tools, title) if self._in_doubt else None
            uid = uid or await self._written(tools, title)
            if uid is not None:
                self._record.acknowledged[title] = uid
                self._newest = uid
                self._turn += 1
            read = await self._read(tools)
            if uid is None or not read:
                await asyncio.sleep(PAUSE)

    async def _read(self, tools: Tools) -> bool:
        """Reads its newest note, even if the next one could not be written."""
        return not self._newest or await self._told(tools, "get_note", uid=self._newest) is not None

    async def _written(self, tools: Tools, title: str) -> str | None:
        note = await self._told(tools, WRITE, title=title, content="c")
        return str(note["uid"]) if note else None

    async def _found(self, tools: Tools, title: str) -> str | None:
        """The note of a write that may have been made. A note that is not there may be written again."""
        while (page := await self._told(tools, "list_notes", order="desc", limit=5, view="full")) is None:
            await asyncio.sleep(PAUSE)
        self._in_doubt = False
        uids = [str(item["uid"]) for item in page["items"] if item["payload"]["title"] == title]
        return uids[0] if uids else None

    async def _told(self, tools: Tools, name: str, **arguments: Any) -> dict[str, Any] | None:
        """The answer, or None after a refusal. A connection that ended raises ConnectionResetError."""
        begun = time.monotonic()
        try:
            result = await tools.result(name, **arguments)
        except Exception as error:
            self._in_doubt = self._in_doubt or name == WRITE
            self._note(name, CUT, type(error).__name__, begun)
            raise ConnectionResetError from error
        if not result.is_error:
            self._note(name, ANSWERED, "", begun)
            content: dict[str, Any] | None = result.structured_content
            return content
        says = text_of(result).split(" Correlation id:")[0]
        outcome = outcome_of(says)
        self._in_doubt = self._in_doubt or (name == WRITE and outcome != REPEAT)
        self._note(name, outcome, says, begun)
        return None

    def _note(self, tool: str, outcome: str, says: str, begun: float) -> None:
        self._record.calls.append(Told(self._number, tool, outcome, says, begun, time.monotonic()))


@asynccontextmanager
async def steady(url: str, callers: int) -> AsyncIterator[Record]:
    """That many clients over all transports, which work until the end of the block."""
    record = Record()
    made = [Caller(number, url, record) for number in range(callers)]
    tasks = [asyncio.create_task(caller.run()) for caller in made]
    try:
        yield record
    finally:
        for caller in made:
            caller.stopping = True
        _, late = await asyncio.wait(tasks, timeout=CALL_SECONDS + 5)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class Kept:
    """How many writes were acknowledged, how many of them are lost, and how many were made twice."""

    acknowledged: int
    lost: int
    doubled: int

    def __str__(self) -> str:
        return f"{self.acknowledged:,} writes acknowledged, {self.lost} lost, {self.doubled} made twice."


async def kept(url: str, callers: int, *records: Record) -> Kept:
    """Compares the records with everything that the callers' users have."""
    found: Counter[str] = Counter()
    uids: set[str] = set()
    for number in range(callers):
        for item in await _notes_of(url, number):
            found[item["payload"]["title"]] += 1
            uids.add(item["uid"])
    acknowledged = [uid for record in records for uid in record.acknowledged.values()]
    lost = sum(uid not in uids for uid in acknowledged)
    return Kept(len(acknowledged), lost, sum(times > 1 for times in found.values()))


async def _notes_of(url: str, number: int) -> list[dict[str, Any]]:
    async with over_http(url, token(f"steady-{number}")) as tools:
        return [item for page in await tools.pages("list_notes", limit=1000) for item in page]


# A table of the answers


def columns() -> list[str]:
    """The titles of the cells of `told`."""
    outcomes = [ANSWERED, REPEAT, UNKNOWN, CUT, "other errors", "connections refused"]
    return [*outcomes, *(f"longest without a write, {way}" for way in WAYS)]


def told(record: Record, begun: float) -> list[object]:
    """Cells with the outcomes from that moment on."""
    counts = Counter(call.outcome for call in record.since(begun))
    known = [counts.pop(outcome, 0) for outcome in (ANSWERED, REPEAT, UNKNOWN, CUT)]
    gaps = [f"{record.longest_gap(begun, way):.1f} s" for way in WAYS]
    return [*known, counts.total(), record.refused_connections, *gaps]


def told_besides(*records: Record) -> str:
    """A Markdown list of the outcomes that are not answers."""
    calls = [call for record in records for call in record.calls if call.outcome != ANSWERED]
    return "".join(f"- {one}\n" for one in sorted({f"{call.outcome}: {call.says}" for call in calls}))
