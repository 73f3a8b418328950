"""Sends recorded calls FastMCP's way, with the recorded results, and compares the answers."""

import asyncio
import os
import pickle
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice, repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from tests.harness.both_ways.records import (
    Answer,
    Begun,
    Call,
    Cause,
    Entry,
    Given,
    Outcome,
    PassedOn,
    Peer,
    Transport,
    read,
)
from tests.harness.both_ways.served import (
    BY_HAND,
    SECONDS,
    NoAnswer,
    Request,
    Served,
    SseStream,
    in_session,
    serving,
)
from tests.harness.both_ways.times import without_times
from toolbridge_mcp.choice import current_choice
from toolbridge_mcp.identity import client_name
from toolbridge_mcp.message import current_operation
from toolbridge_mcp.telemetry import Operation
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.web.entry.address import MCP_PATH
from toolbridge_mcp.web.envelope import envelope_of

MOST_SHOWN = 20
SHOWN_CHARACTERS = 1_500
SESSIONS = 64
"""As many sessions are kept for the calls that follow."""


@dataclass
class Table:
    """What was compared, and what differed."""

    compared: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    passed_on: Counter[str] = field(default_factory=Counter)
    begun: int = 0

    @property
    def is_good(self) -> bool:
        return bool(self.compared) and not self.differences

    def __add__(self, other: "Table") -> "Table":
        return Table(
            self.compared + other.compared,
            self.differences + other.differences,
            self.passed_on + other.passed_on,
            self.begun + other.begun,
        )

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        compared = self.compared.total()
        yield from self.differences[:MOST_SHOWN]
        yield f"{compared} calls compared, {len(self.differences)} differ"
        yield from (f"  {count} {kind}" for kind, count in sorted(self.compared.items()))
        if unfinished := self.begun - compared:
            yield f"{unfinished} calls without an end, mostly because their gateway was killed"
        yield f"{self.passed_on.total()} calls went FastMCP's way"
        yield from (f"  {count} {why}" for why, count in self.passed_on.most_common())


class Replay:
    """FastMCP's way for recorded calls, one after another."""

    def __init__(self) -> None:
        self._outcome = Outcome()
        self._given: Given | None = None
        self._entered = asyncio.Event()

    async def tool(self, name: str, arguments: dict[str, Any]) -> Result:
        """The tool of the call at hand: what became of it is what was recorded."""
        self._given = Given(name, repr(arguments), client_name(), current_choice())
        self._entered.set()
        self._measure(current_operation())
        if self._outcome.result is not None:
            result: Result = pickle.loads(self._outcome.result)  # noqa: S301  our own tests wrote it
            return result
        if self._outcome.error is not None:
            error: Exception = pickle.loads(self._outcome.error)  # noqa: S301
            raise error
        await asyncio.Event().wait()
        raise RuntimeError("a call that was cancelled goes on")

    def _measure(self, operation: Operation) -> None:
        """What is said of the times of the call names the same parts, and the same call."""
        if self._outcome.is_begun:
            operation.begin()
        operation.correlation_id = self._outcome.correlation_id

    async def send(self, call: Call, gateway: "Client") -> Call:
        """The call as it would have been recorded, had it gone this way."""
        self._outcome = call.outcome or Outcome()
        self._given = None
        self._entered.clear()
        answer = await gateway.send(call, self._entered)
        return replace(call, given=self._given, answer=answer)


class Client:
    """Sends recorded messages to a gateway, in sessions like those in which they were recorded."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._streams: dict[tuple[Peer, frozenset[str] | None], SseStream] = {}
        self._sessions: dict[tuple[Peer, frozenset[str] | None], str] = {}

    async def send(self, call: Call, entered: asyncio.Event) -> Answer:
        if call.transport is Transport.SSE:
            return await self._over_sse(call, entered)
        if call.transport is Transport.SESSION:
            return await self._in_session(call, entered)
        request = self._served.post(MCP_PATH, call.body, call.headers, "", call.choice)
        return await self._finished(request, call, entered)

    async def _over_sse(self, call: Call, entered: asyncio.Event) -> Answer:
        cause = call.outcome.cancelled if call.outcome else None
        stream = await self._stream(call)
        answer = await self._served.post_to(stream, call.body, call.headers).whole()
        if cause is None:
            if answer.status == 202:
                answer.events += await self._event(stream)
            return answer
        await _wait(entered)
        if cause is Cause.NOTIFICATION:
            await self._served.post_to(stream, _cancellation(call)).whole()
            answer.events += await self._served.barrier(stream)
        else:
            await self._close(stream)
            answer.events += stream.arrived()
        return answer

    async def _event(self, stream: SseStream) -> list[bytes]:
        """The next event, if one comes."""
        try:
            return [await stream.event()]
        except NoAnswer:
            await self._close(stream)
            return []

    async def _in_session(self, call: Call, entered: asyncio.Event) -> Answer:
        session_id = await self._session(call)
        headers = in_session(call.headers, session_id)
        request = self._served.post(MCP_PATH, call.body, headers, "", call.choice)
        cause = call.outcome.cancelled if call.outcome else None
        if cause is Cause.NOTIFICATION:
            await _wait(entered)
            await self._served.post(MCP_PATH, _cancellation(call), in_session(BY_HAND, session_id)).whole()
        elif cause is Cause.SESSION_END:
            await _wait(entered)
            self._sessions = {key: kept for key, kept in self._sessions.items() if kept != session_id}
            await self._served.delete(session_id)
        return await self._finished(request, call, entered)

    async def _finished(self, request: Request, call: Call, entered: asyncio.Event) -> Answer:
        cause = call.outcome.cancelled if call.outcome else None
        if cause is Cause.DISCONNECT:
            await _wait(entered)
            return await request.leave()
        if cause is Cause.GATEWAY:
            await _wait(entered)
            return await request.stop()
        return await request.whole()

    async def _stream(self, call: Call) -> SseStream:
        key = (call.peer, call.choice)
        if key not in self._streams:
            if len(self._streams) >= SESSIONS:
                await self._close(next(iter(self._streams.values())))
            self._streams[key] = await self._served.open_stream(call.peer, call.choice)
        return self._streams[key]

    async def _close(self, stream: SseStream) -> None:
        self._streams = {key: kept for key, kept in self._streams.items() if kept is not stream}
        await stream.close()

    async def _session(self, call: Call) -> str:
        key = (call.peer, call.choice)
        if key not in self._sessions:
            if len(self._sessions) >= SESSIONS:
                await self._served.delete(self._sessions.pop(next(iter(self._sessions))))
            self._sessions[key] = await self._served.open_session(call.peer, call.choice)
        return self._sessions[key]

    async def close(self) -> None:
        for stream in list(self._streams.values()):
            await self._close(stream)


async def _wait(entered: asyncio.Event) -> None:
    """Until the tool runs, or clearly never will."""
    with suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            await entered.wait()


def compare_all(folder: Path) -> Table:
    """Replays every call in `folder`, in a process for each core."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        parts = pool.map(compare, repeat(folder), range(cores), repeat(cores))
        return sum(parts, Table())


def compare(folder: Path, first: int = 0, step: int = 1) -> Table:
    """Replays every `step`-th call in `folder`, from the `first` on."""
    return asyncio.run(_replayed(islice(read(folder), first, None, step)))


async def _replayed(entries: Iterable[Entry]) -> Table:
    replay, table = Replay(), Table()
    async with serving(replay.tool, short_way=False) as served:
        client = Client(served)
        for entry in entries:
            await _compare(entry, replay, client, table)
        await client.close()
    return table


async def _compare(entry: Entry, replay: Replay, client: Client, table: Table) -> None:
    match entry:
        case Begun():
            table.begun += 1
        case PassedOn():
            table.passed_on[f"{entry.reason} ({entry.client}, {entry.transport})"] += 1
        case Call():
            table.compared[f"{entry.transport}: {_kind(entry)}"] += 1
            other = await replay.send(entry, client)
            if said := difference(entry, other):
                table.differences.append(said)


def difference(short: Call, long: Call) -> str:
    """What differs between the two ways, empty if nothing does."""
    if short.is_unread and not (short.outcome and short.outcome.cancelled):
        long = _as_far_as(short, long)
    one, other = without_times(short.answer), without_times(long.answer)
    pairs = (
        ("what the tool was called with", short.given, long.given),
        ("status", one.status, other.status),
        ("headers", _headers(one), _headers(other)),
        ("body", one.body, other.body),
        ("end of the answer", one.is_whole, other.is_whole),
        ("error", one.raised, other.raised),
        ("events", one.events, other.events),
    )
    parts = [
        f"  {what}\n    short way: {_shown(here)}\n    FastMCP:   {_shown(there)}"
        for what, here, there in pairs
        if here != there
    ]
    if not parts:
        return ""
    return "\n".join([f"DIFFERENT: {short.transport}, {_kind(short)}: {_shown(short.body)}", *parts])


def _as_far_as(short: Call, long: Call) -> Call:
    """What the client of `long` has of its answer, if it reads no more than that of `short`."""
    one, other = short.answer, long.answer
    body, events = other.body[: len(one.body)], other.events[: len(one.events)]
    part = replace(other, body=body, events=events, is_whole=one.is_whole, raised=one.raised)
    return replace(long, answer=part)


def _headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in answer.headers if name != b"date"]


def _kind(call: Call) -> str:
    outcome = call.outcome
    if outcome is None:
        return "ended before the tool"
    if outcome.cancelled:
        return f"cancelled: {outcome.cancelled}"
    if outcome.error is not None:
        return "failed outside of its tool"
    result: Result = pickle.loads(outcome.result or b"")  # noqa: S301  our own tests wrote it
    return "refused" if result.is_error else "good"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}... ({len(text)} characters)"


def _cancellation(call: Call) -> bytes:
    """The notification that cancels the call."""
    request_id = to_json(envelope_of(call.body).request_id)
    return b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s}}' % request_id
