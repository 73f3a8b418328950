"""The sessions of Streamable HTTP, as middleware of FastMCP's application for it.

FastMCP keeps them, and ends those without a request for the idle time. Here they are counted from what
passes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.web.replay import Machine
from toolbridge_mcp.web.sessions import Owner, SessionCount, owner_of
from toolbridge_mcp.web.streams import OpenStreams

SESSION_HEADER = "mcp-session-id"
VERSION_HEADER = "mcp-protocol-version"
METHOD_HEADER = "mcp-method"
LISTEN = "subscriptions/listen"


@dataclass
class Session:
    """What is known of one session: it is idle while none of its requests is open."""

    owner: Owner
    used_at: float
    open_requests: int = 0


class HttpSessions:
    """All sessions of the process that have no stream of their own to tell when the client leaves."""

    def __init__(
        self,
        idle_seconds: float,
        streams: OpenStreams,
        count: SessionCount,
        machine: Machine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle_seconds = idle_seconds
        self._streams = streams
        self._count = count
        self._machine = machine
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def around(self, app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await self._request(app, scope, receive, send)
            else:
                await app(scope, receive, send)

        return call

    def sweep(self) -> None:
        now = self._clock()
        for session_id, session in list(self._sessions.items()):
            if not session.open_requests and now - session.used_at > self._idle_seconds:
                self._forget(session_id)

    async def _request(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if _has_sessions(headers.get(VERSION_HEADER)):
            session_id = headers.get(SESSION_HEADER)
            handler = self._in_session if session_id else self._opening
            await handler(app, scope, receive, send)
        elif headers.get(METHOD_HEADER) == LISTEN:
            await self._listening(app, scope, receive, send)
        else:
            await app(scope, receive, send)

    async def _listening(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """A request without a session whose answer lasts: it counts as one."""
        owner = owner_of(scope)
        if refusal := self._count.refusal(owner):
            await refusal(scope, receive, send)
            return
        with self._count.one_more(owner):
            await self._streams.carry(self._streams.new(scope, receive, send), app, scope)

    async def _in_session(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        headers = MutableHeaders(raw=list(scope["headers"]))
        session_id, _, machine = headers[SESSION_HEADER].partition(".")
        if elsewhere := self._machine.elsewhere(scope, machine or None):
            await elsewhere(scope, receive, send)
            return
        headers[SESSION_HEADER] = session_id
        scope = {**scope, "headers": headers.raw}
        session = self._sessions.get(session_id) or Session(owner_of(scope), self._clock())
        session.open_requests += 1
        try:
            answered = self._telling(send, lambda answer: self._note(session_id, scope, answer))
            if scope["method"] == "GET":
                await self._streams.carry(self._streams.new(scope, receive, answered), app, scope)
            else:
                await app(scope, receive, answered)
        finally:
            session.open_requests -= 1
            session.used_at = self._clock()

    async def _opening(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """A request that opens a session if it succeeds."""
        owner = owner_of(scope)
        if refusal := self._count.refusal(owner):
            await refusal(scope, receive, send)
            return
        await app(scope, receive, self._telling(send, lambda answer: self._opened(owner, answer)))

    def _telling(self, send: Send, listener: Callable[[Message], None]) -> Send:
        """`send`, which tells of the answer's beginning and puts the machine's name to the session's id."""

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                listener(message)
                headers = MutableHeaders(scope=message)
                if self._machine.name and SESSION_HEADER in headers:
                    headers[SESSION_HEADER] = f"{headers[SESSION_HEADER]}.{self._machine.name}"
            await send(message)

        return telling

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


def _has_sessions(version: str | None) -> bool:
    """Whether a request is of a revision with sessions: those before 2026-07-28, and the oldest name none."""
    return version is None or version in HANDSHAKE_PROTOCOL_VERSIONS
