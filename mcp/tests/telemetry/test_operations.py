"""What is measured of a message: the same on both ways through the gateway, once for each message."""

import json
from collections.abc import Iterator

import pytest

from tests.harness.both_ways.records import Peer
from tests.harness.both_ways.served import BY_HAND, Served, in_session, serving
from tests.harness.clients import CLIENT, META
from toolbridge_mcp.identity import client_as_named
from toolbridge_mcp.telemetry import SSE, STREAMABLE_HTTP, Operation, operation
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.web.entry.address import MCP_PATH

pytestmark = pytest.mark.anyio

PEER = Peer(
    "2025-06-18", json.dumps({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": CLIENT})
)
NEWEST = [
    *BY_HAND,
    (b"mcp-protocol-version", b"2026-07-28"),
    (b"mcp-method", b"tools/call"),
    (b"mcp-name", b"x"),
]
NAMED = client_as_named(CLIENT["name"], CLIENT["version"])

both_ways = pytest.mark.parametrize("short_way", [True, False], ids=["short way", "FastMCP"])


@pytest.fixture
def finished() -> Iterator[list[Operation]]:
    """The operations that have finished, in their order."""
    operations: list[Operation] = []
    add = operations.append
    operation.observe(add)
    yield operations
    operation._observers.remove(add)


def call(**params: object) -> bytes:
    params = {"name": "x", "arguments": {"a": "\u00e9"}, **params}
    return json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}).encode()


async def answered(name: str, arguments: dict[str, object]) -> Result:
    return Result((f"{name}{len(arguments)}",))


def of_size(finished: list[Operation], size: int) -> Operation:
    (one,) = (each for each in finished if each.bytes_in == size)
    assert 0 < one.arrived_at <= one.verified_at <= one.answered_at
    return one


@both_ways
async def test_a_call_over_sse(short_way: bool, finished: list[Operation]) -> None:
    async with serving(answered, short_way=short_way) as served:
        stream = await served.open_stream(PEER)
        await served.post_to(stream, call()).whole()
        event = await stream.event()
        await served.barrier(stream)
        await stream.close()
    one = of_size(finished, len(call()))
    assert (one.transport, one.revision, one.client) == (SSE, "2025-06-18", NAMED)
    assert len(event) - 40 < one.bytes_out <= len(event)


async def posted(served: Served, short_way: bool, headers: list[tuple[bytes, bytes]], body: bytes) -> int:
    answer = await served.post(MCP_PATH, body, headers).whole()
    assert served.taken == short_way
    return len(answer.body)


@both_ways
async def test_a_call_in_a_session(short_way: bool, finished: list[Operation]) -> None:
    async with serving(answered, short_way=short_way) as served:
        headers = in_session(BY_HAND, await served.open_session(PEER))
        size = await posted(served, short_way, headers, call())
    one = of_size(finished, len(call()))
    assert (one.transport, one.revision, one.client) == (STREAMABLE_HTTP, "2025-06-18", NAMED)
    assert one.bytes_out == size


@both_ways
async def test_a_call_without_a_session(short_way: bool, finished: list[Operation]) -> None:
    async with serving(answered, short_way=short_way) as served:
        body = call(_meta=META)
        size = await posted(served, short_way, NEWEST, body)
    one = of_size(finished, len(body))
    assert (one.transport, one.revision) == (STREAMABLE_HTTP, "2026-07-28")
    assert one.client
    assert one.bytes_out == size


async def test_an_error_of_the_protocol_has_its_code(finished: list[Operation]) -> None:
    unknown = b'{"jsonrpc":"2.0","id":1,"method":"no/such"}'
    async with serving(answered, short_way=True) as served:
        stream = await served.open_stream(PEER)
        await served.post_to(stream, unknown).whole()
        await stream.event()
        await served.barrier(stream)
        await stream.close()
    assert of_size(finished, len(unknown)).error_code == -32601
    assert sum(each.error_code != 0 for each in finished) == 1
