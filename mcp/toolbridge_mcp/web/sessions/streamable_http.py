"""Sessions of Streamable HTTP.

FastMCP keeps the sessions, and ends those that had no request for the idle time. The gateway counts them from
the requests and answers that pass.
"""

import json
import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.identity import AccessToken, User, token_of
from toolbridge_mcp.library_seams import (
    LAST_EVENT_HEADER,
    SESSION_HEADER,
    VERSION_HEADER,
    accepts_events,
    has_sessions,
)
from toolbridge_mcp.web.refusals import refusal
from toolbridge_mcp.web.sessions.disconnect import cancel_on_disconnect, has_disconnected
from toolbridge_mcp.web.sessions.limits import SessionLimits
from toolbridge_mcp.web.sessions.replay import Machine
from toolbridge_mcp.web.sessions.streams import OpenStreams, SessionOwner, Stream, session_owner
from toolbridge_mcp.web.sessions.wire import JsonAnswer

_NO_SESSION = refusal(404, "session_not_found", "There is no such session; initialize a new one.")


class Session:
    """One session. It is idle while none of its requests is open; `with session:` is one request."""

    def __init__(self, owner: SessionOwner, clock: Callable[[], float]) -> None:
        self.owner = owner
        self._clock = clock
        self._used_at = clock()
        self._open_requests = 0
        self._stream: Stream | None = None

    @property
    def user(self) -> User:
        return self.owner[:2]

    def __enter__(self) -> None:
        self._open_requests += 1

    def __exit__(self, *_: object) -> None:
        self._open_requests -= 1
        self._used_at = self._clock()

    def is_idle_for(self, seconds: float) -> bool:
        return not self._open_requests and self._clock() - self._used_at > seconds

    def take_over(self, stream: Stream) -> None:
        """Makes `stream` the one that the session's messages go to. It begins when the older one has ended:
        FastMCP serves one at a time."""
        stream.successor_of(self._stream)
        self._stream = stream


class HttpSessions:
    """All sessions of Streamable HTTP in the process, by their ids."""

    def __init__(
        self, idle_seconds: float, limits: SessionLimits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._idle_seconds = idle_seconds
        self._limits = limits
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: str, owner: SessionOwner) -> Session | None:
        """The session if it is `owner`'s."""
        session = self._sessions.get(session_id)
        return session if session and session.owner == owner else None

    def add(self, session_id: str, owner: SessionOwner) -> None:
        session = self._sessions[session_id] = Session(owner, self._clock)
        self._limits.add(session.user)

    def remove(self, session_id: str) -> None:
        session = self._sessions.pop(session_id, None)
        if session:
            self._limits.remove(session.user)

    def sweep(self) -> None:
        """Forgets the sessions that FastMCP has ended because they were idle."""
        for session_id, session in list(self._sessions.items()):
            if session.is_idle_for(self._idle_seconds):
                self.remove(session_id)


class HttpSessionMiddleware:
    """Middleware of FastMCP's application for Streamable HTTP: limits sessions, and ends their requests."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        sessions: HttpSessions,
        streams: OpenStreams,
        limits: SessionLimits,
        machine: Machine,
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._streams = streams
        self._limits = limits
        self._machine = machine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not has_sessions(headers.get(VERSION_HEADER)):
            await cancel_on_disconnect(self._app, scope, receive, send)
        elif public_id := headers.get(SESSION_HEADER):
            await self._in_session(public_id, scope, receive, send)
        else:
            await self._open(scope, receive, send)

    async def _in_session(self, public_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        session_id, _, machine = public_id.partition(".")
        if elsewhere := self._machine.replay(scope, machine or None):
            await elsewhere(scope, receive, send)
            return
        token = token_of(scope)
        session = self._sessions.get(session_id, session_owner(token))
        if session is None:
            await _NO_SESSION(scope, receive, send)
            return
        scope = _inside(scope, session_id)
        with session:
            if scope["method"] == "GET" and accepts_events(scope):
                await self._listen(session, token, scope, receive, send)
            elif scope["method"] == "DELETE":
                deletion = _Deletion(self._sessions, session_id, JsonAnswer(send).send)
                await self._app(scope, receive, deletion.send)
            else:
                await cancel_on_disconnect(self._app, scope, receive, JsonAnswer(send).send)

    async def _listen(
        self, session: Session, token: AccessToken, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """The stream of a session's messages. A client that opens a second one has lost the first, perhaps
        to a proxy that has not noticed."""
        stream = self._streams.new(token, receive, send)
        session.take_over(stream)
        await self._streams.run(self._app, scope, stream)

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request that may open a session. It counts as one from its beginning, or many at once would pass
        the limit.

        The SDK discards a session whose opening has a status of 400 or more. It keeps those whose opening is
        a JSON-RPC error with status 200, and those whose client has disconnected: they are deleted here.
        """
        owner = session_owner(token_of(scope))
        user = owner[:2]
        if refused := self._limits.refusal(user):
            await refused(scope, receive, send)
            return
        answer = _Answer()
        with self._limits.one_more(user):
            await self._app(scope, receive, answer.append)
            session_id = answer.session_id
            if session_id and (answer.is_error or await has_disconnected(receive)):
                await _delete(self._app, scope, session_id)
                session_id = None
            elif session_id:
                self._sessions.add(session_id, owner)
        await answer.send_to(JsonAnswer(send, self._public(session_id)).send)

    def _public(self, session_id: str | None) -> str | None:
        """The id by which the client knows the session: it names the machine, if machines have names."""
        return f"{session_id}.{self._machine.name}" if session_id and self._machine.name else session_id


class _Deletion:
    """Sends the answer to a DELETE. The session is forgotten before its owner knows of the end."""

    def __init__(self, sessions: HttpSessions, session_id: str, send: Send) -> None:
        self._sessions = sessions
        self._session_id = session_id
        self._send = send

    async def send(self, message: Message) -> None:
        if message.get("status") == 200:
            self._sessions.remove(self._session_id)
        await self._send(message)


class _Answer:
    """A whole answer of FastMCP: a start and JSON."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    async def append(self, message: Message) -> None:
        self._messages.append(message)

    @property
    def session_id(self) -> str | None:
        """The session that this answer opens."""
        if not self._messages or self._messages[0]["status"] >= 400:
            return None
        return Headers(raw=self._messages[0]["headers"]).get(SESSION_HEADER)

    @property
    def is_error(self) -> bool:
        """Whether it is an error of JSON-RPC."""
        return "result" not in json.loads(b"".join(message.get("body", b"") for message in self._messages))

    async def send_to(self, send: Send) -> None:
        for message in self._messages:
            await send(message)


def _inside(scope: Scope, session_id: str) -> Scope:
    """A request as FastMCP must see it. No stream is resumed: FastMCP would not answer a request for that."""
    headers = MutableHeaders(raw=list(scope["headers"]))
    headers[SESSION_HEADER] = session_id
    del headers[LAST_EVENT_HEADER]
    return {**scope, "headers": headers.raw}


async def _delete(app: ASGIApp, scope: Scope, session_id: str) -> None:
    """Ends a session as its owner would."""
    headers = [*scope["headers"], (SESSION_HEADER.encode(), session_id.encode())]
    await app({**scope, "method": "DELETE", "headers": headers}, _no_body, _Answer().append)


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
