"""The ASGI application: three transports of MCP on one port, and the routes beside them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from time import perf_counter
from typing import Any, Protocol

from fastmcp import FastMCP
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from toolbridge_mcp import library_seams, memory
from toolbridge_mcp.identity import Sender
from toolbridge_mcp.metrics import count_lateness
from toolbridge_mcp.telemetry import session_tallies, tallies
from toolbridge_mcp.web.answers import Answers
from toolbridge_mcp.web.door import Door, DoorLimits, OpenPosts
from toolbridge_mcp.web.entry.address import MCP_PATH, MESSAGES_PATH, SSE_PATH, Address
from toolbridge_mcp.web.entry.authentication import BearerAuthProvider
from toolbridge_mcp.web.entry.callers import AllowedCallers
from toolbridge_mcp.web.entry.headers import SecurityHeadersMiddleware, security_headers
from toolbridge_mcp.web.entry.toolsets import ToolsetsInAddresses, ToolsetsOfAddress
from toolbridge_mcp.web.head import read_head
from toolbridge_mcp.web.readable import ReadableMessages
from toolbridge_mcp.web.refusals import refusal
from toolbridge_mcp.web.sessions import (
    HttpSessionMiddleware,
    HttpSessions,
    Machine,
    OpenStreams,
    SessionLimits,
    SseSession,
    SseSessionMiddleware,
    Stream,
    StreamLimits,
    UnreadAnswers,
    WatchedMessages,
    begin_message,
    message_failed,
    meta_of_result,
    session_and_machine,
)
from toolbridge_mcp.web.short_way import ShortWay

SWEEP_SECONDS = 0.5

NEVER_IDLE = 1e9
"""Seconds without a request after which FastMCP would end a session: the gateway does that itself."""

_ROUTES = {path.strip("/"): path for path in (SSE_PATH, MESSAGES_PATH, MCP_PATH)}
_NOT_FOUND = refusal(
    404, "not_found", f"MCP clients connect to {SSE_PATH} or {MCP_PATH} here, with a token of theirs."
)


class Calls(Protocol):
    """The running tool calls."""

    def close(self) -> None: ...
    async def emptied(self) -> None: ...
    def interrupt(self) -> None: ...


class Gateway:
    """`/sse` with `/messages/`, and `/mcp`, for one FastMCP server.

    `routes` need no token, and foreign pages may not use them. `documents` are for every page; so is the
    answer that there is nothing at a path.

    A proxy may remove the path of the public URL or keep it. A missing or an extra slash at the end of a path
    is ignored. There are no redirects: clients follow them with the token, even to http.
    """

    def __init__(
        self,
        server: FastMCP,
        address: Address,
        *,
        auth: BearerAuthProvider,
        short_way: ShortWay,
        callers: AllowedCallers,
        toolsets: ToolsetsInAddresses,
        calls: Calls,
        session_limits: SessionLimits,
        stream_limits: StreamLimits,
        answers: UnreadAnswers,
        idle_seconds: float,
        machine: Machine,
        door: DoorLimits,
        routes: Sequence[Route] = (),
        documents: Sequence[Route] = (),
    ) -> None:
        self._prefix = address.prefix
        self._calls = calls
        self._session_limits = session_limits
        self._posts = OpenPosts()
        self._streams = OpenStreams(stream_limits)
        self._answers = answers
        self._sse_sessions: dict[str, SseSession] = {}
        self._http_sessions = HttpSessions(idle_seconds)
        shared: dict[str, Any] = {
            "streams": self._streams,
            "limits": session_limits,
            "answers": answers,
            "machine": machine,
            "short_way": short_way,
            "whole": Answers(security_headers(address)),
        }
        library_seams.begin_messages(server, begin_message, message_failed, meta_of_result)
        library_seams.send_through(server, WatchedMessages.of)
        self._sse = server.http_app(transport="sse")
        self._mcp = server.http_app(transport="http", json_response=True, session_idle_timeout=NEVER_IDLE)
        of_sse = SseSessionMiddleware(
            ReadableMessages(self._sse), sessions=self._sse_sessions, toolsets=toolsets, **shared
        )
        of_http = HttpSessionMiddleware(ReadableMessages(self._mcp), sessions=self._http_sessions, **shared)
        sse = auth.authenticated(Door(of_sse, limits=door, posts=self._posts, stream_of=self._stream_of))
        mcp = auth.authenticated(Door(of_http, limits=door, posts=self._posts))
        self._guarded: dict[str, ASGIApp] = {
            SSE_PATH: callers.only(ToolsetsOfAddress(sse, toolsets)),
            MESSAGES_PATH: callers.only(sse),
            MCP_PATH: callers.only(ToolsetsOfAddress(mcp, toolsets)),
            **{route.path: callers.only(route) for route in routes},
        }
        others = Router(documents, redirect_slashes=False, default=_NOT_FOUND, lifespan=self._lifespan)
        self._others = callers.from_every_page(others)
        self._app = SecurityHeadersMiddleware(self._dispatch, security_headers(address))

    @property
    def sse_sessions(self) -> int:
        return len(self._sse_sessions)

    @property
    def http_sessions(self) -> int:
        """Open sessions of Streamable HTTP. Its revision 2026-07-28 has none."""
        return len(self._http_sessions)

    def _stream_of(self, scope: Scope, sender: Sender) -> Stream | None:
        """The stream of the SSE session that a message is for, if its sender owns it."""
        session_id, _ = session_and_machine(scope)
        session = self._sse_sessions.get(session_id)
        return session.stream if session and session.owner == sender.owner else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._app(scope, receive, send)
        else:
            await self._others(scope, receive, send)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(f"{self._prefix}/"):
            path = path.removeprefix(self._prefix)
        path = _ROUTES.get(path.strip("/"), path)
        scope = {**scope, "root_path": self._prefix, "path": self._prefix + path}
        read_head(scope)
        await self._guarded.get(path, self._others)(scope, receive, send)

    async def drain(self, seconds: float) -> None:
        """Prepares the stop. New sessions and calls are refused. Running calls have `seconds` to finish; the
        rest are interrupted, with an answer that says so. Then the streams end, each with a hint to come
        back."""
        self._session_limits.closed = True
        self._calls.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._calls.emptied()
        self._calls.interrupt()
        await self._streams.close_all()

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
            due_at = perf_counter() + SWEEP_SECONDS
            await asyncio.sleep(SWEEP_SECONDS)
            count_lateness(perf_counter() - due_at)
            session_tallies.sweep()
            tallies.tasks.sweep(perf_counter())
            self._posts.sweep()
            self._streams.sweep(self._answers.crowded_by())
            if self._answers.have_gone() or self._posts.have_gone():
                memory.release()
            await self._http_sessions.sweep()
