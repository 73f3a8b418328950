"""What one user's messages may occupy, and which messages are none, over every transport."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from typing import Any

import anyio
import httpx
import pytest
from mcp import MCPError
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from tests.harness.clients import HELLO, META, Tools, over_http, over_sse, token
from tests.harness.processes import Process, gateway_process, running
from toolbridge_mcp.identity import AccessToken, Sender
from toolbridge_mcp.resilience import RateLimit
from toolbridge_mcp.web import BodyLimits, DoorLimits, Room
from toolbridge_mcp.web import door as door_module
from toolbridge_mcp.web.door import Door, OpenPosts
from toolbridge_mcp.web.head import read_head

pytestmark = pytest.mark.anyio
TRANSPORTS = ["sse", "2025-11-25", "2026-07-28"]
ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
NO_MESSAGES = {
    "id null": {"jsonrpc": "2.0", "id": None, "method": "tools/list", "params": {"_meta": META}},
    "id 1.5": {"jsonrpc": "2.0", "id": 1.5, "method": "tools/list", "params": {"_meta": META}},
    "id true": {"jsonrpc": "2.0", "id": True, "method": "tools/list", "params": {"_meta": META}},
    "id a list": {"jsonrpc": "2.0", "id": [1], "method": "tools/list", "params": {"_meta": META}},
    "id an object": {"jsonrpc": "2.0", "id": {}, "method": "tools/list", "params": {"_meta": META}},
    "no version": {"id": 1, "method": "tools/list", "params": {"_meta": META}},
    "another version": {"jsonrpc": "1.0", "id": 1, "method": "tools/list", "params": {"_meta": META}},
    "a method that is a number": {"jsonrpc": "2.0", "id": 1, "method": 5},
    "params that are a list": {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": [1]},
    "a batch": [{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}],
    "an empty batch": [],
    "nothing in it": {},
    "a text": "tools/list",
    "a response without an id": {"jsonrpc": "2.0", "result": {}},
}


class Way:
    """A session of one user over one transport, by hand."""

    def __init__(self, http: httpx.AsyncClient, path: str, events: AsyncIterator[Any] | None) -> None:
        self._http = http
        self._path = path
        self._events = events

    async def post(self, message: Any) -> httpx.Response:
        is_body = isinstance(message, bytes | AsyncIterator)
        content = message if is_body else json.dumps(message).encode()
        return await self._http.post(self._path, content=content)

    async def error(self, message: object) -> dict[str, Any]:
        """The error of JSON-RPC that answers a request."""
        answer = await self.post(message)
        if self._events:
            assert answer.status_code == 202
            return dict((await anext(self._events))["error"])
        assert 400 <= answer.status_code < 600
        return dict(answer.json()["error"])


@asynccontextmanager
async def connected(gateway: Process, user: str, transport: str) -> AsyncIterator[Way]:
    headers = {**ACCEPT, "Authorization": f"Bearer {token(user)}"}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, headers=headers, timeout=30) as http:
        if transport == "2026-07-28":
            http.headers.update({"MCP-Protocol-Version": transport, "Mcp-Method": "tools/list"})
            yield Way(http, "/mcp", None)
        elif transport == "2025-11-25":
            opened = await http.post("/mcp", json=HELLO)
            http.headers["Mcp-Session-Id"] = opened.headers["Mcp-Session-Id"]
            yield Way(http, "/mcp", None)
        else:
            async with http.stream("GET", "/sse") as stream:
                lines = stream.aiter_lines()
                data = (line.removeprefix("data: ") async for line in lines if line.startswith("data: "))
                path = await anext(data)
                yield Way(http, path, (json.loads(text) async for text in data))


def listing(size: int, request_id: object = 5) -> dict[str, Any]:
    """A request that is no tool call, of this many bytes and some."""
    params = {"x": "x" * size, "_meta": META}
    return {"jsonrpc": "2.0", "id": request_id, "method": "tools/list", "params": params}


def calling(value: object) -> dict[str, Any]:
    params = {"name": "create_note", "arguments": {"title": value}}
    return {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("what", NO_MESSAGES)
async def test_what_is_no_message_gets_400(what: str, transport: str, gateway: Process, user: str) -> None:
    async with connected(gateway, user, transport) as way:
        answer = await way.post(NO_MESSAGES[what])
        assert answer.status_code == 400
        error = answer.json()
        assert (error["jsonrpc"], error["error"]["code"]) == ("2.0", -32600)
        assert error["error"]["message"].startswith("Invalid Request: ")


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_what_is_no_json_gets_400(transport: str, gateway: Process, user: str) -> None:
    async with connected(gateway, user, transport) as way:
        for body in (b"", b'{"jsonrpc": ', b"\xff"):
            answer = await way.post(body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32700)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_notification_gets_202(transport: str, gateway: Process, user: str) -> None:
    async with connected(gateway, user, transport) as way:
        answer = await way.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert answer.status_code == 202


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_message_may_come_in_chunks(transport: str, gateway: Process, user: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        body = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode()
        await asyncio.sleep(0.05)
        for start in range(0, len(body), 10):
            yield body[start : start + 10]
            await asyncio.sleep(0.01)

    async with connected(gateway, user, transport) as way:
        assert (await way.post(chunks())).status_code == 202


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_only_a_tool_call_may_be_large(transport: str, gateway: Process, user: str) -> None:
    async with connected(gateway, user, transport) as way:
        for request in (listing(100_000), dict(reversed(listing(100_000).items()))):
            assert "Only a tool call may have more than" in (await way.error(request))["message"]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_message_of_many_values_is_refused(transport: str, gateway: Process, user: str) -> None:
    async with connected(gateway, user, transport) as way:
        assert "more than 20000 values" in (await way.error(calling([1] * 100_000)))["message"]


@pytest.mark.parametrize("connect", [over_sse, over_http])
async def test_a_large_note_is_created(connect: Any, gateway: Process, bearer: str) -> None:
    text = '1,"a",[2],{3}\n' * 8_000
    async with connect(gateway.url, bearer) as tools:
        created = await tools.call("create_note", title="t", content=text)
        assert (await tools.call("get_note", uid=created["uid"]))["payload"]["content"] == text


@pytest.fixture(scope="module")
def strict(api: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A gateway with low limits."""
    settings = {
        "TOOLBRIDGE_MESSAGE_RATE": "20:20",
        "TOOLBRIDGE_BYTE_RATE": "6000:5000000",
        "TOOLBRIDGE_MAX_BODIES_PER_USER": "2",
        "TOOLBRIDGE_MAX_BODY_BYTES_PER_USER": "5000000",
        "TOOLBRIDGE_BODY_SECONDS": "7",
    }
    with running(gateway_process(api.url, tmp_path_factory.mktemp("strict"), **settings)) as process:
        yield process


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_every_message_counts_against_its_users_rate(
    transport: str, strict: Process, user: str
) -> None:
    async with connected(strict, user, transport) as way:
        notification = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        taken = 0
        while (answer := await way.post(notification)).status_code == 202:
            taken += 1
        assert (answer.status_code, taken >= 15) == (429, True)
        assert answer.headers["Retry-After"] in ("1", "2", "3")
        refused = await way.error(listing(0))
        assert refused["code"] == -32000
        assert "too many messages. Wait " in refused["message"]
    async with connected(strict, user + "-2", transport) as way:
        assert (await way.post(notification)).status_code == 202


async def list_many_times(tools: Tools) -> None:
    for _ in range(60):
        await tools.client.list_tools()


@pytest.mark.parametrize("connect", [over_sse, over_http])
async def test_the_official_client_goes_on_after_a_refused_message(
    connect: Any, strict: Process, user: str
) -> None:
    async with connect(strict.url, token(user)) as tools:
        with anyio.fail_after(30):
            with pytest.raises(MCPError):
                await list_many_times(tools)
            await asyncio.sleep(7)
            await tools.client.list_tools()


async def test_bytes_count_against_their_users_rate(strict: Process, user: str) -> None:
    async with connected(strict, user, "2026-07-28") as way:
        for _ in range(2):
            await way.post(calling("x" * 2_000_000))
        answer = await way.post(calling("x" * 2_000_000))
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 60
        assert "sends too much" in answer.json()["error"]["message"]


def head(gateway: Process, bearer: str, length: int, framing: str = "Content-Length: %d") -> bytes:
    lines = [
        "POST /mcp HTTP/1.1",
        f"Host: 127.0.0.1:{gateway.port}",
        f"Authorization: Bearer {bearer}",
        "MCP-Protocol-Version: 2026-07-28",
        *(f"{name}: {value}" for name, value in ACCEPT.items()),
        framing % length if "%d" in framing else framing,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def status_of(reader: asyncio.StreamReader) -> bytes:
    with anyio.fail_after(20):
        return (await reader.readuntil(b"\r\n"))[9:12]


@pytest.mark.parametrize("length", [10, 100, 4_000_000])
@pytest.mark.parametrize("framing", ["Content-Length: %d", "Transfer-Encoding: chunked"])
async def test_a_body_that_does_not_end_gets_408_and_gives_its_room_back(
    framing: str, length: int, strict: Process, user: str
) -> None:
    started = calling("x" * length)
    sent = json.dumps(started).encode()[: length - 10]
    if "chunked" in framing and sent:
        sent = b"%x\r\n%s\r\n" % (len(sent), sent)
    reader, writer = await asyncio.open_connection("127.0.0.1", strict.port)
    with closing(writer):
        writer.write(head(strict, token(user), length, framing) + sent)
        assert await status_of(reader) == b"408"
    async with httpx.AsyncClient(base_url=strict.url, trust_env=False) as http:
        with anyio.fail_after(5):
            while 'toolbridge_held{kind="body_bytes"} 0.0' not in (await http.get("/metrics")).text:
                await asyncio.sleep(0.05)


async def test_a_trickle_gets_408_though_it_never_pauses(strict: Process, user: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", strict.port)
    with closing(writer):
        writer.write(head(strict, token(user), 100_000))
        answered = asyncio.ensure_future(status_of(reader))
        while not answered.done():
            writer.write(b" ")
            await asyncio.sleep(0.05)
        assert await answered == b"408"


async def test_a_users_slow_bodies_leave_room_for_others(strict: Process, user: str) -> None:
    streams = [await asyncio.open_connection("127.0.0.1", strict.port) for _ in range(3)]
    for _, writer in streams:
        writer.write(head(strict, token(user), 100_000) + b"x" * 90_000)
    with anyio.fail_after(20):
        first = await asyncio.wait(
            [asyncio.ensure_future(status_of(reader)) for reader, _ in streams],
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert {done.result() for done in first[0]} <= {b"408", b"429"}
        async with over_http(strict.url, token(user + "-2")) as tools:
            await tools.call("list_notes")
        statuses = sorted([done.result() for done in first[0]] + [await left for left in first[1]])
    assert statuses == [b"408", b"408", b"429"]
    for _, writer in streams:
        writer.close()


async def test_a_body_without_a_valid_token_is_not_read(gateway: Process) -> None:
    for bearer in ("x", token("user", exp=1)):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        with closing(writer):
            writer.write(head(gateway, bearer, 4_000_000) + b"x")
            assert await status_of(reader) == b"401"


# The deadline, on an application that the gateway does not have


SOMEONE = Sender.of(AccessToken(token="t", client_id="c", scopes=[], subject="s", claims={"iss": "i"}))


def door(app: Any, posts: OpenPosts) -> Door:
    bodies = BodyLimits(number=Room(9, 9), size=Room(9, 9), rate=None, seconds=9)
    return Door(app, limits=DoorLimits(RateLimit(60, 60), bodies, call_seconds=0.1), posts=posts)


async def through(app: Any, sent: list[Message] | None = None) -> list[Message]:
    """What is sent, in a list that may be given."""
    sent = [] if sent is None else sent

    async def receive() -> Message:
        return {"type": "http.request", "body": json.dumps(listing(0)).encode(), "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": []}
    read_head(scope)
    SOMEONE.sign(scope)
    posts = OpenPosts()
    serving = asyncio.ensure_future(door(app, posts)(scope, receive, send))
    while not serving.done():
        await asyncio.sleep(0.01)
        posts.sweep()
    await serving
    return sent


async def test_a_post_that_is_not_answered_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "GRACE_SECONDS", 0)

    async def never(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await receive()
        await asyncio.sleep(60)

    with anyio.fail_after(5):
        sent = await through(never)
    assert sent[0]["status"] == 504
    assert b"may or may not have been made" in sent[1]["body"]


async def test_a_stream_may_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "GRACE_SECONDS", 0)

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await asyncio.sleep(0.3)
        await send({"type": "http.response.body", "body": b"late"})

    assert (await through(stream))[-1]["body"] == b"late"


async def test_a_message_is_accepted_when_its_session_has_taken_it() -> None:
    async def accepting(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await Response(status_code=202)(scope, receive, send)
        await asyncio.sleep(0.05)
        taken.append(len(seen))

    seen: list[Message] = []
    taken: list[int] = []
    assert (await through(accepting, seen))[0]["status"] == 202
    assert taken == [0]
