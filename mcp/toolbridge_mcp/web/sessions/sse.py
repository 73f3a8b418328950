"""Sessions of SSE: each is a stream, and the messages that are posted for it."""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextvars import ContextVar
from functools import partial
from types import TracebackType
from typing import Any, Self

from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCResponse
from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.choice import Choice, choice_of
from toolbridge_mcp.identity import Sender, SessionOwner, sender_of
from toolbridge_mcp.library_seams import (
    MESSAGE_EVENT,
    MessageStream,
    Peer,
    initialized_notification,
    session_id_in_endpoint_event,
)
from toolbridge_mcp.message import current_message, handle, handled, handling
from toolbridge_mcp.metrics import count_refusal
from toolbridge_mcp.telemetry import SSE
from toolbridge_mcp.telemetry.sessions import CLIENT, NOT_FOUND, session_tallies
from toolbridge_mcp.web.answers import Answers
from toolbridge_mcp.web.door import do_afterwards
from toolbridge_mcp.web.entry.address import MESSAGES_PATH, SSE_PATH, route_path
from toolbridge_mcp.web.entry.toolsets import ToolsetsInAddresses
from toolbridge_mcp.web.head import head_of
from toolbridge_mcp.web.messages import PostedMessage, id_in_flight
from toolbridge_mcp.web.refusals import refusal
from toolbridge_mcp.web.sessions.exchanges import Exchange, UnreadAnswers, begin_handling, present_task
from toolbridge_mcp.web.sessions.replay import Machine
from toolbridge_mcp.web.sessions.session import (
    Place,
    Session,
    SessionLimits,
    TooManySessions,
)
from toolbridge_mcp.web.sessions.streams import OpenStreams, Stream
from toolbridge_mcp.web.short_way import (
    ACCEPTANCE,
    CANCELLED,
    PREPARED_IN_SESSIONS,
    ShortWay,
    ToolCall,
    event,
    request_in_cancellation,
)

STALL_SECONDS = 0.25
MAX_UNREAD = 128
"""Messages that a session may still send while its client has read nothing for `STALL_SECONDS`."""

GIVEN_WAY_SECONDS = 10
"""When the client of a stream that made room for another one shall come back."""

ACCEPTED = 202
_ACCEPTED = Response(status_code=ACCEPTED)
_NO_SESSION = refusal(404, "session_not_found", "There is no such session; connect again.")
_UNREAD = refusal(
    429,
    "answers_unread",
    "The session's stream is not being read; read the answers that are there first.",
    retry_after=1,
)
_ONLY_GET = Response("Method Not Allowed", status_code=405, headers={"Allow": "GET"})


def _no_session() -> Response:
    """The answer to a message for a session that is not there; its client opens a new one."""
    session_tallies.came_back("", NOT_FOUND)
    count_refusal("session_not_found")
    return _NO_SESSION


class SseSession(Session):
    """One session, on one stream. `choice` is that of the address with which the stream was opened."""

    def __init__(self, owner: SessionOwner, stream: Stream, choice: Choice = None) -> None:
        super().__init__(owner, SSE)
        self.stream = stream
        self.choice = choice
        self._coming: deque[Exchange | None] = deque()
        """What the messages belong to that are on their way to the socket, in their order."""

    async def end(self, reason: str) -> None:
        self.stream.reconnect_seconds = GIVEN_WAY_SECONDS
        self.stream.close(reason)

    def message_given(self, message: SessionMessage) -> None:
        """The writer of the stream has a message."""
        self._coming.append(self._exchange_answered_by(message))

    def message_written(self, size: int) -> None:
        """The first of these messages is about to be sent, in so many bytes."""
        if self._coming and (exchange := self._coming[0]):
            exchange.operation.bytes_out = size
            exchange.operation.finish()

    def message_sent(self) -> None:
        """The first of these messages is on the socket."""
        exchange = self._coming.popleft() if self._coming else None
        if exchange:
            exchange.sent()

    def _exchange_answered_by(self, message: SessionMessage) -> Exchange | None:
        if not isinstance(message.message, JSONRPCResponse | JSONRPCError):
            return None
        if isinstance(exchange := current_message(), Exchange):
            exchange.is_given = True
            exchange.operation.answered()
            return exchange
        return None


_session: ContextVar[SseSession | None] = ContextVar("sse_session", default=None)


async def begin_message(method: str | None, peer: Peer, meta: Mapping[str, Any] | None) -> None:
    """As `begin_handling`, and gives a new session its other end: its first message is the gateway's own."""
    session = _session.get()
    if session:
        session.peer = peer
    await begin_handling(method, peer, meta)


class WatchedMessages:
    """The SDK's way to the writer of a stream: records what the writer takes."""

    def __init__(self, messages: MessageStream, session: SseSession) -> None:
        self._messages = messages
        self._session = session

    @classmethod
    def of(cls, messages: MessageStream) -> MessageStream:
        """`messages` of the session that is being opened, if one is."""
        session = _session.get()
        return cls(messages, session) if session else messages

    async def send(self, item: SessionMessage, /) -> None:
        await self._messages.send(item)
        self._session.message_given(item)

    async def aclose(self) -> None:
        await self._messages.aclose()

    async def __aenter__(self) -> Self:
        await self._messages.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._messages.__aexit__(kind, error, trace)


class SseSessionMiddleware:
    """Middleware of FastMCP's SSE application: limits sessions, and lets only their owners use them.

    `sessions` holds the sessions of the process by their ids.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        sessions: MutableMapping[str, SseSession],
        streams: OpenStreams,
        limits: SessionLimits,
        answers: UnreadAnswers,
        machine: Machine,
        toolsets: ToolsetsInAddresses,
        short_way: ShortWay,
        whole: Answers,
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._toolsets = toolsets
        self._short_way = short_way
        self._whole = whole
        self._streams = streams
        self._limits = limits
        self._answers = answers
        self._machine = machine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif route_path(scope) != SSE_PATH:
            await self._message(scope, receive, send)
        elif scope["method"] == "GET":
            await self._open(scope, receive, send)
        else:
            await _ONLY_GET(scope, receive, send)

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        sender = sender_of(scope)
        try:
            async with self._limits.opening(sender.user) as place:
                await self._run(place, sender, scope, receive, send)
        except TooManySessions as refused:
            count_refusal(refused.reason)
            await refused.response(scope, receive, send)

    async def _run(self, place: Place, sender: Sender, scope: Scope, receive: Receive, send: Send) -> None:
        stream = self._streams.new(sender, receive, send)
        session = SseSession(sender.owner, stream, choice_of(scope))
        opening = _Opening(self._app, scope, session, place, self._sessions, self._machine, self._toolsets)
        reset = _session.set(session)
        try:
            await self._streams.run(self._app, scope, stream, opening.send)
        finally:
            _session.reset(reset)
            opening.close()
            session.cancel_all()
            session.drop_answers()
            session.record.end(stream.closed_for or CLIENT)
            place.give_up()

    async def _message(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The SDK accepts other spellings of a session id too; only messages for a session known here reach
        it."""
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        session_id, machine = session_and_machine(scope)
        session = self._sessions.get(session_id)
        if session is None:
            refused: Response | None = self._machine.replay(scope, machine) or _no_session()
        else:
            refused = self._refusal(session, sender_of(scope))
        if refused:
            await refused(scope, receive, send)
        elif session:
            message = await PostedMessage.read(receive)
            if self._sessions.get(session_id) is session:
                await self._post(session, session_id, scope, message, send)
            else:  # it has ended while the message came
                await _no_session()(scope, message.receive, send)

    def _refusal(self, session: SseSession, sender: Sender) -> Response | None:
        """Why `sender` may not send a message now. None records a use of the session."""
        if session.owner != sender.owner:
            return _no_session()
        stream = session.stream
        if stream.is_stalled(STALL_SECONDS):
            stream.unread += 1
            if stream.unread > MAX_UNREAD or self._answers.is_full(session.user):
                count_refusal("answers_unread")
                return _UNREAD
        stream.use(sender.token)
        return None

    async def _post(
        self, session: SseSession, session_id: str, scope: Scope, message: PostedMessage, send: Send
    ) -> None:
        request_id = message.request_id
        if request_id is not None and session.is_in_flight(request_id):
            refused = id_in_flight()
            count_refusal(refused.reason, refused.code)
            await _ACCEPTED(scope, message.receive, send)
            await session.stream.send(refused.event())
            return
        exchange = Exchange(
            self._answers,
            sender_of(scope),
            session.stream,
            choice=session.choice,
            operation=message.operation(scope, SSE, session_id),
        )
        if request_id is not None:
            session.begin(request_id, exchange)
        call = self._short_way.call_over_sse(message.body, head_of(scope), session.peer)
        if call:
            session.describe(exchange.operation)
            exchange.operation.read_meta(call.meta)
            await self._accept(partial(self._carry_out, call, session, exchange), exchange, scope, send)
        elif prepared := self._prepared_answer(message, session, exchange, scope):
            session.describe(exchange.operation)
            await self._accept(partial(self._give, prepared, session, exchange), exchange, scope, send)
        else:
            await self._pass_on(session, exchange, scope, message, send)

    async def _accept(
        self, work: Callable[[], Awaitable[None]], exchange: Exchange, scope: Scope, send: Send
    ) -> None:
        """Accepts a message, and then does the `work` that it asks for in the task of its POST: another task
        would cost as much as reading the message."""
        exchange.handled_by(present_task())
        do_afterwards(scope, work)
        await self._whole.write(ACCEPTANCE, scope, send)

    async def _carry_out(self, call: ToolCall, session: SseSession, exchange: Exchange) -> None:
        task = present_task()
        if not exchange.carried_out_by(task):
            return
        token = handle(exchange)
        try:
            message = await self._short_way.answer(call)
        except asyncio.CancelledError:
            if not exchange.is_cancelled:
                raise
            task.uncancel()
            return
        finally:
            handled(token)
        await self._give(message, session, exchange)

    async def _give(self, message: bytes, session: SseSession, exchange: Exchange) -> None:
        exchange.answered(len(message))
        await session.stream.send(event(message))
        exchange.sent()

    def _prepared_answer(
        self, message: PostedMessage, session: SseSession, exchange: Exchange, scope: Scope
    ) -> bytes | None:
        """The answer that is prepared for a message, if there is room for it."""
        if message.method not in PREPARED_IN_SESSIONS:
            return None
        with handling(exchange):
            prepared = self._short_way.prepared_over_sse(message, head_of(scope), session.peer)
        session.describe(exchange.operation)
        return prepared if prepared and exchange.takes(len(prepared)) else None

    async def _pass_on(
        self, session: SseSession, exchange: Exchange, scope: Scope, message: PostedMessage, send: Send
    ) -> None:
        """FastMCP's way."""
        if session.client:
            session.describe(exchange.operation)
        if message.method == CANCELLED and (cancelled := request_in_cancellation(message.body)) is not None:
            session.cancel(cancelled)
        post = _Post(send)
        try:
            with handling(exchange):
                await self._app(scope, message.receive, post.send)
            post.is_passed_on = message.request_id is not None and post.status == ACCEPTED
        finally:
            if not post.is_passed_on:
                exchange.sent()


_ONE_SESSION = re.compile(rb"session_id=([0-9a-f]{32})(?:&machine=([0-9a-zA-Z]{1,64}))?")


def session_and_machine(scope: Scope) -> tuple[str, str | None]:
    """The session that a posted message is for, and its machine, if the address names one."""
    if found := _ONE_SESSION.fullmatch(scope["query_string"]):
        return found[1].decode(), found[2].decode() if found[2] else None
    query = QueryParams(scope["query_string"])
    return query.get("session_id", ""), query.get("machine")


class _Post:
    """FastMCP's answer to one posted message."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.is_passed_on = False
        """Whether the session has the request, and will answer it."""

    async def send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        await self._send(message)


class _Opening:
    """The answer to one GET. Its first event names the session, which is known from then on."""

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        session: SseSession,
        place: Place,
        sessions: MutableMapping[str, SseSession],
        machine: Machine,
        toolsets: ToolsetsInAddresses,
    ) -> None:
        self._app = app
        self._scope = scope
        self._toolsets = toolsets
        self._session = session
        self._place = place
        self._sessions = sessions
        self._machine = machine
        self._session_id: bytes | None = None

    async def send(self, message: Message) -> None:
        if self._session_id is None:
            message = await self._registered(message)
        body: bytes = message.get("body", b"")
        if not body.startswith(MESSAGE_EVENT):
            await self._session.stream.send(message)
            return
        self._session.message_written(len(body))
        await self._session.stream.send(message)
        self._session.message_sent()

    def close(self) -> None:
        if self._session_id is not None:
            del self._sessions[self._session_id.decode()]
            self._toolsets.forget(self._session_id.decode())

    async def _registered(self, message: Message) -> Message:
        """`message`; if it names the session, with the machine's name, and the session ready for calls."""
        self._session_id = session_id_in_endpoint_event(message)
        if self._session_id is None:
            return message
        self._sessions[self._session_id.decode()] = self._session
        self._toolsets.keep(self._session_id.decode(), self._scope)
        self._place.session = self._session
        await self._declare_initialized(self._session_id)
        return self._with_machine(message, self._session_id)

    def _with_machine(self, message: Message, session_id: bytes) -> Message:
        if self._machine.name is None:
            return message
        named = session_id + f"&machine={self._machine.name}".encode()
        return {**message, "body": message["body"].replace(session_id, named)}

    async def _declare_initialized(self, session_id: bytes) -> None:
        """Makes a new session ready for calls before its client knows of it.

        The TypeScript SDK reconnects a stream that was cut, for instance by a restart of the gateway, and
        does not initialize the new session: every later call would fail. A client that does initialize it
        gets the usual answer.
        """
        path = self._scope.get("root_path", "") + MESSAGES_PATH
        await self._app(*initialized_notification(self._scope, path, session_id))
