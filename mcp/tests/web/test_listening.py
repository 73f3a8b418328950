"""The stream of a session of Streamable HTTP: the newest one gets the messages, and the older one ends."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
from fastmcp import Context, FastMCP
from starlette.types import ASGIApp, Message, Scope

from tests.harness.clients import HELLO, token
from tests.harness.processes import Process
from toolbridge_mcp.identity import AccessToken, Sender
from toolbridge_mcp.web import Machine, SessionLimits, ShortWay, StreamLimits
from toolbridge_mcp.web.answers import Answers
from toolbridge_mcp.web.head import read_head
from toolbridge_mcp.web.sessions import HttpSessionMiddleware, HttpSessions, OpenStreams, UnreadAnswers

pytestmark = pytest.mark.anyio
ACCEPT = {"Accept": "application/json, text/event-stream"}
PING = {"jsonrpc": "2.0", "id": 2, "method": "ping"}


def of(user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(user)}", **ACCEPT}


@asynccontextmanager
async def session_of(gateway: Process, user: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, headers=of(user), timeout=10) as http:
        opened = await http.post("/mcp", json=HELLO)
        http.headers["Mcp-Session-Id"] = opened.headers["Mcp-Session-Id"]
        yield http


async def ended(stream: httpx.Response) -> str:
    """All that a stream sent, which must end soon and as HTTP wants it."""
    with anyio.fail_after(3):
        return "".join([text async for text in stream.aiter_text()])


@pytest.mark.parametrize("missed", [{}, {"Last-Event-ID": "1"}])
async def test_a_newer_stream_takes_over(missed: dict[str, str], gateway: Process, user: str) -> None:
    async with session_of(gateway, user) as http, AsyncExitStack() as stack:
        streams = []
        for _ in range(3):
            stream = await stack.enter_async_context(http.stream("GET", "/mcp", headers=missed))
            assert stream.status_code == 200
            streams.append(stream)
        assert [await ended(stream) for stream in streams[:2]] == ["", ""]
        with pytest.raises(TimeoutError), anyio.fail_after(0.5):
            await streams[2].aread()
        assert (await http.post("/mcp", json=PING)).status_code == 200


async def test_many_streams_at_once_leave_one(gateway: Process, user: str) -> None:
    async with session_of(gateway, user) as http:
        open_now: set[int] = set()

        async def listen(number: int) -> None:
            async with http.stream("GET", "/mcp") as stream:
                assert stream.status_code == 200
                open_now.add(number)
                async for _ in stream.aiter_raw():
                    pass
                open_now.discard(number)

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(listen, number)
            with anyio.fail_after(5):
                await anyio.sleep(0.5)
                while len(open_now) != 1:
                    await anyio.sleep(0.05)
            group.cancel_scope.cancel()


async def test_a_proxy_that_holds_the_older_stream_does_not_keep_out_the_newer(
    gateway: Process, user: str
) -> None:
    async with session_of(gateway, user) as http:
        fields = {**of(user), "Host": "127.0.0.1", "Mcp-Session-Id": http.headers["Mcp-Session-Id"]}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as half_dead:
            half_dead.sendall(f"GET /mcp HTTP/1.1\r\n{head}\r\n".encode())
            assert half_dead.recv(15) == b"HTTP/1.1 200 OK"
            with anyio.fail_after(3):
                async with http.stream("GET", "/mcp") as stream:
                    assert stream.status_code == 200
            received = b""
            while not received.endswith(b"0\r\n\r\n"):
                received += half_dead.recv(4096)


async def test_a_stream_that_is_refused_ends_no_other(gateway: Process, user: str) -> None:
    async with session_of(gateway, user) as http, http.stream("GET", "/mcp") as stream:
        for changes in ({"Accept": "image/png"}, {"Authorization": of("somebody-else")["Authorization"]}):
            assert (await http.get("/mcp", headers=changes)).status_code in (404, 406)
        with pytest.raises(TimeoutError), anyio.fail_after(0.5):
            await stream.aread()


ANN = Sender.of(AccessToken(token="t", client_id="c", scopes=["read"], subject="ann"))


class Asked:
    """A request to an application, and what it answers."""

    def __init__(self, app: ASGIApp, method: str, body: object, headers: dict[str, str]) -> None:
        fields = {**ACCEPT, "Content-Type": "application/json", **headers}
        self._scope: Scope = {
            "type": "http",
            "method": method,
            "path": "/mcp",
            "root_path": "",
            "query_string": b"",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "scheme": "http",
            "state": {},
            "headers": [(name.lower().encode(), value.encode()) for name, value in fields.items()],
        }
        ANN.sign(self._scope)
        read_head(self._scope)
        self._requests = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.task = asyncio.ensure_future(app(self._scope, self._receive, self.messages.put))

    async def _receive(self) -> Message:
        if not self._requests:
            await asyncio.Event().wait()
        return self._requests.pop()

    async def next(self) -> Message:
        with anyio.fail_after(3):
            return await self.messages.get()


async def _not_called(name: str, arguments: object) -> Any:
    raise AssertionError(f"{name} {arguments} went the short way")


@asynccontextmanager
async def listening_app() -> AsyncIterator[ASGIApp]:
    """FastMCP with one tool, which sends a message to the session's stream, behind the gateway's sessions."""
    server: FastMCP = FastMCP("plain")

    @server.tool
    async def change(context: Context) -> None:
        await context.session.send_tool_list_changed()

    app = server.http_app(transport="http", json_response=True)
    in_sessions = HttpSessionMiddleware(
        app,
        short_way=ShortWay(_not_called, {"resultType": "complete", "_meta": {}}, is_on=False),
        whole=Answers([]),
        sessions=HttpSessions(60),
        streams=OpenStreams(StreamLimits(60, 60, 60)),
        limits=SessionLimits(10, 10),
        answers=UnreadAnswers(1_000_000, 1_000_000),
        machine=Machine(None),
    )
    async with app.lifespan(app):
        yield in_sessions


async def test_the_newer_stream_gets_the_messages() -> None:
    params = {"name": "change", "arguments": {}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    async with listening_app() as app:
        opened = await Asked(app, "POST", HELLO, {}).next()
        session = {"Mcp-Session-Id": dict(opened["headers"])[b"mcp-session-id"].decode()}
        await Asked(app, "POST", {"jsonrpc": "2.0", "method": "notifications/initialized"}, session).task
        streams = [Asked(app, "GET", {}, session) for _ in range(3)]
        for stream in streams:
            assert (await stream.next())["status"] == 200
        await asyncio.wait([stream.task for stream in streams[:2]], timeout=3)
        assert [stream.task.done() for stream in streams] == [True, True, False]
        answer = Asked(app, "POST", call, session)
        await answer.task
        assert b"tools/list_changed" in (await streams[2].next())["body"]
        streams[2].task.cancel()
        await asyncio.wait([streams[2].task])
