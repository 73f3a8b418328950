"""Sessions of Streamable HTTP.

FastMCP keeps the sessions. The gateway counts them from the requests and answers that pass, and ends those
that had no request for the idle time: FastMCP does not see every request.
"""

import asyncio
import json
import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.choice import choice_of
from toolbridge_mcp.identity import Sender, SessionOwner, sender_of
from toolbridge_mcp.library_seams import (
    LAST_EVENT_HEADER,
    RESERVED_ID,
    SESSION_HEADER,
    VERSION_HEADER,
    Peer,
    accepts_events,
    has_sessions,
)
from toolbridge_mcp.message import handle, handled, handling
from toolbridge_mcp.metrics import count_refusal
from toolbridge_mcp.telemetry import STREAMABLE_HTTP
from toolbridge_mcp.telemetry.sessions import (
    CLIENT,
    IDLE,
    NOT_FOUND,
    REVOKED,
    SECOND_STREAM,
    session_tallies,
)
from toolbridge_mcp.web.answers import Answer, Answers
from toolbridge_mcp.web.envelope import INVALID
from toolbridge_mcp.web.head import head_of
from toolbridge_mcp.web.messages import PostedMessage, id_in_flight
from toolbridge_mcp.web.refusals import refusal
from toolbridge_mcp.web.sessions.disconnect import cancel_on_disconnect, has_disconnected
from toolbridge_mcp.web.sessions.exchanges import Exchange, UnreadAnswers, present_task
from toolbridge_mcp.web.sessions.replay import Machine
from toolbridge_mcp.web.sessions.session import (
    Place,
    Session,
    SessionLimits,
    TooManySessions,
)
from toolbridge_mcp.web.sessions.streams import OpenStreams, Stream
from toolbridge_mcp.web.short_way import (
    CANCELLED,
    PREPARED,
    ShortWay,
    ToolCall,
    answer_in_session,
    answer_without_session,
    cancelled,
    request_in_cancellation,
    terminated,
)
from toolbridge_mcp.web.wire import JsonAnswer

_SESSION, _VERSION = SESSION_HEADER.encode(), VERSION_HEADER.encode()
_NO_SESSION = refusal(404, "session_not_found", "There is no such session; initialize a new one.")


def _no_session() -> Response:
    """The answer to a request in a session that is not there; its client opens a new one."""
    session_tallies.came_back("", NOT_FOUND)
    count_refusal("session_not_found")
    return _NO_SESSION


class HttpSession(Session):
    """One session. It is idle while none of its requests is open; `with session:` is one request."""

    def __init__(
        self, opener: Sender, sessions: "HttpSessions", session_id: str, place: Place, delete: "_Delete"
    ) -> None:
        super().__init__(opener.owner, STREAMABLE_HTTP, sessions.clock)
        self._opener = opener
        self.place = place
        self._sessions = sessions
        self._session_id = session_id
        self._delete = delete
        self._open_requests = 0
        self._last_request = sessions.clock()
        self._stream: Stream | None = None
        self.has_ended = False

    def __enter__(self) -> None:
        self._open_requests += 1

    def __exit__(self, *_: object) -> None:
        self._open_requests -= 1
        self._last_request = self._clock()

    def excess(self, idle_seconds: float) -> str:
        """Why the session has to end: the token that opened it was revoked, or no request came for so long.
        Empty while it has not, or one is open, which may still be answered."""
        if self._open_requests:
            return ""
        if self._opener.is_revoked:
            return REVOKED
        return IDLE if self._clock() - self._last_request > idle_seconds else ""

    def take_over(self, stream: Stream) -> None:
        """Makes `stream` the one that the session's messages go to. It begins when the older one has ended:
        FastMCP serves one at a time."""
        if self._stream and not self._stream.ended.is_set():
            session_tallies.came_back(self.client, SECOND_STREAM)
        stream.successor_of(self._stream)
        self._stream = stream

    async def end(self, reason: str) -> None:
        self._sessions.remove(self._session_id, reason)
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

    def add(
        self, session_id: str, opener: Sender, place: Place, delete: "_Delete", peer: Peer | None
    ) -> None:
        session = HttpSession(opener, self, session_id, place, delete)
        session.peer = peer
        self._sessions[session_id] = place.session = session

    def remove(self, session_id: str, reason: str) -> None:
        """Forgets a session, which has ended for one of the reasons in `telemetry.sessions.ENDS`."""
        session = self._sessions.pop(session_id, None)
        if session:
            session.has_ended = True
            session.record.end(reason)
            session.cancel_all()
            session.place.give_up()

    async def sweep(self) -> None:
        """Ends the sessions that have been idle for too long, or whose token was revoked."""
        for session in list(self._sessions.values()):
            if reason := session.excess(self._idle_seconds):
                await session.end(reason)


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
        short_way: ShortWay,
        whole: Answers,
    ) -> None:
        self._app = app
        self._short_way = short_way
        self._whole = whole
        self._sessions = sessions
        self._streams = streams
        self._limits = limits
        self._answers = answers
        self._machine = machine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = head_of(scope)
        if not has_sessions(head.get(_VERSION) if head.has(_VERSION) else None):
            await self._alone(scope, receive, send)
        elif public_id := head.get(_SESSION):
            await self._in_session(public_id, scope, receive, send)
        else:
            await self._open(scope, receive, send)

    async def _in_session(self, public_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        session_id, _, machine = public_id.partition(".")
        if elsewhere := self._machine.replay(scope, machine or None):
            await elsewhere(scope, receive, send)
            return
        sender = sender_of(scope)
        session = self._sessions.get(session_id, sender.owner)
        if session is None:
            await _no_session()(scope, receive, send)
            return
        with session:
            if scope["method"] == "POST":
                await self._post(session, session_id, scope, receive, send)
                return
            scope = _inside(scope, session_id)
            if scope["method"] == "GET" and accepts_events(scope):
                await self._listen(session, sender, scope, receive, send)
            elif scope["method"] == "DELETE":
                deletion = _Deletion(self._sessions, session_id, JsonAnswer(send).send)
                await self._app(scope, receive, deletion.send)
            else:
                await self._app(scope, receive, JsonAnswer(send).send)

    async def _listen(
        self, session: HttpSession, sender: Sender, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """The stream of a session's messages. A client that opens a second one has lost the first, perhaps
        to a proxy that has not noticed."""
        stream = self._streams.new(sender, receive, send)
        session.take_over(stream)
        await self._streams.run(self._app, scope, stream)

    async def _post(
        self, session: HttpSession, session_id: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answers one message in a session. What it asks for goes on if its client disconnects."""
        message = await PostedMessage.read(receive)
        if session.has_ended:
            await _no_session()(scope, message.receive, send)
            return
        request_id = message.request_id
        exchange = self._exchange(message, scope, session_id)
        try:
            if request_id is not None:
                if session.is_in_flight(request_id) or request_id == RESERVED_ID:
                    exchange.operation.error_code = INVALID
                    raise id_in_flight()
                session.begin(request_id, exchange)
            call = self._short_way.call_in_session(message.body, head_of(scope), session.peer)
            if call:
                session.describe(exchange.operation)
                exchange.operation.read_meta(call.meta)
                await self._carry_out(call, session, exchange, scope, message, send)
            elif prepared := self._prepared_answer(message, session, exchange, scope):
                session.describe(exchange.operation)
                await self._give(answer_in_session(prepared), exchange, scope, send)
            else:
                if session.client:
                    session.describe(exchange.operation)
                if message.method == CANCELLED:
                    _cancel(session, message.body)
                await self._pass_on(exchange, _inside(scope, session_id), message, send)
        finally:
            exchange.sent()

    async def _alone(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one message of revision 2026-07-28. A client that disconnects cancels it."""
        message = await PostedMessage.read(receive)
        exchange = self._exchange(message, scope)
        try:
            found = self._short_way.call_alone(message.body, head_of(scope))
            if found:
                call, exchange.operation.client = found
                exchange.operation.revision = head_of(scope).get(_VERSION)
                exchange.operation.read_meta(call.meta)
                await self._carry_out(call, None, exchange, scope, message, send)
            elif prepared := self._prepared_answer(message, None, exchange, scope):
                exchange.operation.revision = head_of(scope).get(_VERSION)
                await self._give(answer_without_session(prepared), exchange, scope, send)
            else:
                await self._pass_on(exchange, scope, message, send)
        finally:
            exchange.sent()

    def _exchange(self, message: PostedMessage, scope: Scope, session_id: str = "") -> Exchange:
        operation = message.operation(scope, STREAMABLE_HTTP, session_id)
        return Exchange(self._answers, sender_of(scope), choice=choice_of(scope), operation=operation)

    def _prepared_answer(
        self, message: PostedMessage, session: HttpSession | None, exchange: Exchange, scope: Scope
    ) -> bytes | None:
        """The answer that is prepared for a message, if there is room for it."""
        if message.method not in PREPARED:
            return None
        with handling(exchange):
            if session:
                session.describe(exchange.operation)
                prepared = self._short_way.prepared_in_session(message, head_of(scope), session.peer)
            else:
                prepared = self._short_way.prepared_alone(message, head_of(scope))
        return prepared if prepared and exchange.takes(len(prepared)) else None

    async def _pass_on(self, exchange: Exchange, scope: Scope, message: PostedMessage, send: Send) -> None:
        """FastMCP's way."""
        answer = JsonAnswer(send, operation=exchange.operation)
        with handling(exchange):
            await cancel_on_disconnect(self._app, scope, message.receive, answer.send)

    async def _carry_out(
        self,
        call: ToolCall,
        session: HttpSession | None,
        exchange: Exchange,
        scope: Scope,
        message: PostedMessage,
        send: Send,
    ) -> None:
        """The short way."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            result = await (
                self._result_in_session(call, session, exchange) if session else self._result_alone(call)
            )
            await self._give(result, exchange, scope, send)

        token = handle(exchange)
        try:
            if session:  # the call of a client that disconnects goes on
                await answer(scope, message.receive, JsonAnswer(send).send)
            else:
                await cancel_on_disconnect(answer, scope, message.receive, JsonAnswer(send).send)
        finally:
            handled(token)

    async def _give(self, answer: Answer, exchange: Exchange, scope: Scope, send: Send) -> None:
        exchange.answered(len(answer.body))
        await self._whole.write(answer, scope, send, exchange.operation)

    async def _result_in_session(self, call: ToolCall, session: HttpSession, exchange: Exchange) -> Answer:
        task = present_task()
        exchange.carried_out_by(task)
        try:
            body = await self._short_way.answer(call)
        except asyncio.CancelledError:
            if not exchange.is_cancelled:
                raise
            task.uncancel()
            if session.has_ended:
                return answer_in_session(terminated(), 500)
            body = cancelled(call.request_id)
        return answer_in_session(body)

    async def _result_alone(self, call: ToolCall) -> Answer:
        return answer_without_session(await self._short_way.answer_alone(call))

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request that may open a session. It counts as one from its beginning, or many at once would pass
        the limit."""
        message = await PostedMessage.read(receive)
        sender = sender_of(scope)
        exchange = self._exchange(message, scope)
        try:
            with handling(exchange):
                async with self._limits.opening(sender.user) as place:
                    answer, session_id = await self._opened(place, exchange, scope, message.receive)
            await answer.send_to(JsonAnswer(send, self._public(session_id), exchange.operation).send)
        except TooManySessions as refused:
            exchange.operation.outcome = type(refused).__name__
            count_refusal(refused.reason)
            await refused.response(scope, message.receive, send)
        finally:
            exchange.sent()

    async def _opened(
        self, place: Place, exchange: Exchange, scope: Scope, receive: Receive
    ) -> tuple["_Recorded", str | None]:
        """The answer to a request, and the id of the session that it opens.

        The SDK discards a session whose opening has a status of 400 or more. It keeps those whose opening is
        a JSON-RPC error with status 200, and those whose client has disconnected: they are deleted here.
        """
        answer = _Recorded()
        await self._app(scope, receive, answer.append)
        session_id = answer.session_id
        delete = _Delete(self._app, scope)
        if session_id and (answer.is_error or await has_disconnected(receive)):
            await delete(session_id)
            session_id = None
        if session_id:
            exchange.operation.session_id = session_id
            self._sessions.add(session_id, exchange.sender, place, delete, exchange.peer)
        else:
            place.give_up()
        return answer, session_id

    def _public(self, session_id: str | None) -> str | None:
        """The id by which the client knows the session: it names the machine, if machines have names."""
        return f"{session_id}.{self._machine.name}" if session_id and self._machine.name else session_id


def _cancel(session: HttpSession, body: bytes) -> None:
    """Cancels the request that a notification is about, if it goes the short way."""
    request_id = request_in_cancellation(body)
    if request_id is not None:
        session.cancel(request_id)


class _Deletion:
    """Sends the answer to a DELETE. The session is forgotten before its owner knows of the end."""

    def __init__(self, sessions: HttpSessions, session_id: str, send: Send) -> None:
        self._sessions = sessions
        self._session_id = session_id
        self._send = send

    async def send(self, message: Message) -> None:
        if message.get("status") == 200:
            self._sessions.remove(self._session_id, CLIENT)
        await self._send(message)


class _Recorded:
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
        await self._app({**self._scope, "headers": headers}, _no_body, _Recorded().append)


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
