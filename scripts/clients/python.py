"""The Python clients: `mcp` at its lowest and its highest level, and `fastmcp`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import fastmcp
import httpx2
from e2e.report import Failed
from e2e.stack import Json
from fastmcp.client.transports import SSETransport, StreamableHttpTransport
from mcp import Client, ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from clients.proof import CONTENT, TITLE, Way, proven

LEGACY = "legacy"


@asynccontextmanager
async def _streams(way: Way) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:
        if way.transport == "sse":
            yield await stack.enter_async_context(sse_client(way.url, headers=way.headers))
            return
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=way.headers, timeout=30))
        yield await stack.enter_async_context(streamable_http_client(way.url, http_client=http))


async def session(way: Way) -> str:
    """`ClientSession`, which always does the handshake."""
    async with _streams(way) as (read, write), ClientSession(read, write) as one:
        return await use(one, way.idle_seconds)


async def use(one: ClientSession, idle_seconds: float = 0) -> str:
    await one.initialize()
    tools = [tool.name for tool in (await one.list_tools()).tools]
    await asyncio.sleep(idle_seconds)
    return await _work(one.protocol_version, tools, one.call_tool)


async def client(way: Way) -> str:
    """`mcp.Client`. `way.revision` is its mode."""
    async with Client(_streams(way), mode=way.revision or "auto") as one:
        tools = [tool.name for tool in (await one.list_tools()).tools]
        await asyncio.sleep(way.idle_seconds)
        return await _work(one.protocol_version, tools, one.call_tool)


async def fastmcp_client(way: Way) -> str:
    """`fastmcp.Client`. `way.revision` is its mode."""
    kind = SSETransport if way.transport == "sse" else StreamableHttpTransport
    async with fastmcp.Client(kind(way.url, headers=way.headers), mode=way.revision or "auto") as one:
        tools = [tool.name for tool in await one.list_tools()]
        await asyncio.sleep(way.idle_seconds)
        return await _work(one.protocol_version, tools, one.call_tool_mcp)


async def _work(revision: str | None, tools: list[str], call: Callable[..., Awaitable[Any]]) -> str:
    created = _content(await call("create_note", {"title": TITLE, "content": CONTENT}))
    got = _content(await call("get_note", {"uid": created["uid"]}))
    return proven(revision or "no revision", tools, created, got)


def _content(result: Any) -> Json:
    if result.is_error:
        raise Failed(f"a call failed: {result.content}")
    content: Json = result.structured_content
    return content
