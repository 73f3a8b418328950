"""Records the tool calls of a gateway: between its door and its sessions, and around its tools."""

import asyncio
import os
import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

from pydantic_core import from_json
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.harness.both_ways import FOLDER
from tests.harness.both_ways.reasons import CANCELLATION, TOOL_CALL, reason
from tests.harness.both_ways.records import (
    Answer,
    Begun,
    Call,
    Cause,
    Given,
    Outcome,
    PassedOn,
    Peer,
    Transport,
    Writer,
    pickled,
)
from toolbridge_mcp import app as wiring
from toolbridge_mcp.choice import Choice, choice_of, current_choice
from toolbridge_mcp.identity import client_name
from toolbridge_mcp.library_seams import SESSION_HEADER, VERSION_HEADER, correlation_key, has_sessions
from toolbridge_mcp.library_seams import Peer as SdkPeer
from toolbridge_mcp.message import current_operation
from toolbridge_mcp.web import gateway, streaming
from toolbridge_mcp.web.door import Door
from toolbridge_mcp.web.entry.address import MESSAGES_PATH, route_path
from toolbridge_mcp.web.entry.headers import SECURITY_HEADERS
from toolbridge_mcp.web.head import Head
from toolbridge_mcp.web.short_way import Result, RunTool, ShortWay, ToolCall

PRIVATE = {b"authorization", b"cookie", b"proxy-authorization"}
_COMMON = {name.lower().encode() for name in (*SECURITY_HEADERS, "strict-transport-security")}
_NEW_SESSION = re.compile(rb"session_id=([0-9a-f]{32})")


def record() -> None:
    """Makes the gateway that this process will start record its tool calls, if the tests want that."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return
    calls = Calls(Writer(Path(folder)))

    class RecordingDoor(Door):
        def __init__(self, app: ASGIApp, **options: Any) -> None:
            super().__init__(Watched(app, calls), **options)

    class RecordingShortWay(Recorded):
        def __init__(self, run: RunTool, *arguments: Any, **options: Any) -> None:
            super().__init__(calls, run, *arguments, **options)

    gateway.Door = RecordingDoor  # type: ignore[attr-defined]
    wiring.ShortWay = RecordingShortWay  # type: ignore[attr-defined]


class Post:
    """A message that was posted, on its way through the gateway."""

    def __init__(self, scope: Scope) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name not in PRIVATE]
        self.call = Call(_transport(scope), headers, b"", choice_of(scope), Peer())
        self.session = _session(scope)
        self.reason = ""
        """Why the call goes FastMCP's way; empty if it does not, or is no call."""

        self.client = ""
        self.is_taken = self.is_over = False
        self.cause: Cause | None = None

    def cancel(self, cause: Cause) -> None:
        """Something cancels the call, unless something has before."""
        self.cause = self.cause or cause


_post: ContextVar[Post | None] = ContextVar("post", default=None)


class Calls:
    """The calls that are under way, and the file for those that are over."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._under_way: dict[str, dict[str | int, Post]] = {}
        self.choices: dict[str, Choice] = {}
        """Of the open sessions of SSE, by their ids."""

    def begin(self, post: Post, request_id: str | int) -> None:
        post.is_taken = True
        self._under_way.setdefault(post.session, {})[correlation_key(request_id)] = post
        self._writer.write(Begun())

    def finish(self, post: Post) -> None:
        if post.is_over:
            return
        post.is_over = True
        calls = self._under_way.get(post.session, {})
        for key in [key for key, other in calls.items() if other is post]:
            del calls[key]
        if not calls:
            self._under_way.pop(post.session, None)
        has_lost_stream = post.call.transport is Transport.SSE and post.session not in self.choices
        has_result = post.call.outcome is not None and not post.call.outcome.cancelled
        is_cut = has_result and post.call.answer.raised == asyncio.CancelledError.__name__
        post.call.is_unread = has_lost_stream or is_cut
        self._writer.write(post.call)

    def pass_on(self, post: Post) -> None:
        self._writer.write(PassedOn(post.call.transport, post.reason, post.client))

    def cancel(self, session: str, cause: Cause, request_id: str | int | None = None) -> None:
        """The session cancels a call, or all of them."""
        calls = self._under_way.get(session, {})
        for key, post in calls.items():
            if request_id is None or correlation_key(request_id) == key:
                post.cancel(cause)


class Watched:
    """The sessions behind the door."""

    def __init__(self, app: ASGIApp, calls: Calls) -> None:
        self._app = app
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope.get("method")
        if method == "POST":
            await self._message(scope, receive, send)
        elif method == "GET":
            await self._stream(scope, receive, send)
        elif method == "DELETE":
            await self._deletion(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _message(self, scope: Scope, receive: Receive, send: Send) -> None:
        post = Post(scope)
        if post.session in self._calls.choices:
            post.call.choice = self._calls.choices[post.session]
        answer = post.call.answer

        async def received() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                post.cancel(Cause.DISCONNECT)
            return message

        async def sent(message: Message) -> None:
            answer.add(message)
            await send(message)

        _post.set(post)
        respond = partial(streaming.respond, {**scope, "state": {**scope["state"]}})
        streaming.set_respond(scope, partial(_responded, respond, answer))
        try:
            await self._app(scope, received, sent)
        except BaseException as error:
            answer.raised = type(error).__name__
            raise
        finally:
            if post.reason:
                self._calls.pass_on(post)
            elif post.is_taken and post.call.transport is not Transport.SSE:
                self._calls.finish(post)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A stream: the events of calls on the short way are sent in the tasks that carry these out."""
        _post.set(None)
        session = ""

        async def sent(message: Message) -> None:
            nonlocal session
            body = message.get("body", b"")
            if not session and (found := _NEW_SESSION.search(body)):
                session = found[1].decode()
                self._calls.choices[session] = choice_of(scope)
            post = _post.get()
            if post and post.is_taken and body:
                post.call.answer.events.append(body)
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            if session:
                self._calls.cancel(session, Cause.STREAM_END)
                del self._calls.choices[session]

    async def _deletion(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message.get("status") == 200:
                self._calls.cancel(_session(scope), Cause.SESSION_END)
            await send(message)

        await self._app(scope, receive, sent)


class Recorded(ShortWay):
    """The short way, with a record of what it takes and of what it does not take."""

    def __init__(self, calls: Calls, run: RunTool, *arguments: Any, **options: Any) -> None:
        super().__init__(self._run_recorded, *arguments, **options)
        self._is_off = not options.get("is_on", True)
        self._calls = calls
        self._tool = run

    def call_over_sse(self, body: bytes, head: Head, peer: SdkPeer | None) -> ToolCall | None:
        found = super().call_over_sse(body, head, peer)
        self._note(found, body, head, peer)
        return found

    def call_in_session(self, body: bytes, head: Head, peer: SdkPeer | None) -> ToolCall | None:
        found = super().call_in_session(body, head, peer)
        if found is None:
            self._note(found, body, head, peer)
        return found

    def call_alone(self, body: bytes, head: Head) -> tuple[ToolCall, str] | None:
        found = super().call_alone(body, head)
        self._note(found[0] if found else None, body, head, None)
        return found

    def _note(self, found: ToolCall | None, body: bytes, head: Head, peer: SdkPeer | None) -> None:
        post = _post.get()
        if post is None:
            raise RuntimeError("a message is read outside of a POST")
        post.call.body, post.call.peer = body, _peer(peer)
        if found:
            self._calls.begin(post, found.request_id)
            if (task := asyncio.current_task()) and post.call.transport is Transport.SSE:
                task.add_done_callback(lambda _: self._calls.finish(post))
        elif TOOL_CALL in body:
            post.reason = self._reason(post.call.transport, body, head, peer)
            post.client = _client(post.call, head)
        elif CANCELLATION in body:
            self._note_cancellation(post, body)

    def _reason(self, transport: Transport, body: bytes, head: Head, peer: SdkPeer | None) -> str:
        why = reason(transport, body, head, peer)
        return "the short way is switched off" if why and self._is_off else why

    def _note_cancellation(self, post: Post, body: bytes) -> None:
        try:
            request_id = from_json(body)["params"]["requestId"]
        except (ValueError, LookupError, TypeError):
            return
        if type(request_id) in (int, str):
            self._calls.cancel(post.session, Cause.NOTIFICATION, request_id)

    async def _run_recorded(self, name: str, arguments: dict[str, Any]) -> Result:
        post = _post.get()
        if post is None:
            raise RuntimeError("a tool is called outside of a POST")
        post.call.given = Given(name, repr(arguments), client_name(), current_choice())
        try:
            result = await self._tool(name, arguments)
        except asyncio.CancelledError:
            post.call.outcome = _outcome(cancelled=post.cause or Cause.GATEWAY)
            raise
        except Exception as error:
            post.call.outcome = _outcome(error=pickled(error))
            raise
        post.call.outcome = _outcome(result=pickled(result))
        return result


def _outcome(**known: Any) -> Outcome:
    """What became of the call at hand, with what was measured of it."""
    operation = current_operation()
    return Outcome(**known, is_begun=operation.begun_at > 0, correlation_id=operation.correlation_id)


def _responded(respond: Callable[[bytes, bytes], bool], answer: Answer, start: bytes, rest: bytes) -> bool:
    """Writes an answer past ASGI, with the headers that come with every answer."""
    if not respond(start, rest):
        return False
    head, _, body = rest.partition(b"\r\n\r\n")
    lines = [line.partition(b": ")[::2] for line in head.split(b"\r\n")]
    headers = [(name, value) for name, value in lines if name not in _COMMON]
    answer.add({"type": "http.response.start", "status": int(start.split(b" ")[1]), "headers": headers})
    answer.add({"type": "http.response.body", "body": body})
    return True


def _transport(scope: Scope) -> Transport:
    if route_path(scope) == MESSAGES_PATH:
        return Transport.SSE
    version = _header(scope, VERSION_HEADER)
    return Transport.SESSION if has_sessions(version) else Transport.ALONE


def _session(scope: Scope) -> str:
    """The id of the session, empty if the message has none."""
    if route_path(scope) == MESSAGES_PATH:
        return QueryParams(scope["query_string"]).get("session_id", "")
    return (_header(scope, SESSION_HEADER) or "").partition(".")[0]


def _header(scope: Scope, name: str) -> str | None:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name.encode()), None)


def _peer(peer: SdkPeer | None) -> Peer:
    if peer is None:
        return Peer()
    connection = peer._connection
    params = connection.client_params
    said = params.model_dump_json(by_alias=True, exclude_none=True) if params else None
    return Peer(str(connection.protocol_version or ""), said)


def _client(call: Call, head: Head) -> str:
    """Who sent a call, for the table of those that went FastMCP's way."""
    if call.peer.params:
        return str(from_json(call.peer.params)["clientInfo"]["name"])
    return head.get(b"user-agent").partition(" ")[0]
