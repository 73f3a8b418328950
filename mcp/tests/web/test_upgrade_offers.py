"""Clients that offer another version of HTTP with their requests, as Java's and `curl --http2` do."""

import asyncio
import json
from contextlib import closing

import anyio
import pytest

from tests.harness.clients import HELLO, META
from tests.harness.processes import Process

pytestmark = pytest.mark.anyio
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQB"
WEBSOCKET = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13"
)
ACCEPT = "Accept: application/json, text/event-stream\r\nContent-Type: application/json"
MODERN = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list"


@pytest.mark.parametrize("offer", [H2C, WEBSOCKET], ids=["h2c", "websocket"])
@pytest.mark.parametrize("pieces", [1, 2, 50])
@pytest.mark.parametrize(
    ("message", "extra"),
    [
        (HELLO, "X-Revision: the first message of a session"),
        ({"jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {"_meta": META}}, MODERN),
    ],
    ids=["2025-11-25", "2026-07-28"],
)
async def test_the_request_is_served_as_if_nothing_had_been_offered(
    message: dict[str, object], extra: str, pieces: int, offer: str, gateway: Process, bearer: str
) -> None:
    body = json.dumps(message)
    head = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n{offer}\r\n{ACCEPT}\r\n{extra}\r\n"
    head += f"Authorization: Bearer {bearer}\r\nContent-Length: {len(body)}\r\n\r\n"
    sent = (head + body).encode() * 2
    step = -(-len(sent) // pieces)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    with closing(writer), anyio.fail_after(10):
        for start in range(0, len(sent), step):
            writer.write(sent[start : start + step])
            await asyncio.sleep(0.001)
        for _ in range(2):
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 ")
            length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            assert "result" in json.loads(await reader.readexactly(length))
