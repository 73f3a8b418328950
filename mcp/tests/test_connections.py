"""One connection: its timers, its limits, and offers of another protocol."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from itertools import product

import anyio
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from toolbridge_mcp import connections
from toolbridge_mcp.connections import Connection, Connections
from toolbridge_mcp.uvicorn_server import listen

pytestmark = pytest.mark.anyio
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LONG = 30_000_000
"""Bytes, more than the system keeps for a connection."""

MIDDLING = 120_000
"""More than the system takes at once for a client with little room, and less than makes the server pause."""

OFFERS = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n",
    "tls": b"Connection: upgrade\r\nUpgrade: TLS/1.0, HTTP/1.1\r\n",
    "websocket": b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers method, path and body."""
    request = Request(scope, receive)
    body = await request.body()
    text = f"<{request.method} {request.url.path} ".encode() + body + b">"
    await PlainTextResponse(text)(scope, receive, send)


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers without reading the body."""
    await PlainTextResponse("<refused>", status_code=401)(scope, receive, send)


async def long_answer(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(b"x" * LONG)(scope, receive, send)


async def middling_answer(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(b"x" * MIDDLING)(scope, receive, send)


@asynccontextmanager
async def serving(
    app: object = echo, most: int = 100, most_each: int = 100, *proxies: str, keep_alive: int = 5
) -> AsyncIterator[int]:
    """The port of a server with such connections."""
    config = uvicorn.Config(app, log_config=None, ws="none", timeout_keep_alive=keep_alive)  # type: ignore[arg-type]
    config.load()
    loop, state, all_of_them = (
        asyncio.get_running_loop(),
        ServerState(),
        Connections(most, most_each, proxies),
    )
    make = partial(Connection, config, state, {}, connections=all_of_them)
    server = await loop.create_server(make, sock=listen("127.0.0.1", 0)[0])
    async with server:
        yield server.sockets[0].getsockname()[1]
    for connection in list(state.connections):
        connection.transport.abort()
    await asyncio.sleep(0)
    assert (all_of_them.room.total, all_of_them.half_heads.total) == (0, 0)


@asynccontextmanager
async def connected(
    port: int, window: int | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection; `window` is how many bytes the client's system keeps of what it does not read."""
    client = socket.socket()
    if window is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=client)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


@pytest.fixture
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(connections, "READING_SECONDS", 0.2)


async def read_until(reader: asyncio.StreamReader, end: bytes) -> bytes:
    with anyio.fail_after(5):
        return await reader.readuntil(end)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GET)
    await read_until(reader, b"<GET / >")


async def end_of(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server has closed or reset the connection."""
    got = bytearray()
    with anyio.fail_after(5), suppress(ConnectionResetError):
        while piece := await reader.read(1_000_000):
            got += piece
    return bytes(got)


@pytest.mark.usefixtures("short_times")
@pytest.mark.parametrize(
    ("answered", "sent"),
    [
        (0, b""),
        *product([0, 1, 2], [b"\r\n", b"G", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: x\r\n"]),
    ],
)
async def test_what_is_no_request_loses_its_connection(answered: int, sent: bytes) -> None:
    async with serving() as port, connected(port) as (reader, writer):
        for _ in range(answered):
            writer.write(GET)
            await read_until(reader, b"<GET / >")
        writer.write(sent)
        assert await end_of(reader) == b""


@pytest.mark.usefixtures("short_times")
async def test_more_bytes_give_a_head_no_more_time() -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n")
        ending = asyncio.ensure_future(end_of(reader))
        for _ in range(100):
            if ending.done():
                break
            writer.write(b"X: y\r\n")
            await asyncio.sleep(0.05)
        assert ending.done()


@pytest.mark.usefixtures("short_times")
async def test_a_head_that_trickles_behind_a_request_loses_its_connection() -> None:
    async def never(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await asyncio.sleep(60)

    async with serving(never) as port, connected(port) as (reader, writer):
        writer.write(GET + b"GET / HT")
        await end_of(reader)


@pytest.mark.usefixtures("short_times")
async def test_the_rest_of_a_body_that_nobody_reads_has_a_timer_too() -> None:
    async with serving(refuse) as port, connected(port) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
        await read_until(reader, b"<refused>")
        assert await end_of(reader) == b""


@pytest.mark.usefixtures("short_times")
async def test_a_body_that_ends_after_its_answer_leaves_the_connection_idle() -> None:
    async with serving(refuse) as port, connected(port) as (reader, writer):
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
            await read_until(reader, b"<refused>")
            writer.write(b"body")
            await asyncio.sleep(0.5)
        writer.write(b"GET / HTT")
        assert await end_of(reader) == b""


@pytest.mark.usefixtures("short_times")
async def test_an_idle_connection_behind_a_late_body_ends_with_its_time() -> None:
    async with serving(refuse, keep_alive=1) as port, connected(port) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
        await read_until(reader, b"<refused>")
        writer.write(b"body")
        assert await end_of(reader) == b""


@pytest.mark.usefixtures("short_times")
async def test_an_answer_that_is_not_read_loses_its_connection() -> None:
    async with serving(long_answer) as port, connected(port) as (reader, writer):
        writer.write(GET)
        await asyncio.sleep(1)
        got = len(await end_of(reader))
        assert 0 < got < LONG


@pytest.mark.usefixtures("short_times")
@pytest.mark.parametrize("pause", [0, 0.4])
async def test_a_client_that_has_read_an_answer_slowly_keeps_its_connection(pause: float) -> None:
    async with serving(middling_answer) as port, connected(port, 8_192) as (reader, writer):
        for _ in range(6):
            writer.write(GET)
            await read_until(reader, b"\r\n\r\n")
            await asyncio.sleep(0.1)
            assert await reader.readexactly(MIDDLING) == b"x" * MIDDLING
            await asyncio.sleep(pause)


async def test_an_answer_that_is_read_arrives_whole() -> None:
    async with serving(long_answer) as port, connected(port) as (reader, writer):
        writer.write(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert (await end_of(reader)).endswith(b"\r\n\r\n" + b"x" * LONG)


@pytest.mark.parametrize("heads", [GET * 5_000, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5_000 + b"\r\n"])
async def test_one_segment_cannot_carry_thousands_of_requests_or_headers(heads: bytes) -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.write(heads)
        got = await end_of(reader)
        assert b"HTTP/1.1 400 " in got
        assert got.count(b"<GET / >") <= 20


async def test_half_heads_have_room_for_so_many_bytes_of_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_HALF_HEADS_BYTES_EACH", 1_000)
    async with serving() as port, connected(port) as first, connected(port) as second:
        for _, writer in (first, second):
            writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * 600)
            await asyncio.sleep(0.05)
        assert await end_of(second[0]) == b""
        first[1].write(b"\r\nHost: x\r\n\r\n")
        await read_until(first[0], b"<GET / >")


async def test_a_few_requests_at_once_are_answered_in_turn() -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.write(GET * 10)
        for _ in range(10):
            await read_until(reader, b"<GET / >")


async def test_a_body_of_tiny_chunks_is_refused() -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 30_000
        )
        assert b"HTTP/1.1 400 " in await end_of(reader)


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"


@pytest.mark.parametrize("app", [echo, refuse])
@pytest.mark.parametrize(
    ("begin", "more"),
    [(b"0\r\n", b"T: x\r\n"), (b"0\r\nT: ", b"xxxx"), (b"1;e=", b"xxxx"), (b"1;", b"e=x;")],
    ids=["trailers", "a trailer", "an extension", "extensions"],
)
async def test_what_comes_with_a_body_and_is_no_part_of_it_is_bounded(
    app: object, begin: bytes, more: bytes
) -> None:
    async with serving(app) as port, connected(port) as (reader, writer):
        writer.write(CHUNKED + begin)
        ending = asyncio.ensure_future(end_of(reader))
        sent = 0
        with suppress(ConnectionResetError):
            while not ending.done() and sent < 10 * connections.MAX_FRAMING_BYTES:
                writer.write(more * 4_000)
                await writer.drain()
                await asyncio.sleep(0)
                sent += 4_000 * len(more)
            await ending
        assert sent < 10 * connections.MAX_FRAMING_BYTES


async def test_trailers_are_ignored() -> None:
    post = CHUNKED + b"0\r\nHost: y\r\nExpect: 100-continue\r\n\r\n"
    async with serving() as port, connected(port) as (reader, writer):
        for _ in range(2):
            writer.write(post + post + GET)
            for answer in (b"<POST / ok>", b"<POST / ok>", b"<GET / >"):
                assert (await read_until(reader, b">")).endswith(answer)


@pytest.mark.parametrize("behind", [GET * 100, GET + b"nonsense\r\n\r\n", b"nonsense\r\n\r\n"])
async def test_who_serves_a_request_learns_that_nobody_reads_the_response(behind: bytes) -> None:
    """Because something came behind the request that closes the connection."""
    got = list[str]()
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait(_: Scope, receive: Receive, __: Send) -> None:
        got.append((await receive())["type"])
        begun.set()
        got.append((await receive())["type"])
        ended.set()

    async with serving(wait) as port, connected(port) as (_, writer):
        writer.write(GET)
        with anyio.fail_after(5):
            await begun.wait()
            writer.write(behind)
            await ended.wait()
    assert got == ["http.request", "http.disconnect"]


async def test_above_the_limit_the_connection_that_was_idle_longest_gives_way() -> None:
    async with serving(echo, 3, 3) as port, AsyncExitStack() as stack:
        first, second, third = [await stack.enter_async_context(connected(port)) for _ in range(3)]
        for one in (first, second, third, first):
            await ask(*one)
        fourth = await stack.enter_async_context(connected(port))
        assert await end_of(second[0]) == b""
        for one in (first, third, fourth):
            await ask(*one)


@pytest.mark.parametrize(("most", "most_each"), [(3, 100), (100, 3)])
async def test_with_requests_on_all_connections_a_new_one_is_refused(
    most: int, most_each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "RESERVED", 0)
    go_on = asyncio.Event()

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        await echo(scope, receive, send)

    async with serving(wait, most, most_each) as port, AsyncExitStack() as stack:
        busy = [await stack.enter_async_context(connected(port)) for _ in range(3)]
        asking = [asyncio.ensure_future(ask(*one)) for one in busy]
        await asyncio.sleep(0.05)
        reader, _ = await stack.enter_async_context(connected(port))
        got = await end_of(reader)
        assert got.startswith(b"HTTP/1.1 503 ")
        assert b"Too many connections" in got
        go_on.set()
        await asyncio.gather(*asking)


async def test_a_proxy_has_no_limit_of_its_own() -> None:
    async with serving(echo, 100, 1, "127.0.0.0/8") as port, AsyncExitStack() as stack:
        for one in [await stack.enter_async_context(connected(port)) for _ in range(20)]:
            await ask(*one)


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: 5\r\n", b"hello"),
        (b"Transfer-Encoding: chunked\r\n", b"2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\n\r\n"),
    ],
    ids=["length", "chunked"],
)
@pytest.mark.parametrize("step", [1, 7, 100_000])
async def test_an_offer_of_another_protocol_is_ignored(
    offer: str, framing: bytes, body: bytes, step: int
) -> None:
    """In one segment or in many, with more requests behind it (RFC 9110, section 7.8)."""
    post = b"POST /mcp HTTP/1.1\r\nHost: x\r\n" + OFFERS[offer] + framing + b"\r\n" + body
    plain = b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok"
    sent = post + post + plain + post + GET
    async with serving() as port, connected(port) as (reader, writer):
        for start in range(0, len(sent), step):
            writer.write(sent[start : start + step])
            await writer.drain()
            await asyncio.sleep(0)
        answers = (
            b"<POST /mcp hello>",
            b"<POST /mcp hello>",
            b"<POST /p ok>",
            b"<POST /mcp hello>",
            b"<GET / >",
        )
        for answer in answers:
            assert (await read_until(reader, b">")).endswith(answer)


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "HEAD"])
async def test_so_is_an_offer_without_a_body(method: str) -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.write(f"{method} / HTTP/1.1\r\nHost: x\r\n".encode() + OFFERS["h2c"] + b"\r\n" + GET)
        got = await read_until(reader, b"<GET / >")
        assert got.count(b"HTTP/1.1 200 ") == (1 if got.count(b"<") == 1 and method == "GET" else 2)


@pytest.mark.parametrize(
    "sent",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\4\0\0\0\0\0",
        b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n",
        b"CONNECT /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        b"\x16\x03\x01\x02\0\1\0\1\xfc\x03\x03",
        b"POST / HTTP/1.1\r\n" + OFFERS["h2c"] + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + OFFERS["h2c"] + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    ],
    ids=["http2", "connect", "connect to a path", "tls", "two lengths", "no chunks"],
)
async def test_another_protocol_gets_400(sent: bytes) -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.write(sent)
        assert (await end_of(reader)).startswith(b"HTTP/1.1 400 ")
