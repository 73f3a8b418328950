"""The short way and FastMCP's give the same bytes, for whatever a client may send and a tool may return."""

import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS

from tests.harness.both_ways.random_messages import Message, RandomMessages
from tests.harness.both_ways.records import (
    Answer,
    Call,
    Given,
    Outcome,
    Peer,
    Transport,
    Writer,
    pickled,
)
from tests.harness.both_ways.replay import compare
from tests.harness.both_ways.served import BY_HAND, Served, SseStream, in_session, serving
from tests.harness.both_ways.times import without_times
from tests.harness.clients import CLIENT
from toolbridge_mcp.choice import current_choice
from toolbridge_mcp.identity import client_name
from toolbridge_mcp.message import current_operation
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.web.entry.address import MCP_PATH

pytestmark = pytest.mark.anyio

MESSAGES = 200
"""So many random messages over each transport."""


class Side:
    """A gateway, and what its tools were called with."""

    def __init__(self) -> None:
        self.outcome: Result | Exception = Result(("",))
        self.given: Given | None = None
        self.served: Served
        self._streams: dict[Peer, SseStream] = {}
        self._sessions: dict[Peer, str] = {}

    async def tool(self, name: str, arguments: dict[str, Any]) -> Result:
        self.given = Given(name, repr(arguments), client_name(), current_choice())
        current_operation().begin()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    async def send(self, message: Message, transport: Transport, peer: Peer) -> tuple[Answer, Given | None]:
        self.outcome, self.given = message.outcome, None
        answer = without_times(await self._answer(message, transport, peer))
        return answer, self.given

    async def _answer(self, message: Message, transport: Transport, peer: Peer) -> Answer:
        if transport is Transport.ALONE:
            return await self.served.post(MCP_PATH, message.body, message.headers).whole()
        if transport is Transport.SESSION:
            if peer not in self._sessions:
                self._sessions[peer] = await self.served.open_session(peer)
            headers = in_session(message.headers, self._sessions[peer])
            return await self.served.post(MCP_PATH, message.body, headers).whole()
        if peer not in self._streams:
            self._streams[peer] = await self.served.open_stream(peer)
        stream = self._streams[peer]
        answer = await self.served.post_to(stream, message.body, message.headers).whole()
        if answer.status == 202:
            answer.events.append(await stream.event())
        answer.events += await self.served.barrier(stream)
        return answer

    async def close(self) -> None:
        for stream in self._streams.values():
            await stream.close()


@pytest.mark.parametrize("said", [b"text", b"another"])
def test_the_comparison_of_records_finds_a_difference(said: bytes, tmp_path: Path) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_note"}}'
    answer = Answer(202, [(b"content-length", b"8")], b"Accepted", is_whole=True)
    answer.events = [
        b'event: message\r\ndata: {"jsonrpc":"2.0","id":1,"result":'
        b'{"content":[{"text":"%b","type":"text"}],"isError":false}}\r\n\r\n' % said
    ]
    given, outcome = Given("get_note", "{}", "", None), Outcome(result=pickled(Result(("text",))))
    call = Call(Transport.SSE, BY_HAND, body, None, Peer(), given, outcome, answer)
    Writer(tmp_path).write(call)
    table = compare(tmp_path)
    assert table.compared.total() == 1
    assert table.is_good == (said == b"text")
    assert all("another" in difference for difference in table.differences)


@pytest.fixture
async def sides() -> AsyncIterator[tuple[Side, Side]]:
    """The short way, and FastMCP's."""
    short, long = Side(), Side()
    async with AsyncExitStack() as stack:
        for side in (short, long):
            side.served = await stack.enter_async_context(serving(side.tool, short_way=side is short))
            stack.push_async_callback(side.close)
        yield short, long


def peer(version: str) -> Peer:
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT}
    return Peer(version, json.dumps(params))


@pytest.mark.parametrize("transport", Transport)
async def test_random_messages(transport: Transport, sides: tuple[Side, Side]) -> None:
    short, long = sides
    seed = random.randrange(2**32)
    messages = RandomMessages(transport, seed)
    peers = [peer(version) for version in HANDSHAKE_PROTOCOL_VERSIONS]
    if transport is Transport.SSE:
        peers.append(Peer())  # not initialized
    for number in range(MESSAGES):
        message, other_end = messages.message(), peers[number % len(peers)]
        one = await short.send(message, transport, other_end)
        other = await long.send(message, transport, other_end)
        assert one == other, f"seed {seed}: {message}"
    assert short.served.taken > MESSAGES / 4
    assert long.served.taken == 0
