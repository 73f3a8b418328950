"""Sessions of Streamable HTTP.

FastMCP keeps the sessions, and ends those that had no request for the idle time. The gateway counts them from
the requests and answers that pass.
"""

import json
import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.identity import AccessToken, token_of, user_of
from toolbridge_mcp.library_seams import (
    LAST_EVENT_HEADER,
    RESERVED_ID,
    SESSION_HEADER,
    VERSION_HEADER,
    accepts_events,
    has_sessions,
)
from toolbridge_mcp.unread import answering
from toolbridge_mcp.web.refusals import refusal
from toolbridge_mcp.web.sessions.disconnect import cancel_on_disconnect, has_disconnected
from toolbridge_mcp.web.sessions.exchanges import Exchange, UnreadAnswers
from toolbridge_mcp.web.sessions.messages import PostedMessage, id_in_flight
from toolbridge_mcp.web.sessions.replay import Machine
from toolbridge_mcp.web.sessions.session import (
    Place,
    Session,
    SessionLimits,
    SessionOwner,
    TooManySessions,
    session_owner,
)
from toolbridge_mcp.web.sessions.streams import OpenStreams, Stream
from toolbridge_mcp.web.sessions.wire import JsonAnswer

_NO_SESSION = refusal(404, "session_not_found", "There is no such session; initialize a new one.")


class HttpSession(Session):
    """One session. It is idle while none of its requests is open; `with session:` is one request."""

    def __init__(
        self, owner: SessionOwner, sessions: "HttpSessions", session_id: str, place: Place, delete: "_Delete"
    ) -> None:
        super().__init__(owner, sessions.clock)
        self.place = place
        self._sessions = sessions
        self._session_id = session_id
        self._delete = delete
        self._open_requests = 0
        self._last_request = sessions.clock()
        self._stream: Stream | None = None

    def __enter__(self) -> None:
        self._open_requests += 1

    def __exit__(self, *_: object) -> None:
        self._open_requests -= 1
        self._last_request = self._clock()

    def is_idle_for(self, seconds: float) -> bool:
        return not self._open_requests and self._clock() - self._last_request > seconds

    def take_over(self, stream: Stream) -> None:
        """Makes `stream` the one that the session's messages go to. It begins when the older one has ended:
        FastMCP serves one at a time."""
        stream.successor_of(self._stream)
        self._stream = stream

    async def end(self) -> None:
        self._sessions.remove(self._session_id)
        if self._stream:
            self._stream.reconnect_seconds = None
        await self._delete(self._session_id)


class HttpSessions:
    """All sessions of Streamable HTTP in the process, by their ids."""

    def __init__(self, idle_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._idle_seconds = idle_seconds
        self._sessions: dict[str, HttpSession] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: str, owner: SessionOwner) -> HttpSession | None:
        """The session if it is `owner`'s."""
        session = self._sessions.get(session_id)
        return session if session and session.owner == owner else None

    def add(self, session_id: str, owner: SessionOwner, place: Place, delete: "_Delete") -> None:
        session = HttpSession(owner, self, session_id, place, delete)
        self._sessions[session_id] = place.session = session

    def remove(self, session_id: str) -> None:
        session = self._sessions.pop(session_id, None)
        if session:
            session.place.give_up()

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
        answers: UnreadAnswers,
        machine: Machine,
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._streams = streams
        self._limits = limits
        self._answers = answers
        self._machine = machine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not has_sessions(headers.get(VERSION_HEADER)):
            await self._answer(None, scope, receive, send)
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
                await self._answer(session, scope, receive, send)

    async def _listen(
        self, session: HttpSession, token: AccessToken, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """The stream of a session's messages. A client that opens a second one has lost the first, perhaps
        to a proxy that has not noticed."""
        stream = self._streams.new(token, receive, send)
        session.take_over(stream)
        await self._streams.run(self._app, scope, stream)

    async def _answer(self, session: HttpSession | None, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one message, in a session or without one. A client that disconnects cancels it."""
        message = await PostedMessage.read(receive)
        exchange = Exchange(self._answers, user_of(token_of(scope)))
        try:
            if session and message.request_id is not None:
                if session.is_in_flight(message.request_id) or message.request_id == RESERVED_ID:
                    raise id_in_flight()
                session.begin(message.request_id, exchange)
            with answering(exchange):
                await cancel_on_disconnect(self._app, scope, message.receive, JsonAnswer(send).send)
        finally:
            exchange.sent()

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request that may open a session. It counts as one from its beginning, or many at once would pass
        the limit."""
        message = await PostedMessage.read(receive)
        owner = session_owner(token_of(scope))
        exchange = Exchange(self._answers, owner[:2])
        try:
            with answering(exchange):
                async with self._limits.opening(owner[:2]) as place:
                    answer, session_id = await self._opened(place, owner, scope, message.receive)
            await answer.send_to(JsonAnswer(send, self._public(session_id)).send)
        except TooManySessions as refused:
            await refused.response(scope, message.receive, send)
        finally:
            exchange.sent()

    async def _opened(
        self, place: Place, owner: SessionOwner, scope: Scope, receive: Receive
    ) -> tuple["_Answer", str | None]:
        """The answer to a request, and the id of the session that it opens.

        The SDK discards a session whose opening has a status of 400 or more. It keeps those whose opening is
        a JSON-RPC error with status 200, and those whose client has disconnected: they are deleted here.
        """
        answer = _Answer()
        await self._app(scope, receive, answer.append)
        session_id = answer.session_id
        delete = _Delete(self._app, scope)
        if session_id and (answer.is_error or await has_disconnected(receive)):
            await delete(session_id)
            session_id = None
        if session_id:
            self._sessions.add(session_id, owner, place, delete)
        else:
            place.give_up()
        return answer, session_id

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


class _Delete:
    """Ends a session as its owner would, who is the sender of `scope`."""

    def __init__(self, app: ASGIApp, scope: Scope) -> None:
        self._app = app
        self._scope = {**scope, "method": "DELETE", "headers": []}

    async def __call__(self, session_id: str) -> None:
        headers = [(SESSION_HEADER.encode(), session_id.encode())]
        await self._app({**self._scope, "headers": headers}, _no_body, _Answer().append)


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
