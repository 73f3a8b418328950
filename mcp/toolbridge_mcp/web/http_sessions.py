"""The sessions of Streamable HTTP, as middleware of FastMCP's application for it.

FastMCP keeps them, and ends those without a request for the idle time. Here they are counted from what
passes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.web.sessions import Owner, SessionCount, owner_of

SESSION_HEADER = "mcp-session-id"
VERSION_HEADER = "mcp-protocol-version"


@dataclass
class Session:
    """What is known of one session: it is idle while none of its requests is open."""

    owner: Owner
    used_at: float
    open_requests: int = 0


class HttpSessions:
    """All sessions of the process that have no stream of their own to tell when the client leaves."""

    def __init__(
        self, idle_seconds: float, count: SessionCount, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._idle_seconds = idle_seconds
        self._count = count
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def around(self, app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or _is_stateless(Headers(scope=scope)):
                await app(scope, receive, send)
            elif session_id := Headers(scope=scope).get(SESSION_HEADER):
                await self._in_session(session_id, app, scope, receive, send)
            else:
                await self._without_session(app, scope, receive, send)

        return call

    def sweep(self) -> None:
        now = self._clock()
        for session_id, session in list(self._sessions.items()):
            if not session.open_requests and now - session.used_at > self._idle_seconds:
                self._forget(session_id)

    async def _in_session(
        self, session_id: str, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        session = self._sessions.get(session_id)
        if session is None:
            await app(scope, receive, send)
            return
        session.open_requests += 1
        try:
            await app(scope, receive, _telling(send, lambda answer: self._note(session_id, scope, answer)))
        finally:
            session.open_requests -= 1
            session.used_at = self._clock()

    async def _without_session(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """A request that opens a session if it succeeds."""
        owner = owner_of(scope)
        if refusal := self._count.refusal(owner):
            await refusal(scope, receive, send)
            return
        await app(scope, receive, _telling(send, lambda answer: self._opened(owner, answer)))

    def _opened(self, owner: Owner, answer: Message) -> None:
        session_id = Headers(raw=answer["headers"]).get(SESSION_HEADER)
        if session_id and session_id not in self._sessions:
            self._sessions[session_id] = Session(owner, self._clock())
            self._count.add(owner)

    def _note(self, session_id: str, scope: Scope, answer: Message) -> None:
        """A session ends when its owner deletes it."""
        if scope["method"] == "DELETE" and answer["status"] == 200:
            self._forget(session_id)

    def _forget(self, session_id: str) -> None:
        session = self._sessions.pop(session_id, None)
        if session:
            self._count.remove(session.owner)


def _is_stateless(headers: Headers) -> bool:
    """Whether the request is of a revision that has no sessions, 2026-07-28 and later."""
    version = headers.get(VERSION_HEADER)
    return version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS


def _telling(send: Send, listener: Callable[[Message], None]) -> Send:
    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            listener(message)
        await send(message)

    return telling
