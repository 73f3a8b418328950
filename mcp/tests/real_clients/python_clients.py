"""The Python clients: `mcp` at its lowest and its highest level, and `fastmcp`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import fastmcp
import httpx2
from fastmcp.client.transports import SSETransport, StreamableHttpTransport
from mcp import Client, ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from tests.harness.published import Json
from tests.real_clients.programs import ClientError
from tests.real_clients.proof import CONTENT, TITLE, Way, expect_proof

LEGACY = "legacy"


@asynccontextmanager
async def _streams(way: Way) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:
        if way.transport == "sse":
            yield await stack.enter_async_context(sse_client(way.url, headers=way.headers))
            return
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=way.headers, timeout=30))
        yield await stack.enter_async_context(streamable_http_client(way.url, http_client=http))


async def session(way: Way) -> None:
    """`ClientSession`, which always does the handshake."""
    async with _streams(way) as (read, write), ClientSession(read, write) as one:
        await use(one, way.idle_seconds)


async def use(one: ClientSession, idle_seconds: float = 0) -> None:
    """Lists the tools, says nothing for a while, then writes a note and reads it."""
    await one.initialize()
    tools = [tool.name for tool in (await one.list_tools()).tools]
    await asyncio.sleep(idle_seconds)
    await _work(tools, one.call_tool)


async def client(way: Way) -> None:
    """`mcp.Client`. `way.revision` is its mode."""
    async with Client(_streams(way), mode=way.revision or "auto") as one:
        tools = [tool.name for tool in (await one.list_tools()).tools]
        await asyncio.sleep(way.idle_seconds)
        await _work(tools, one.call_tool)
        _expect_revision(way, one.protocol_version)


async def fastmcp_client(way: Way) -> None:
    """`fastmcp.Client`. `way.revision` is its mode."""
    kind = SSETransport if way.transport == "sse" else StreamableHttpTransport
    async with fastmcp.Client(kind(way.url, headers=way.headers), mode=way.revision or "auto") as one:
        tools = [tool.name for tool in await one.list_tools()]
        await asyncio.sleep(way.idle_seconds)
        await _work(tools, one.call_tool_mcp)
        _expect_revision(way, one.protocol_version)


def _expect_revision(way: Way, revision: str | None) -> None:
    """A mode that is a revision must be the one that was spoken."""
    assert revision
    assert way.revision in {"", LEGACY, revision}


async def _work(tools: list[str], call: Callable[..., Awaitable[Any]]) -> None:
    created = _content(await call("create_note", {"title": TITLE, "content": CONTENT}))
    got = _content(await call("get_note", {"uid": created["uid"]}))
    expect_proof(tools, created, got)


def _content(result: Any) -> Json:
    if result.is_error:
        raise ClientError(f"a call failed: {result.content}")
    content: Json = result.structured_content
    return content
