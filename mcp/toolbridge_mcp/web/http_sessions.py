"""The sessions of Streamable HTTP, as middleware of FastMCP's application for it.

FastMCP keeps them, and ends those without a request for the idle time. Here they are counted from what
passes.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.web.departure import has_left, until_the_client_leaves
from toolbridge_mcp.web.replay import Machine
from toolbridge_mcp.web.sessions import Owner, SessionCount, owner_of
from toolbridge_mcp.web.streams import OpenStreams

SESSION_HEADER = "mcp-session-id"
VERSION_HEADER = "mcp-protocol-version"
LAST_EVENT_HEADER = "last-event-id"


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
        else:
            await until_the_client_leaves(app, scope, receive, send)

    async def _in_session(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        headers = MutableHeaders(raw=list(scope["headers"]))
        session_id, _, machine = headers[SESSION_HEADER].partition(".")
        if elsewhere := self._machine.elsewhere(scope, machine or None):
            await elsewhere(scope, receive, send)
            return
        headers[SESSION_HEADER] = session_id
        del headers[LAST_EVENT_HEADER]  # no stream is resumed, and FastMCP would not answer at all
        scope = {**scope, "headers": headers.raw}
        session = self._sessions.get(session_id) or Session(owner_of(scope), self._clock())
        session.open_requests += 1
        try:
            named = self._naming(send)
            if scope["method"] == "GET":
                await self._streams.carry(self._streams.new(scope, receive, named), app, scope)
            elif scope["method"] == "DELETE":
                await self._ending(session_id, app, scope, receive, named)
            else:
                await until_the_client_leaves(app, scope, receive, named)
        finally:
            session.open_requests -= 1
            session.used_at = self._clock()

    async def _opening(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """A request that may open a session. It counts as one from its beginning, or many at once would pass
        the limit; and no session is kept that its client does not know or cannot use."""
        owner = owner_of(scope)
        if refusal := self._count.refusal(owner):
            await refusal(scope, receive, send)
            return
        answer: list[Message] = []
        with self._count.one_more(owner):
            await app(scope, receive, _into(answer))
            session_id = _opened_by(answer)
            if session_id and (not _succeeds(answer) or await has_left(receive)):
                await _delete(app, scope, session_id)
                del MutableHeaders(scope=answer[0])[SESSION_HEADER]
            elif session_id:
                self._sessions[session_id] = Session(owner, self._clock())
                self._count.add(owner)
        for message in answer:
            await self._naming(send)(message)

    def _naming(self, send: Send) -> Send:
        """`send`, which puts the machine's name to the session's id."""

        async def naming(message: Message) -> None:
            if message["type"] == "http.response.start" and self._machine.name:
                headers = MutableHeaders(scope=message)
                if SESSION_HEADER in headers:
                    headers[SESSION_HEADER] = f"{headers[SESSION_HEADER]}.{self._machine.name}"
            await send(message)

        return naming

    async def _ending(
        self, session_id: str, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """A session ends when its owner deletes it."""

        async def noting(message: Message) -> None:
            if message.get("status") == 200:
                self._forget(session_id)
            await send(message)

        await app(scope, receive, noting)

    def _forget(self, session_id: str) -> None:
        session = self._sessions.pop(session_id, None)
        if session:
            self._count.remove(session.owner)


def _has_sessions(version: str | None) -> bool:
    """Whether a request is of a revision with sessions: those before 2026-07-28, and the oldest name none."""
    return version is None or version in HANDSHAKE_PROTOCOL_VERSIONS


def _into(answer: list[Message]) -> Send:
    async def keep(message: Message) -> None:
        answer.append(message)

    return keep


def _opened_by(answer: list[Message]) -> str | None:
    """The session that FastMCP has opened with this answer."""
    if not answer or answer[0]["status"] >= 400:
        return None
    return Headers(raw=answer[0]["headers"]).get(SESSION_HEADER)


def _succeeds(answer: list[Message]) -> bool:
    """Whether it is a result of JSON-RPC, not an error."""
    return "result" in json.loads(b"".join(message.get("body", b"") for message in answer))


async def _delete(app: ASGIApp, scope: Scope, session_id: str) -> None:
    """Ends a session as its owner would."""
    headers = [*scope["headers"], (SESSION_HEADER.encode(), session_id.encode())]

    async def no_body() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    await app({**scope, "method": "DELETE", "headers": headers}, no_body, _into([]))
