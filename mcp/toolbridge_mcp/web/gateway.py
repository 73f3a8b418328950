"""The ASGI application: three transports of MCP on one port, and what is beside them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Protocol

from fastmcp import FastMCP
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from toolbridge_mcp.web.address import MCP_PATH, MESSAGES_PATH, SSE_PATH, Address
from toolbridge_mcp.web.headers import AllowedCallers, SecurityHeaders, trimmed
from toolbridge_mcp.web.http_sessions import HttpSessions
from toolbridge_mcp.web.replay import Machine
from toolbridge_mcp.web.sessions import SessionCount
from toolbridge_mcp.web.sse_sessions import SseSessions
from toolbridge_mcp.web.streams import OpenStreams, StreamLimits

SWEEP_SECONDS = 0.5


class Calls(Protocol):
    """The tool calls at work."""

    def close(self) -> None: ...
    async def emptied(self) -> None: ...
    def interrupt(self) -> None: ...


ENDPOINT_OF = {path.strip("/"): path for path in (SSE_PATH, MESSAGES_PATH, MCP_PATH)}


class Gateway:
    """`/sse` with `/messages/`, and `/mcp`, for one FastMCP server; `routes` are open to everyone.

    A proxy may take the path of the public URL away or leave it. A slash too many or too few at the end is
    forgiven. Nothing is ever answered with a redirect: clients follow one with the token, even to http.
    """

    def __init__(
        self,
        server: FastMCP,
        address: Address,
        *,
        callers: AllowedCallers,
        calls: Calls,
        count: SessionCount,
        stream_limits: StreamLimits,
        idle_seconds: float,
        machine: Machine,
        routes: Sequence[BaseRoute] = (),
    ) -> None:
        self._prefix = address.prefix
        self._calls = calls
        self._count = count
        self._streams = OpenStreams(stream_limits)
        self._http_sessions = HttpSessions(idle_seconds, self._streams, count, machine)
        self._sse_sessions = SseSessions(self._streams, count, machine)
        self._sse = server.http_app(transport="sse", middleware=[Middleware(self._sse_sessions.around)])
        self._mcp = server.http_app(
            transport="http",
            json_response=True,
            session_idle_timeout=idle_seconds,
            middleware=[Middleware(self._http_sessions.around)],
        )
        self._endpoints: dict[str, ASGIApp] = {
            SSE_PATH: callers.only(self._sse),
            MESSAGES_PATH: callers.only(self._sse),
            MCP_PATH: callers.only(self._mcp),
        }
        self._others = Router(routes, redirect_slashes=False, default=_not_found, lifespan=self._lifespan)
        self._app = SecurityHeaders(self._dispatch, address)

    @property
    def sse_sessions(self) -> int:
        return len(self._sse_sessions)

    @property
    def http_sessions(self) -> int:
        """Those of Streamable HTTP; its newest revision has none."""
        return len(self._http_sessions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._app(scope, receive, send)
        else:
            await self._others(scope, receive, send)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(f"{self._prefix}/"):
            path = path.removeprefix(self._prefix)
        path = ENDPOINT_OF.get(path.strip("/"), path)
        headers = trimmed(scope["headers"])
        scope = {**scope, "root_path": self._prefix, "path": self._prefix + path, "headers": headers}
        await self._endpoints.get(path, self._others)(scope, receive, send)

    async def drain(self, seconds: float) -> None:
        """Makes ready to stop: no new sessions or calls; the calls here finish within `seconds`, or are told
        that they did not; then the streams end, each with a hint to come back."""
        self._count.closed = True
        self._calls.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._calls.emptied()
        self._calls.interrupt()
        await self._streams.end_all()

    @asynccontextmanager
    async def _lifespan(self, _: object) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._sse.lifespan(self._sse))
            await stack.enter_async_context(self._mcp.lifespan(self._mcp))
            sweeping = asyncio.create_task(self._sweep())
            try:
                yield
            finally:
                sweeping.cancel()
                with suppress(asyncio.CancelledError):
                    await sweeping

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._streams.sweep()
            self._http_sessions.sweep()


_not_found = JSONResponse(
    {
        "error": "not_found",
        "error_description": f"MCP clients connect to {SSE_PATH} or {MCP_PATH} here, with a token of theirs.",
    },
    status_code=404,
)
