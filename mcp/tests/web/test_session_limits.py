"""How many sessions there may be, and how they end: real gateway processes with small limits."""

import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import httpx
import pytest

from tests.harness.clients import HELLO, over_sse, token
from tests.harness.processes import Process, gateway_process, running

pytestmark = pytest.mark.anyio
WithLimits = Callable[..., AbstractContextManager[Process]]


@pytest.fixture
def with_limits(api: Process, tmp_path: Path) -> WithLimits:
    @contextmanager
    def start(**limits: float) -> Iterator[Process]:
        settings = {f"TOOLBRIDGE_{name.upper()}": str(value) for name, value in limits.items()}
        with running(gateway_process(api.url, tmp_path, **settings)) as process:
            yield process

    return start


def of(user: str, **claims: Any) -> dict[str, str]:
    accept = "application/json, text/event-stream"
    return {"Authorization": f"Bearer {token(user, **claims)}", "Accept": accept}


@asynccontextmanager
async def caller(gateway: Process) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=10) as http:
        yield http


async def open_stream(stack: AsyncExitStack, http: httpx.AsyncClient, user: str) -> httpx.Response:
    """A stream that stays open until `stack` ends, or the refusal, read whole."""
    stream = await stack.enter_async_context(http.stream("GET", "/sse", headers=of(user)))
    if stream.status_code != 200:
        await stream.aread()
    return stream


async def test_one_user_cannot_take_all_sessions(with_limits: WithLimits) -> None:
    with with_limits(max_sessions=5, max_sessions_per_user=3) as gateway:
        async with caller(gateway) as http, AsyncExitStack() as stack:
            for _ in range(3):
                assert (await open_stream(stack, http, "ann")).status_code == 200
            fourth = await open_stream(stack, http, "ann")
            assert fourth.status_code == 429
            assert int(fourth.headers["Retry-After"]) > 0
            assert "3 sessions open" in fourth.text
            assert (await http.post("/mcp", json=HELLO, headers=of("ann"))).status_code == 429
            assert (await open_stream(stack, http, "bob")).status_code == 200
            assert (await http.post("/mcp", json=HELLO, headers=of("bob"))).status_code == 200
            sixth = await open_stream(stack, http, "cid")
            assert sixth.status_code == 503
            assert "as many sessions as it can serve" in sixth.text


async def test_a_session_that_ended_makes_room(with_limits: WithLimits) -> None:
    with with_limits(max_sessions_per_user=1) as gateway:
        async with caller(gateway) as http:
            for _ in range(3):
                opened = await http.post("/mcp", json=HELLO, headers=of("ann"))
                assert opened.status_code == 200
                session = {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}
                assert (await http.post("/mcp", json=HELLO, headers=of("ann"))).status_code == 429
                assert (await http.delete("/mcp", headers=of("ann") | session)).status_code == 200
            async with AsyncExitStack() as stack:
                assert (await open_stream(stack, http, "ann")).status_code == 200
            with anyio.fail_after(5):
                while (await http.post("/mcp", json=HELLO, headers=of("ann"))).status_code != 200:
                    await anyio.sleep(0.05)


async def test_an_idle_session_of_streamable_http_makes_room(with_limits: WithLimits) -> None:
    with with_limits(max_sessions_per_user=1, session_idle_seconds=1) as gateway:
        async with caller(gateway) as http:
            opened = await http.post("/mcp", json=HELLO, headers=of("ann"))
            session = {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}
            with anyio.fail_after(6):
                while (await http.post("/mcp", json=HELLO, headers=of("ann"))).status_code != 200:
                    await anyio.sleep(0.1)
            ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
            assert (await http.post("/mcp", json=ping, headers=of("ann") | session)).status_code == 404


def opening(user: str, body: bytes) -> bytes:
    """A request with this body that may open a session of Streamable HTTP."""
    fields = of(user) | {"Host": "127.0.0.1", "Content-Type": "application/json"}
    lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
    return f"POST /mcp HTTP/1.1\r\n{''.join(lines)}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def sent(gateway: Process, request: bytes) -> anyio.abc.SocketStream:
    connection = await anyio.connect_tcp("127.0.0.1", gateway.port)
    await connection.send(request)
    return connection


async def test_many_at_once_do_not_pass_the_limit(with_limits: WithLimits) -> None:
    request = opening("ann", json.dumps(HELLO).encode())
    with with_limits(max_sessions_per_user=3) as gateway:
        halves = [await sent(gateway, request[:-10]) for _ in range(10)]
        async with caller(gateway) as http:
            with anyio.fail_after(5):
                while (await http.post("/mcp", json={}, headers=of("ann"))).status_code != 429:
                    await anyio.sleep(0.05)
        statuses = []
        for half in halves:
            with suppress(anyio.BrokenResourceError):
                await half.send(request[-10:])
            statuses.append((await half.receive()).split(b" ")[1])
            await half.aclose()
        assert statuses.count(b"200") == 3
        assert statuses.count(b"429") == 7


async def send_without_end(connection: anyio.abc.SocketStream) -> None:
    while True:
        await connection.send(b"x" * 65_536)


async def test_a_stranger_cannot_send_headers_without_end(gateway: Process) -> None:
    connection = await sent(gateway, b"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Endless: ")
    with anyio.fail_after(5), pytest.raises(anyio.BrokenResourceError):
        await send_without_end(connection)
    await connection.aclose()


async def test_a_long_head_is_read_whole(gateway: Process) -> None:
    async with caller(gateway) as http:
        for _ in range(2):
            answer = await http.post("/mcp", json=HELLO, headers=of("ann") | {"X-Long": "x" * 30_000})
            assert answer.status_code == 200


async def test_a_refused_opening_takes_no_room(with_limits: WithLimits) -> None:
    with with_limits(max_sessions_per_user=1) as gateway:
        async with caller(gateway) as http:
            for _ in range(3):
                refused = await http.post("/mcp", json=HELLO | {"params": {}}, headers=of("ann"))
                assert refused.json()["error"]["code"] == -32602
                assert "Mcp-Session-Id" not in refused.headers
            assert (await http.post("/mcp", json=HELLO, headers=of("ann"))).status_code == 200


@pytest.mark.parametrize("unsent", [0, 10])
async def test_a_client_that_leaves_while_it_opens_a_session_takes_no_room(
    unsent: int, with_limits: WithLimits
) -> None:
    request = opening("ann", json.dumps(HELLO).encode())
    with with_limits(max_sessions_per_user=2) as gateway:
        for _ in range(20):
            connection = await sent(gateway, request[: len(request) - unsent])
            await anyio.aclose_forcefully(connection)
        async with caller(gateway) as http:
            with anyio.fail_after(5):
                for _ in range(2):
                    while (await http.post("/mcp", json=HELLO, headers=of("ann"))).status_code != 200:
                        await anyio.sleep(0.05)


async def rest_of(stream: httpx.Response) -> None:
    """Reads to the end, which must be a clean one: otherwise httpx raises."""
    with anyio.fail_after(8):
        async for _ in stream.aiter_raw():
            pass


async def test_an_idle_stream_ends_and_a_used_one_does_not(with_limits: WithLimits) -> None:
    with with_limits(stream_idle_seconds=2) as gateway:
        async with over_sse(gateway.url, token("ann")) as tools, caller(gateway) as http:
            async with (
                http.stream("GET", "/sse", headers=of("bob")) as idle,
                anyio.create_task_group() as group,
            ):
                group.start_soon(rest_of, idle)
                end = time.monotonic() + 3.5
                while time.monotonic() < end:
                    await tools.call("list_notes")
                    await anyio.sleep(0.2)
            assert (await tools.call("list_notes"))["items"] == []


async def test_a_stream_ends_when_its_token_has_long_expired(with_limits: WithLimits) -> None:
    with with_limits(expired_stream_seconds=1) as gateway:
        async with caller(gateway) as http:
            expires = int(time.time()) + 2
            async with http.stream("GET", "/sse", headers=of("ann", exp=expires)) as stream:
                await rest_of(stream)
            assert time.time() >= expires + 1


async def test_a_renewed_token_keeps_the_stream_open(with_limits: WithLimits) -> None:
    with with_limits(expired_stream_seconds=0) as gateway:
        async with caller(gateway) as http:
            expires = int(time.time()) + 2
            async with http.stream("GET", "/sse", headers=of("ann", exp=expires)) as stream:
                lines = stream.aiter_lines()
                data = (line.removeprefix("data: ") async for line in lines if line.startswith("data: "))
                messages = await anext(data)
                assert (await http.post(messages, json=HELLO, headers=of("ann"))).status_code == 202
                await anext(data)
                while time.time() < expires + 1.5:
                    await anyio.sleep(0.1)
                ping = {"jsonrpc": "2.0", "id": 7, "method": "ping"}
                assert (await http.post(messages, json=ping, headers=of("ann"))).status_code == 202
                assert json.loads(await anext(data))["id"] == 7


def unread_stream(gateway: Process, user: str) -> tuple[socket.socket, str]:
    """A stream whose client reads the address for its messages, and nothing more."""
    connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=5)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lines = [f"{name}: {value}\r\n" for name, value in of(user).items()]
    connection.sendall(f"GET /sse HTTP/1.1\r\nHost: 127.0.0.1\r\n{''.join(lines)}\r\n".encode())
    received = b""
    while b"session_id=" not in received or not received.endswith(b"\n\r\n"):
        received += connection.recv(4096)
    (data,) = [line for line in received.decode().splitlines() if line.startswith("data: ")]
    return connection, data.removeprefix("data: ")


async def test_what_nobody_reads_is_bounded_and_ends(with_limits: WithLimits, user: str) -> None:
    """A client that calls and calls and reads no answer costs its own session, not the gateway's memory."""
    with with_limits(stalled_stream_seconds=3) as gateway:
        async with over_sse(gateway.url, token(user)) as tools, caller(gateway) as http:
            large = await tools.call("create_note", title="t", content="c" * 300_000)
            get = {"name": "get_note", "arguments": {"uid": large["uid"]}}
            connection, messages = unread_stream(gateway, user)
            with connection:
                await http.post(messages, json=HELLO, headers=of(user))
                statuses: list[int] = []
                with anyio.fail_after(20):
                    while 404 not in statuses:
                        call = {"jsonrpc": "2.0", "id": len(statuses), "method": "tools/call", "params": get}
                        statuses.append((await http.post(messages, json=call, headers=of(user))).status_code)
            assert set(statuses) == {202, 429, 404}
            assert statuses.count(202) < 300
            assert (await tools.call("get_note", uid=large["uid"]))["version"] == 1
