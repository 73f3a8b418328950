"""The HTTP server: how long a request's head may take."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.server import ServerState

from toolbridge_mcp import uvicorn_server

pytestmark = pytest.mark.anyio


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server that gives a head a tenth of a second."""
    monkeypatch.setattr(uvicorn_server, "HEAD_SECONDS", 0.1)
    config = uvicorn.Config(PlainTextResponse("served"), http=uvicorn_server._Connection, log_config=None)
    config.load()
    loop, state = asyncio.get_running_loop(), ServerState()
    server = await loop.create_server(lambda: uvicorn_server._Connection(config, state, {}), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def end_of(reader: asyncio.StreamReader) -> None:
    """Returns when the server has closed or reset the connection."""
    with anyio.fail_after(5), suppress(ConnectionResetError):
        await reader.read()


@pytest.mark.parametrize("sent", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_head_that_does_not_end_loses_its_connection(sent: bytes, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await end_of(reader)
    writer.close()


async def test_so_does_the_second_head_of_a_connection(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    with anyio.fail_after(5):
        assert (await reader.readuntil(b"served")).startswith(b"HTTP/1.1 200 ")
    writer.write(b"GET / HTTP/1.1\r\nHost:")
    await end_of(reader)
    writer.close()
