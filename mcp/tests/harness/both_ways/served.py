"""A gateway in this process, whose tools do what a test says. Messages come to it behind its door."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

from fastmcp.server.auth import AccessToken
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.harness.both_ways.records import Answer, Headers, Peer
from tests.harness.clients import settings_for
from toolbridge_mcp import app as wiring
from toolbridge_mcp import library_seams, logs
from toolbridge_mcp.choice import Choice, choose
from toolbridge_mcp.library_seams import LAST_EVENT_HEADER, SESSION_HEADER
from toolbridge_mcp.sender import Sender
from toolbridge_mcp.tools.offers import Offers
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.web import door, gateway
from toolbridge_mcp.web.door import Door
from toolbridge_mcp.web.entry.address import MCP_PATH, MESSAGES_PATH, SSE_PATH
from toolbridge_mcp.web.head import read_head
from toolbridge_mcp.web.short_way import ShortWay, ToolCall

Tool = Callable[[str, dict[str, Any]], Awaitable[Result]]

NOBODY_LISTENS = "http://127.0.0.1:9"
SECONDS = 20
"""As long as an answer may take before it counts as one that never comes."""

BY_HAND: Headers = [
    (b"host", b"127.0.0.1"),
    (b"content-type", b"application/json"),
    (b"accept", b"application/json, text/event-stream"),
]
_INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
_AUTHORIZATION = (b"authorization", b"Bearer both-ways")
_TOKEN = AccessToken(
    token="both-ways",
    client_id="both-ways",
    subject="both-ways",
    scopes=["read", "write"],
    expires_at=2**33,
)
_SENDER = Sender.of(_TOKEN)


class NoAnswer(AssertionError):
    """What should have come did not."""


class Request:
    """One request, from its beginning until its answer is whole or its client leaves."""

    def __init__(self, app: ASGIApp, scope: Scope, body: bytes) -> None:
        self.answer = Answer()
        self._body: bytes | None = body
        self._left = asyncio.Event()
        self._task = asyncio.create_task(self._run(app, scope))

    async def whole(self) -> Answer:
        async with asyncio.timeout(SECONDS):
            await self._task
        return self.answer

    async def leave(self) -> Answer:
        """Closes the connection."""
        self._left.set()
        return await self.whole()

    async def stop(self) -> Answer:
        """Cancels the request, as the door does when it is late."""
        self._task.cancel()
        return await self.whole()

    async def _run(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
            if work := scope.get(door._AFTERWARDS):
                await work()
        except asyncio.CancelledError as error:
            self.answer.raised = type(error).__name__
        except Exception as error:  # noqa: BLE001  it is compared
            self.answer.raised = type(error).__name__

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.answer.add(message)


class SseStream:
    """A session of SSE."""

    def __init__(self, app: ASGIApp, scope: Scope) -> None:
        self._app = app
        self._events: asyncio.Queue[bytes] = asyncio.Queue()
        self._left = asyncio.Event()
        self.barriers = 0
        self.session_id = ""
        self._task = asyncio.ensure_future(self._run(app, scope))

    async def _run(self, app: ASGIApp, scope: Scope) -> None:
        await app(scope, self._receive, self._send)

    async def event(self) -> bytes:
        """The next event."""
        coming = asyncio.ensure_future(self._events.get())
        try:
            await asyncio.wait([coming, self._task], timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                raise NoAnswer("no event came") from (self._task.exception() if self._task.done() else None)
            return coming.result()
        finally:
            coming.cancel()

    def arrived(self) -> list[bytes]:
        """The events that nobody has read."""
        events = []
        while not self._events.empty():
            events.append(self._events.get_nowait())
        return events

    async def close(self) -> None:
        self._left.set()
        async with asyncio.timeout(SECONDS):
            await asyncio.wait([self._task])

    async def _receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        body: bytes = message.get("body", b"")
        if body and not body.startswith((b":", b"retry:")):
            self._events.put_nowait(body)


class Served:
    """The applications behind the door of one gateway."""

    def __init__(self, sse: ASGIApp, mcp: ASGIApp, way: "_Counting") -> None:
        self._sse = sse
        self._mcp = mcp
        self._way = way

    @property
    def taken(self) -> int:
        """How many calls went the short way."""
        return self._way.taken

    def post(
        self, path: str, body: bytes, headers: Headers = BY_HAND, query: str = "", choice: Choice = None
    ) -> Request:
        """A message to `path`, whose query names the session of SSE."""
        app = self._sse if path == MESSAGES_PATH else self._mcp
        return Request(app, _scope("POST", path, headers, query, choice), body)

    async def delete(self, session_id: str) -> Answer:
        """Ends a session of Streamable HTTP."""
        headers = [*BY_HAND, (SESSION_HEADER.encode(), session_id.encode())]
        return await Request(self._mcp, _scope("DELETE", MCP_PATH, headers), b"").whole()

    async def open_stream(self, peer: Peer, choice: Choice = None) -> SseStream:
        """A session of SSE with a client that knows it as `peer` says."""
        stream = SseStream(self._sse, _scope("GET", SSE_PATH, BY_HAND, "", choice))
        endpoint = await stream.event()
        stream.session_id = endpoint.partition(b"session_id=")[2][:32].decode()
        if peer.params is not None:
            await self.post_to(stream, _initialize(peer.params)).whole()
            await stream.event()
            await self.post_to(stream, _INITIALIZED).whole()
        await self.barrier(stream)
        return stream

    def post_to(self, stream: SseStream, body: bytes, headers: Headers = BY_HAND) -> Request:
        return self.post(MESSAGES_PATH, body, headers, f"session_id={stream.session_id}")

    async def barrier(self, stream: SseStream) -> list[bytes]:
        """The events that nobody has read when the session has handled all that was posted for it so far."""
        stream.barriers += 1
        request_id = b'"id":"barrier %d"' % stream.barriers
        await self.post_to(stream, b'{"jsonrpc":"2.0",%b,"method":"ping"}' % request_id).whole()
        events: list[bytes] = []
        while request_id not in (event := await stream.event()):
            events.append(event)
        return events

    async def open_session(self, peer: Peer, choice: Choice = None) -> str:
        """The id of a new session of Streamable HTTP."""
        if peer.params is None:
            raise NoAnswer("a session of Streamable HTTP begins with initialize")
        request = self.post(MCP_PATH, _initialize(peer.params), BY_HAND, "", choice)
        answer = await request.whole()
        session_id = dict(answer.headers)[SESSION_HEADER.encode()].decode()
        await self.post(MCP_PATH, _INITIALIZED, in_session(BY_HAND, session_id)).whole()
        return session_id


def in_session(headers: Headers, session_id: str) -> Headers:
    """The headers of a message to another session of Streamable HTTP."""
    name = SESSION_HEADER.encode()
    return [*(header for header in headers if header[0] != name), (name, session_id.encode())]


@asynccontextmanager
async def serving(tool: Tool, *, short_way: bool) -> AsyncIterator[Served]:
    """A gateway whose every tool call is answered by `tool`."""
    doors: list[_OpenDoor] = []
    ways: list[_Counting] = []

    class OpenDoor(_OpenDoor):
        def __init__(self, app: ASGIApp, **options: Any) -> None:
            super().__init__(app, **options)
            doors.append(self)

    class AnyTool(Offers):
        async def call(self, name: str, arguments: dict[str, Any]) -> Result:
            return await tool(name, arguments)

    class Counting(_Counting):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            ways.append(self)

    with (
        patch.object(wiring, "ShortWay", Counting),
        patch.object(gateway, "Door", OpenDoor),
        patch.object(wiring, "Offers", AnyTool),
        patch.object(logs, "configure"),
        patch.object(library_seams, "keep_streams_open"),
        patch("toolbridge_mcp.app.wait_until_ready"),
    ):
        app = wiring.create_app(settings_for(NOBODY_LISTENS, short_way=short_way))
        async with _lifespan(app):
            sse, mcp = doors
            yield Served(sse.behind, mcp.behind, ways[0])


class _Counting(ShortWay):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.taken = 0

    async def answer(self, call: ToolCall) -> bytes:
        self.taken += 1
        return await super().answer(call)

    async def answer_alone(self, call: ToolCall) -> bytes:
        self.taken += 1
        return await super().answer_alone(call)


class _OpenDoor(Door):
    def __init__(self, app: ASGIApp, **options: Any) -> None:
        super().__init__(app, **options)
        self.behind = app


@asynccontextmanager
async def _lifespan(app: ASGIApp) -> AsyncIterator[None]:
    began, ends, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    messages: Sequence[tuple[asyncio.Event | None, Message]] = (
        (None, {"type": "lifespan.startup"}),
        (ends, {"type": "lifespan.shutdown"}),
    )
    coming = iter(messages)

    async def receive() -> Message:
        condition, message = next(coming)
        if condition:
            await condition.wait()
        return message

    async def send(message: Message) -> None:
        (began if message["type"].startswith("lifespan.startup") else ended).set()

    task = asyncio.ensure_future(_run(app, receive, send))
    await began.wait()
    try:
        yield
    finally:
        ends.set()
        await task


async def _run(app: ASGIApp, receive: Receive, send: Send) -> None:
    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)


def _initialize(params: str) -> bytes:
    return json.dumps(
        {"jsonrpc": "2.0", "id": "first", "method": "initialize", "params": json.loads(params)}
    ).encode()


def _scope(method: str, path: str, headers: Headers, query: str = "", choice: Choice = None) -> Scope:
    left_out = {LAST_EVENT_HEADER.encode()}
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [*(header for header in headers if header[0] not in left_out), _AUTHORIZATION],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8_001),
        "state": {},
    }
    read_head(scope)
    _SENDER.sign(scope)
    choose(scope, choice)
    return scope
