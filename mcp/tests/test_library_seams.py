"""What the gateway relies on inside its libraries, each tried on the library itself.

A test that fails after an upgrade names a function of `library_seams.py`: what it says is no longer true, or
no longer needed.
"""

import asyncio
import json
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Self

import anyio
import fastmcp
import fastmcp.server.auth.oauth_proxy.proxy
import fastmcp.server.auth.providers.jwt
import fastmcp.telemetry
import httpx
import mcp.server.runner
import mcp.server.sse
import mcp.server.streamable_http
import pytest
import starlette.requests
import starlette.responses
import urllib3.connectionpool
import uvicorn
from fastmcp import FastMCP
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp.shared.message import SessionMessage
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS
from opentelemetry.exporter.otlp.proto.http import trace_exporter
from sse_starlette import EventSourceResponse
from sse_starlette.sse import AppStatus
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.server import ServerState

from tests.harness.clients import HELLO, META
from toolbridge_mcp import library_seams
from toolbridge_mcp.choice import Choice, current_choice
from toolbridge_mcp.identity import AccessToken, Sender
from toolbridge_mcp.library_seams import (
    DISCONNECT_ERRORS,
    DISCONNECT_LOGGERS,
    LAST_EVENT_HEADER,
    LOG_LEVELS,
    MAX_BODY_BYTES,
    MESSAGE_EVENT,
    SEEN_IN,
    SESSION_HEADER,
    VERSION_HEADER,
    UvicornConnection,
    UvicornServer,
)
from toolbridge_mcp.message import handling
from toolbridge_mcp.web.sessions.exchanges import Exchange, UnreadAnswers

pytestmark = pytest.mark.anyio
BOTH = "application/json, text/event-stream"


class Methods(Middleware):
    """The methods that a server was asked for."""

    def __init__(self) -> None:
        self.seen: list[str | None] = []

    async def __call__(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        self.seen.append(context.method)
        return await call_next(context)


@pytest.fixture
def methods() -> Methods:
    return Methods()


@pytest.fixture
def plain_server(methods: Methods) -> FastMCP:
    """FastMCP with one tool and nothing of ours."""
    server: FastMCP = FastMCP("plain", middleware=[methods])
    server.tool(lambda text: text, name="echo")
    return server


@asynccontextmanager
async def over_asgi(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        yield http


def scope_of(method: str, path: str, headers: dict[str, str] | None = None, query: bytes = b"") -> Scope:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": query,
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "http_version": "1.1",
    }


def request_of(body: object, *, disconnects: bool = False) -> Callable[[], Awaitable[Message]]:
    """Receives the body, and then waits forever or disconnects."""
    messages = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        if not disconnects:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    return receive


class Stream:
    """An open SSE stream of an application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._closed = asyncio.Event()

    async def run(self) -> None:
        await self._app(scope_of("GET", "/sse"), self._disconnect, self._messages.put)

    def close(self) -> None:
        self._closed.set()

    async def _disconnect(self) -> Message:
        await self._closed.wait()
        return {"type": "http.disconnect"}

    async def body(self) -> Message:
        """The next message with a body."""
        with anyio.fail_after(5):
            while not (message := await self._messages.get()).get("body"):
                pass
        return message

    async def answer(self) -> dict[str, Any]:
        body: bytes = (await self.body())["body"]
        answer: dict[str, Any] = json.loads(body.partition(b"data: ")[2])
        return answer


@asynccontextmanager
async def open_stream(app: ASGIApp) -> AsyncIterator[Stream]:
    stream = Stream(app)
    async with anyio.create_task_group() as group:
        group.start_soon(stream.run)
        try:
            yield stream
        finally:
            stream.close()


@asynccontextmanager
async def sse_app(server: FastMCP) -> AsyncIterator[ASGIApp]:
    app = server.http_app(transport="sse")
    async with app.lifespan(app):
        yield app


@pytest.mark.parametrize("library", SEEN_IN)
def test_the_versions_are_those_that_are_installed(library: str) -> None:
    assert version(library).rpartition(".")[0] == SEEN_IN[library]


def test_telemetry_can_be_turned_off_after_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastmcp.settings, "telemetry_mode", "native")
    assert fastmcp.telemetry.native_spans_enabled()
    library_seams.turn_off_telemetry()
    assert not fastmcp.telemetry.native_spans_enabled()


async def test_the_sdk_lists_all_tools_for_a_call_unless_it_has_the_schemas(
    plain_server: FastMCP, methods: Methods
) -> None:
    params = {"name": "echo", "arguments": {"text": "a"}, "_meta": META}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {
        "Accept": BOTH,
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "echo",
    }
    app = plain_server.http_app(transport="http", json_response=True)
    async with app.lifespan(app), over_asgi(app) as http:
        assert (await http.post("/mcp", json=call, headers=headers)).status_code == 200
        assert methods.seen == ["tools/list", "tools/call"]
        tools = await plain_server.list_tools()
        schemas = {tool.name: tool.parameters for tool in tools}
        library_seams.publish_input_schemas(plain_server, schemas.get)
        methods.seen.clear()
        assert (await http.post("/mcp", json=call, headers=headers)).status_code == 200
        assert methods.seen == ["tools/call"]


@pytest.mark.parametrize("chosen", [frozenset({"work"}), None])
async def test_a_schema_is_asked_for_where_the_choice_of_the_message_is_known(
    chosen: Choice, plain_server: FastMCP
) -> None:
    """A name may mean another tool, with another schema, for another address."""
    asked: list[tuple[str, Choice]] = []
    library_seams.publish_input_schemas(plain_server, lambda name: asked.append((name, current_choice())))
    params = {"name": "echo", "arguments": {"text": "a"}, "_meta": META}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {
        "Accept": BOTH,
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "echo",
    }
    app = plain_server.http_app(transport="http", json_response=True)

    async def choosing(scope: Scope, receive: Receive, send: Send) -> None:
        token = AccessToken(token="", client_id="", scopes=[], subject="ann")
        with handling(Exchange(UnreadAnswers(100_000, 100_000), Sender.of(token), choice=chosen)):
            await app(scope, receive, send)

    async with app.lifespan(app), over_asgi(choosing) as http:
        assert (await http.post("/mcp", json=call, headers=headers)).status_code == 200
    assert asked == [("echo", chosen)]


async def test_the_endpoint_event_is_one_message_with_the_session_id(plain_server: FastMCP) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    async with sse_app(plain_server) as app, open_stream(app) as stream, over_asgi(app) as http:
        event = await stream.body()
        session_id = library_seams.session_id_in_endpoint_event(event)
        assert session_id is not None
        assert event["body"] == b"event: endpoint\r\ndata: /messages/?session_id=" + session_id + b"\r\n\r\n"
        path = f"/messages/?session_id={session_id.decode()}"
        assert (await http.post(path, json=ping)).status_code == 202
        message = await stream.body()
        assert library_seams.session_id_in_endpoint_event(message) is None


async def test_a_session_serves_calls_once_it_is_declared_initialized(plain_server: FastMCP) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    async with sse_app(plain_server) as app, open_stream(app) as stream, over_asgi(app) as http:
        session_id = library_seams.session_id_in_endpoint_event(await stream.body()) or b""
        path = f"/messages/?session_id={session_id.decode()}"
        assert (await http.post(path, json=call)).status_code == 202
        assert "error" in await stream.answer()
        post = library_seams.initialized_notification(scope_of("GET", "/sse"), "/messages/", session_id)
        await app(*post)
        assert (await http.post(path, json=call)).status_code == 202
        assert "result" in await stream.answer()


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 400), (MAX_BODY_BYTES + 1, 413)])
async def test_a_message_may_have_so_many_bytes(size: int, status: int, plain_server: FastMCP) -> None:
    async with sse_app(plain_server) as app, open_stream(app) as stream, over_asgi(app) as http:
        session_id = library_seams.session_id_in_endpoint_event(await stream.body()) or b""
        answer = await http.post(f"/messages/?session_id={session_id.decode()}", content=b" " * size)
    assert answer.status_code == status


async def test_a_message_is_one_event_and_one_piece(plain_server: FastMCP) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    async with sse_app(plain_server) as app, open_stream(app) as stream, over_asgi(app) as http:
        session_id = library_seams.session_id_in_endpoint_event(await stream.body()) or b""
        await http.post(f"/messages/?session_id={session_id.decode()}", json=ping)
        body: bytes = (await stream.body())["body"]
    assert body.startswith(MESSAGE_EVENT + b"data: {")
    assert body.endswith(b"}\r\n\r\n")


async def test_a_request_is_handled_and_answered_in_one_task(plain_server: FastMCP) -> None:
    seen: list[tuple[str | None, object]] = []

    class Messages:
        """Records what is sent through it."""

        def __init__(self, messages: library_seams.MessageStream) -> None:
            self.messages = messages
            self.aclose = messages.aclose

        async def send(self, item: SessionMessage, /) -> None:
            seen.append(("sent", asyncio.current_task()))
            await self.messages.send(item)

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            await self.aclose()

    async def begin(method: str | None, peer: library_seams.Peer, meta: Mapping[str, Any] | None) -> None:
        seen.append((method, asyncio.current_task()))
        assert peer.takes_calls or method is None
        metas.append(meta)

    codes: list[int] = []
    metas: list[Mapping[str, Any] | None] = []
    library_seams.begin_messages(plain_server, begin, codes.append, lambda *_: {})
    library_seams.send_through(plain_server, Messages)
    async with sse_app(plain_server) as app, open_stream(app) as stream, over_asgi(app) as http:
        session_id = library_seams.session_id_in_endpoint_event(await stream.body()) or b""
        path = f"/messages/?session_id={session_id.decode()}"
        await http.post(path, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        params = {"_meta": {"a": {"b": 1}}}
        await http.post(path, json={"jsonrpc": "2.0", "id": 1, "method": "ping", "params": params})
        await stream.body()
        assert [what for what, _ in seen] == [None, "ping", "sent"]
        assert metas == [None, {"a": {"b": 1}}]
        assert seen[1][1] is seen[2][1]
        await http.post(path, json={"jsonrpc": "2.0", "id": 2, "method": "nothing"})
        await stream.body()
        await http.post(path, json={"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": 1}})
        await stream.body()
    assert codes == [-32601, -32602]


@pytest.mark.parametrize(("one", "other", "same"), [(7, "7", True), ("a", "a", True), (7, "8", False)])
async def test_the_sdk_cancels_by_this_key(
    one: int | str, other: int | str, same: bool, plain_server: FastMCP
) -> None:
    go_on = asyncio.Event()
    plain_server.tool(go_on.wait, name="wait")
    params = {"name": "wait", "arguments": {}}
    call = {"jsonrpc": "2.0", "id": one, "method": "tools/call", "params": params}
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": other}}
    async with sse_app(plain_server) as app, open_stream(app) as stream, over_asgi(app) as http:
        session_id = library_seams.session_id_in_endpoint_event(await stream.body()) or b""
        path = f"/messages/?session_id={session_id.decode()}"
        await http.post(path, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        await http.post(path, json=call)
        await asyncio.sleep(0.05)
        await http.post(path, json=cancel)
        await asyncio.sleep(0.05)
        go_on.set()
        await http.post(path, json={"jsonrpc": "2.0", "id": "last", "method": "ping"})
        answered = (await stream.answer())["id"]
    assert (library_seams.correlation_key(one) == library_seams.correlation_key(other)) == same
    assert (answered == "last") == same


def test_the_headers_are_the_sdks() -> None:
    assert mcp.server.streamable_http.MCP_SESSION_ID_HEADER.lower() == SESSION_HEADER
    assert mcp.server.streamable_http.LAST_EVENT_ID_HEADER.lower() == LAST_EVENT_HEADER
    assert MCP_PROTOCOL_VERSION_HEADER.lower() == VERSION_HEADER


@pytest.mark.parametrize("revision", [None, *sorted(HANDSHAKE_PROTOCOL_VERSIONS), "2026-07-28", "3000-01-01"])
async def test_a_request_opens_a_session_in_the_revisions_that_have_some(
    revision: str | None, plain_server: FastMCP
) -> None:
    named = {"MCP-Protocol-Version": revision} if revision else {}
    app = plain_server.http_app(transport="http", json_response=True)
    async with app.lifespan(app), over_asgi(app) as http:
        answer = await http.post("/mcp", json=HELLO, headers={"Accept": BOTH, **named})
    assert (SESSION_HEADER in answer.headers) == library_seams.has_sessions(revision)


@pytest.mark.parametrize("accept", [BOTH, "text/event-stream;q=0.5", "*/*", "application/json", ""])
async def test_a_get_is_answered_with_a_stream_if_it_accepts_events(
    accept: str, plain_server: FastMCP
) -> None:
    app = plain_server.http_app(transport="http", json_response=True)
    async with app.lifespan(app), over_asgi(app) as http:
        opened = await http.post("/mcp", json=HELLO, headers={"Accept": BOTH})
        session = {SESSION_HEADER: opened.headers[SESSION_HEADER], "Accept": accept}
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        scope = scope_of("GET", "/mcp", session)
        await app(scope, request_of({}, disconnects=True), send)
    assert library_seams.accepts_events(scope) == (sent[0]["status"] == 200)


@pytest.fixture
async def one_session(plain_server: FastMCP) -> AsyncIterator[StreamableHTTPSessionManager]:
    """The SDK's sessions of Streamable HTTP, of which there may be one."""
    manager = StreamableHTTPSessionManager(plain_server._mcp_server, json_response=True, max_sessions=1)
    async with manager.run():
        yield manager


async def opening(
    manager: StreamableHTTPSessionManager, body: object, *, accept: str = BOTH, disconnects: bool = False
) -> int:
    """The status of a request that may open a session."""
    statuses: list[int] = []

    async def send(message: Message) -> None:
        statuses.append(message.get("status", 0))

    headers = {"Accept": accept, "Content-Type": "application/json"}
    await manager.handle_request(
        scope_of("POST", "/mcp", headers), request_of(body, disconnects=disconnects), send
    )
    return statuses[0]


async def test_the_sdk_discards_a_session_whose_opening_is_refused(
    one_session: StreamableHTTPSessionManager,
) -> None:
    assert await opening(one_session, HELLO, accept="text/html") == 406
    assert await opening(one_session, {}) == 400
    assert await opening(one_session, HELLO) == 200


async def test_the_sdk_keeps_a_session_whose_opening_is_an_error_with_status_200(
    one_session: StreamableHTTPSessionManager,
) -> None:
    assert await opening(one_session, HELLO | {"params": {}}) == 200
    assert await opening(one_session, HELLO) == 503


async def test_the_sdk_keeps_a_session_whose_client_disconnects_while_it_opens(
    one_session: StreamableHTTPSessionManager,
) -> None:
    assert await opening(one_session, HELLO, disconnects=True) == 200
    assert await opening(one_session, HELLO) == 503


async def test_a_stream_that_shall_be_resumed_is_not_answered(plain_server: FastMCP) -> None:
    app = plain_server.http_app(transport="http", json_response=True)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async with app.lifespan(app), over_asgi(app) as http:
        opened = await http.post("/mcp", json=HELLO, headers={"Accept": BOTH})
        headers = {"Accept": BOTH, SESSION_HEADER: opened.headers[SESSION_HEADER], LAST_EVENT_HEADER: "1"}
        with anyio.move_on_after(1):
            await app(scope_of("GET", "/mcp", headers), request_of({}), send)
    assert sent == []


@pytest.fixture
def sse_starlette_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        EventSourceResponse, "DEFAULT_PING_INTERVAL", EventSourceResponse.DEFAULT_PING_INTERVAL
    )
    monkeypatch.setattr(AppStatus, "enable_automatic_graceful_drain", True)
    monkeypatch.setattr(AppStatus, "should_exit", False)


@pytest.mark.usefixtures("sse_starlette_as_it_was")
async def test_the_sdks_streams_get_comments_as_often_as_said(plain_server: FastMCP) -> None:
    library_seams.keep_streams_open(0.05)
    async with sse_app(plain_server) as app, open_stream(app) as stream:
        await stream.body()
        assert (await stream.body())["body"].startswith(b": ping")


@pytest.mark.usefixtures("sse_starlette_as_it_was")
def test_a_signal_does_not_end_streams() -> None:
    server = uvicorn.Server(uvicorn.Config(FastMCP("plain").http_app()))
    server.handle_exit(signal.SIGTERM, None)
    assert AppStatus.should_exit
    AppStatus.should_exit = False
    library_seams.keep_streams_open(10)
    server.handle_exit(signal.SIGTERM, None)
    assert (server.should_exit, AppStatus.should_exit) == (True, False)


@pytest.mark.usefixtures("sse_starlette_as_it_was")
def test_a_second_interrupt_asks_the_server_to_hurry() -> None:
    server = UvicornServer(uvicorn.Config(FastMCP("plain").http_app()))
    server.handle_exit(signal.SIGINT, None)
    assert not server.force_exit
    server.handle_exit(signal.SIGINT, None)
    assert server.force_exit


async def test_the_server_ends_with_its_shutdown() -> None:
    ends: list[object] = []

    class Server(UvicornServer):
        async def shutdown(self, sockets: Any = None) -> None:
            ends.append(self.lifespan)
            await super().shutdown(sockets)

    server = Server(uvicorn.Config(FastMCP("plain").http_app(), port=0, log_config=None))
    server.should_exit = True
    await server.serve()
    assert len(ends) == 1


async def test_a_connection_calls_what_the_gateway_overrides_and_bounds_no_head() -> None:
    calls: list[str] = []

    class Connection(UvicornConnection):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            calls.append("connection_made")
            super().connection_made(transport)

        def data_received(self, data: bytes) -> None:
            calls.append("data_received")
            super().data_received(data)

        def on_message_begin(self) -> None:
            calls.append("on_message_begin")
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            calls.append("on_headers_complete")
            self.send_400_response("refused")

        def connection_lost(self, exc: Exception | None) -> None:
            calls.append("connection_lost")
            super().connection_lost(exc)

    assert not vars(Connection).keys() - vars(UvicornConnection).keys() - {"__static_attributes__"}
    config = uvicorn.Config(FastMCP("plain").http_app(), log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(config, ServerState(), {}), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 500_000)
        await writer.drain()
        writer.write(b"\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()
    assert list(dict.fromkeys(calls)) == [
        "connection_made",
        "data_received",
        "on_message_begin",
        "on_headers_complete",
        "connection_lost",
    ]


async def test_a_connection_loses_the_body_behind_an_offer_of_another_protocol() -> None:
    """`RequestParser` is no longer needed when this fails."""
    bodies: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        bodies.append(await starlette.requests.Request(scope, receive).body())
        await starlette.responses.Response("served")(scope, receive, send)

    config = uvicorn.Config(app, log_config=None, ws="none")
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: UvicornConnection(config, ServerState(), {}), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n")
        writer.write(b"Content-Length: 5\r\n\r\nhello")
        await reader.readuntil(b"served")
        writer.close()
    assert bodies == [b""]


async def test_a_connection_counts_answers_and_waits_for_its_client() -> None:
    calls: list[str] = []

    class Connection(UvicornConnection):
        def on_response_complete(self) -> None:
            calls.append(f"on_response_complete, {len(self.pipeline)} waiting")
            super().on_response_complete()

        def pause_writing(self) -> None:
            calls.append(f"pause_writing {self.cycle.scope['path']}")
            super().pause_writing()

        def resume_writing(self) -> None:
            calls.append("resume_writing")
            super().resume_writing()

    config = uvicorn.Config(starlette.responses.Response(b"x" * 30_000_000), log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(config, ServerState(), {}), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(30_000_000)
        writer.transport.abort()
    assert calls[:3] == ["pause_writing /a", "on_response_complete, 1 waiting", "resume_writing"]


def test_the_libraries_log_under_these_names() -> None:
    names = {
        fastmcp.server.auth.oauth_proxy.proxy.logger.name.removesuffix(".proxy"),
        fastmcp.server.auth.providers.jwt.logger.name.removesuffix(".providers.jwt"),
        mcp.server.runner.logger.name,
        mcp.server.sse.logger.name,
        mcp.server.streamable_http.logger.name,
        uvicorn.server.logger.name,
    }
    whole = {"fastmcp", "mcp", "opentelemetry", "urllib3", "uvicorn"}
    assert names == LOG_LEVELS.keys() - whole | set(DISCONNECT_LOGGERS)
    names |= {trace_exporter._logger.name, urllib3.connectionpool.log.name}
    assert all(logging.getLogger(name.partition(".")[0]).name in LOG_LEVELS for name in names)


def test_a_disconnect_is_reported_by_these_exceptions() -> None:
    kinds = (anyio.ClosedResourceError, anyio.BrokenResourceError, starlette.requests.ClientDisconnect)
    assert {kind.__name__ for kind in kinds} == DISCONNECT_ERRORS
