"""What the messages of one user may occupy: their number, their bytes, their time. FastMCP sees no other."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Protocol, TypeAlias
from weakref import WeakValueDictionary

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.identity import Sender, sender_of
from toolbridge_mcp.library_seams import MAX_BODY_BYTES
from toolbridge_mcp.metrics import count_refusal
from toolbridge_mcp.resilience import RateLimit
from toolbridge_mcp.web.bodies import TOO_LARGE, BodyLimits, IncomingBody
from toolbridge_mcp.web.entry.address import MCP_PATH, MESSAGES_PATH, route_path
from toolbridge_mcp.web.envelope import (
    Envelope,
    NotAMessage,
    RequestId,
    envelope_of,
    has_more_values,
    method_at_start,
    request_id_at_start,
)
from toolbridge_mcp.web.head import head_of
from toolbridge_mcp.web.messages import ENVELOPE
from toolbridge_mcp.web.refused import BAD_REQUEST, Refused
from toolbridge_mcp.web.streaming import mark_stream
from toolbridge_mcp.web.wire import timed_refusal

SMALL_BYTES = 64 * 1024
"""The largest message that is no tool call. Nothing larger is served at once with another one of its user."""

MANY_BYTES = 4 * 1024 * 1024

MAX_VALUES = 20_000
"""Values in the JSON of a larger message."""

GRACE_SECONDS = 5.0
"""How much later than the deadline of its call an answer may be over."""

TOOL_CALL = "tools/call"
LATE = 504
LATE_SAYS = "There was no answer in time: a change may or may not have been made. Look before repeating it."

_POSTS = (MESSAGES_PATH, MCP_PATH)
_AFTERWARDS = "toolbridge.afterwards"

ACCEPTED = 202
_ACCEPTED = Response(status_code=ACCEPTED)


@dataclass(frozen=True)
class DoorLimits:
    """Limits on the messages of one user. `messages` may be None: no limit on how often they come."""

    messages: RateLimit | None
    bodies: BodyLimits
    call_seconds: float


class Stream(Protocol):
    """Where the sender of a posted message waits for the answer."""

    async def send(self, message: Message) -> None: ...


StreamOf = Callable[[Scope, Sender], Stream | None]
"""The stream of the SSE session that a message is for, if its sender owns it."""


Turns: TypeAlias = "WeakValueDictionary[Hashable, asyncio.Lock]"


def no_stream(_: Scope, __: Sender) -> None:
    """Streamable HTTP: the answer is that of the POST."""


def do_afterwards(scope: Scope, work: Callable[[], Awaitable[None]]) -> None:
    """Does `work` in the task of a POST, when the POST itself has been served."""
    scope[_AFTERWARDS] = work


class OpenPosts:
    """All POSTs of the process that are being served."""

    def __init__(self) -> None:
        self._posts: set[_Post] = set()
        self._served_bytes = 0

    def add(self, post: "_Post") -> None:
        self._posts.add(post)

    def remove(self, post: "_Post") -> None:
        self._posts.discard(post)
        self._served_bytes += post.large_bytes

    def have_gone(self) -> bool:
        """Whether many bytes of large messages were served or refused since it was last so."""
        have_gone = self._served_bytes > MANY_BYTES
        if have_gone:
            self._served_bytes = 0
        return have_gone

    def sweep(self) -> None:
        """Ends the POSTs that take too long. One sweep costs less than a timer for each."""
        now = time.monotonic()
        for post in list(self._posts):
            if now > post.due_at:
                post.end()


class Door:
    """Middleware in front of FastMCP's applications, next to authentication.

    What is behind it receives only whole messages of JSON-RPC 2.0, and has to end a POST when its call should
    have ended. A refusal is an error of JSON-RPC with a status. Over SSE it comes on the stream if the
    message names its id: the official Python client stops sending after a status other than 2xx.
    """

    def __init__(
        self, app: ASGIApp, *, limits: DoorLimits, posts: OpenPosts, stream_of: StreamOf = no_stream
    ) -> None:
        self._app = app
        self._limits = limits
        self._posts = posts
        self._stream_of = stream_of
        self._turns: Turns = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sender = sender_of(scope)
        user = sender.user
        rate = self._limits.messages
        wait = rate.missing(user) if rate else 0
        try:
            if scope["method"] == "POST" and route_path(scope) in _POSTS:
                await self._serve(_Post(user, self._limits, self._turns, scope, receive, send), wait)
            elif wait:
                raise _too_many(wait)
            else:
                await self._app(scope, receive, send)
        except Refused as refused:
            count_refusal(refused.reason, refused.code)
            await self._refuse(refused, sender, scope, receive, send)
        else:
            if work := scope.get(_AFTERWARDS):
                await work()

    async def _serve(self, post: "_Post", wait: float) -> None:
        self._posts.add(post)
        try:
            if wait:
                raise _too_many(wait, await post.id_at_start())
            await self._app(post.scope, post.receive, post.send)
            await post.send_accepted()
        except asyncio.CancelledError as error:
            if not post.is_late:
                raise
            post.task.uncancel()
            raise post.lateness() from error
        finally:
            self._posts.remove(post)
            post.close()

    async def _refuse(
        self, refused: Refused, sender: Sender, scope: Scope, receive: Receive, send: Send
    ) -> None:
        stream = None
        if refused.request_id is not None and refused.status not in (BAD_REQUEST, LATE):
            stream = self._stream_of(scope, sender)
        if stream:
            await _ACCEPTED(scope, receive, send)
            await stream.send(refused.event())
        else:
            await refused.response()(scope, receive, _timed(scope, send))


class _Post:
    """One POST: its message, which is read and checked when it is received, and its answer."""

    __slots__ = (
        *("_accepted", "_body", "_ends_at", "_is_read", "_is_started", "_receive", "_send"),
        *("_turn", "_turns", "_user"),
        *("is_late", "large_bytes", "scope", "task"),
    )

    def __init__(
        self, user: Hashable, limits: DoorLimits, turns: Turns, scope: Scope, receive: Receive, send: Send
    ) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is handled outside of a task")
        self.task = task
        self.scope = scope
        self.is_late = False
        self.large_bytes = 0
        """The size of a large message, as far as it is known."""
        self._user = user
        self._turns = turns
        self._receive = receive
        self._send = send
        self._body = IncomingBody(user, limits.bodies)
        self._ends_at = time.monotonic() + limits.call_seconds + GRACE_SECONDS
        self._is_read = self._is_started = False
        self._turn: asyncio.Lock | None = None
        self._accepted: list[Message] = []

    @property
    def due_at(self) -> float:
        """When something must have happened, in seconds of `time.monotonic`."""
        return self._ends_at if self._is_read else min(self._body.due_at, self._ends_at)

    def end(self) -> None:
        """Ends the POST, which is late."""
        if not self.is_late:
            self.is_late = True
            self.task.cancel()

    def lateness(self) -> Exception:
        """The error of a POST that was late. Once an answer has begun, it only ends the connection."""
        if self._is_started:
            count_refusal("unread_answer")
            return ClientDisconnect()
        return Refused("late", LATE, LATE_SAYS) if self._is_read else self._body.too_slow()

    def close(self) -> None:
        """Gives up the room and the turn of the message."""
        self._body.close()
        if self._turn:
            self._turn.release()

    async def receive(self) -> Message:
        """The whole message, and then what follows it. Raises `Refused`."""
        if self._is_read:
            return await self._receive()
        first = await self._body.first(self._receive)
        if first["type"] == "http.request":
            start: bytes = first.get("body", b"")
            if first.get("more_body") or len(start) > SMALL_BYTES:
                first = await self._slow(start, first.get("more_body", False))
            else:
                await self._body.spend(len(start))
                first[ENVELOPE] = _envelope(start)
        self._body.arrived()
        self._is_read = True
        return first

    async def id_at_start(self) -> RequestId | None:
        """The id of a message that nobody has received, if it is known from the first bytes."""
        start = (await self._body.first(self._receive)).get("body", b"")
        try:
            return envelope_of(start).request_id
        except NotAMessage:
            return request_id_at_start(start)

    async def send(self, message: Message) -> None:
        """Sends the answer. An acceptance waits for `send_accepted`."""
        if self._accepted or message.get("status") == ACCEPTED:
            self._accepted.append(message)
            return
        if message["type"] == "http.response.start":
            self._is_read = self._is_started = True
            if (b"content-type", b"text/event-stream") in message["headers"]:
                mark_stream(self.scope)
                self._ends_at = math.inf
            elif message["status"] >= BAD_REQUEST:
                message = timed_refusal(message, self.scope)
        await self._send(message)

    async def send_accepted(self) -> None:
        """Sends the acceptance of a message, if that is the answer.

        The SDK accepts a message before its session takes it. A client that sends without a pause would make
        messages pile up between the two.
        """
        for message in self._accepted:
            self._is_started = True
            await self._send(message)

    async def _slow(self, start: bytes, has_more: bool) -> Message:
        """A message that is large, or does not come at once."""
        request_id, declared = request_id_at_start(start), _declared_length(self.scope)
        self._body.request_id = request_id
        self.large_bytes = declared if declared and SMALL_BYTES < declared <= MAX_BODY_BYTES else 0
        if declared and declared > MAX_BODY_BYTES:
            raise Refused("large_body", 413, TOO_LARGE, request_id=request_id)
        if declared and declared > SMALL_BYTES and method_at_start(start) not in (None, TOOL_CALL):
            raise _only_tool_calls(request_id)
        body = await self._body.read(start, declared, self._receive if has_more else _nothing_more)
        if body is None:
            return {"type": "http.disconnect"}
        self._body.arrived()
        self._is_read = True
        if len(body) > SMALL_BYTES:
            self.large_bytes = len(body)
            await self._take_turn()
            envelope = _checked_large(body, request_id)
        else:
            envelope = _envelope(body)
        return {"type": "http.request", "body": body, "more_body": False, ENVELOPE: envelope}

    async def _take_turn(self) -> None:
        """Waits until no other large message of the user is served."""
        turn = self._turns.setdefault(self._user, asyncio.Lock())
        await turn.acquire()
        self._turn = turn


def _timed(scope: Scope, send: Send) -> Send:
    async def send_timed(message: Message) -> None:
        await send(timed_refusal(message, scope) if "status" in message else message)

    return send_timed


async def _nothing_more() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _envelope(body: bytes) -> Envelope:
    """Raises `Refused` for what is no message."""
    try:
        return envelope_of(body)
    except NotAMessage as error:
        says = f"Invalid Request: {error}"
        raise Refused("invalid", BAD_REQUEST, says, code=error.code, request_id=error.request_id) from error


def _checked_large(body: bytes, request_id: RequestId | None) -> Envelope:
    """Raises `Refused` for a large message that would keep others waiting."""
    if has_more_values(body, MAX_VALUES):
        says = f"The message has more than {MAX_VALUES} values; nothing was done. Send less at once."
        raise Refused("large_body", 413, says, request_id=request_id)
    envelope = _envelope(body)
    if envelope.method != TOOL_CALL:
        raise _only_tool_calls(envelope.request_id)
    return envelope


def _only_tool_calls(request_id: RequestId | None) -> Refused:
    says = f"Only a tool call may have more than {SMALL_BYTES} bytes; nothing was done."
    return Refused("large_body", 413, says, request_id=request_id)


def _too_many(wait: float, request_id: RequestId | None = None) -> Refused:
    says = f"The user sends too many messages. Wait {math.ceil(wait)} seconds, then send it again."
    return Refused("message_rate", 429, says, request_id=request_id, wait=wait)


def _declared_length(scope: Scope) -> int | None:
    length = head_of(scope).get(b"content-length")
    return int(length) if length.isdecimal() else None
