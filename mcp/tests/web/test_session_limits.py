"""How many sessions there may be, and how they end: real gateway processes with small limits."""

import json
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import httpx
import pytest

from tests.harness.clients import HELLO, over_sse, token
from tests.harness.processes import Process, api_process, gateway_process, running

pytestmark = pytest.mark.anyio
PER_USER = 2
PING = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
LIST = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "list_notes", "arguments": {}}}


@contextmanager
def with_limits(api: Process, folder: Path, **limits: float) -> Iterator[Process]:
    settings = {f"TOOLBRIDGE_{name.upper()}": str(value) for name, value in limits.items()}
    with running(gateway_process(api.url, folder, **settings)) as process:
        yield process


@pytest.fixture(scope="module")
def limited(api: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A gateway of which each user may have `PER_USER` sessions."""
    folder = tmp_path_factory.mktemp("limited")
    with with_limits(
        api, folder, max_sessions_per_user=PER_USER, expired_stream_seconds=1, stalled_stream_seconds=3
    ) as process:
        yield process


@pytest.fixture(scope="module")
def impatient(api: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A gateway whose sessions end soon when they are idle; each user may have one."""
    folder = tmp_path_factory.mktemp("impatient")
    with with_limits(
        api, folder, max_sessions_per_user=1, session_idle_seconds=1, stream_idle_seconds=2
    ) as process:
        yield process


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


def session_of(answer: httpx.Response) -> dict[str, str]:
    """The header of requests in the session that an answer has opened."""
    assert answer.status_code == 200, answer.text
    return {"Mcp-Session-Id": answer.headers["Mcp-Session-Id"]}


async def pinged(http: httpx.AsyncClient, user: str, session: dict[str, str]) -> int:
    """The status of a request in a session of Streamable HTTP."""
    return (await http.post("/mcp", json=PING, headers=of(user) | session)).status_code


async def test_a_session_above_the_limit_of_a_user_ends_the_one_that_was_idle_longest(
    limited: Process, user: str
) -> None:
    async with caller(limited) as http, AsyncExitStack() as stack:
        first = session_of(await http.post("/mcp", json=HELLO, headers=of(user)))
        stream = await open_stream(stack, http, user)
        assert await pinged(http, user, first) == 200
        second = session_of(await http.post("/mcp", json=HELLO, headers=of(user)))
        assert await ended(stream) == "retry: 10000\r\n\r\n"
        assert await pinged(http, user, first) == 200
        assert (await open_stream(stack, http, user)).status_code == 200
        assert [await pinged(http, user, session) for session in (first, second)] == [200, 404]
        for _ in range(2):
            assert (await open_stream(stack, http, user)).status_code == 200
        assert await pinged(http, user, first) == 404


async def ended(stream: httpx.Response) -> str:
    """The last event of a stream, which must end as HTTP wants it."""
    with anyio.fail_after(5):
        events = "".join([text async for text in stream.aiter_text()])
    return events.partition("\r\n\r\n")[2]


async def test_a_session_with_a_call_under_way_is_not_idle(api_binary: Path, tmp_path: Path) -> None:
    """At the limit there is 429 while all are busy, and room as soon as one is not."""
    api = api_process(api_binary, tmp_path)
    with running(api), with_limits(api, tmp_path, max_sessions_per_user=2) as gateway:
        async with caller(gateway) as http, anyio.create_task_group() as group:
            first = session_of(await http.post("/mcp", json=HELLO, headers=of("ann")))
            second = session_of(await http.post("/mcp", json=HELLO, headers=of("ann")))
            statuses: list[int] = []

            async def list_notes(session: dict[str, str]) -> None:
                answer = await http.post("/mcp", json=LIST, headers=of("ann") | session)
                statuses.append(answer.status_code)

            api.signal(signal.SIGSTOP)
            group.start_soon(list_notes, first)
            await anyio.sleep(0.3)
            third = session_of(await http.post("/mcp", json=HELLO, headers=of("ann")))
            assert await pinged(http, "ann", second) == 404
            group.start_soon(list_notes, third)
            await anyio.sleep(0.3)
            refused = await http.post("/mcp", json=HELLO, headers=of("ann"))
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
            assert "2 sessions open, each with a request under way" in refused.text
            assert await opened(http, "bob") == 200
            api.signal(signal.SIGCONT)
            with anyio.fail_after(10):
                while len(statuses) < 2:
                    await anyio.sleep(0.05)
            assert statuses == [200, 200]
            assert await opened(http, "ann") == 200


async def test_at_the_limit_of_all_the_user_with_most_sessions_makes_room(
    api: Process, tmp_path: Path
) -> None:
    with with_limits(api, tmp_path, max_sessions=6, max_sessions_per_user=4) as gateway:
        async with caller(gateway) as http, AsyncExitStack() as stack:
            ann = [session_of(await http.post("/mcp", json=HELLO, headers=of("ann"))) for _ in range(4)]
            bob = [session_of(await http.post("/mcp", json=HELLO, headers=of("bob"))) for _ in range(2)]
            for _ in range(2):
                assert (await open_stream(stack, http, "cid")).status_code == 200
            assert [await pinged(http, "ann", session) for session in ann] == [404, 404, 200, 200]
            assert [await pinged(http, "bob", session) for session in bob] == [200, 200]
            for _ in range(5):  # nobody has more than cid: from now on only cid's own sessions end
                await open_stream(stack, http, "cid")
            assert [await pinged(http, "ann", session) for session in ann] == [404, 404, 200, 200]
            assert [await pinged(http, "bob", session) for session in bob] == [200, 200]


async def test_a_user_who_opens_sessions_without_end_keeps_nobody_out(api: Process, tmp_path: Path) -> None:
    with with_limits(api, tmp_path, max_sessions=20, max_sessions_per_user=10) as gateway:
        async with caller(gateway) as http, AsyncExitStack() as stack:
            for number in range(60):
                await open_stream(stack, http, f"many-{number % 2}")
                assert await opened(http, f"many-{number % 2}") == 200
            async with over_sse(gateway.url, token("has-no-notes")) as tools:
                for number in range(40):
                    assert await opened(http, f"many-{number % 2}") == 200
                    assert (await tools.call("list_notes"))["items"] == []


async def test_nobody_opens_a_session_while_every_session_of_all_is_busy(
    api_binary: Path, tmp_path: Path
) -> None:
    api = api_process(api_binary, tmp_path)
    with running(api), with_limits(api, tmp_path, max_sessions=1, max_sessions_per_user=1) as gateway:
        async with caller(gateway) as http, anyio.create_task_group() as group:
            session = session_of(await http.post("/mcp", json=HELLO, headers=of("ann")))
            api.signal(signal.SIGSTOP)

            async def list_notes() -> None:
                await http.post("/mcp", json=LIST, headers=of("ann") | session)

            group.start_soon(list_notes)
            await anyio.sleep(0.3)
            refused = await http.post("/mcp", json=HELLO, headers=of("bob"))
            assert refused.status_code == 503
            assert "as many sessions as it can serve" in refused.text
            api.signal(signal.SIGCONT)


async def opened(http: httpx.AsyncClient, user: str) -> int:
    """The status of a request that opens a session of Streamable HTTP."""
    return (await http.post("/mcp", json=HELLO, headers=of(user))).status_code


async def test_a_session_that_ended_makes_room(limited: Process, user: str) -> None:
    async with caller(limited) as http:
        first = session_of(await http.post("/mcp", json=HELLO, headers=of(user)))
        for _ in range(3):
            last = session_of(await http.post("/mcp", json=HELLO, headers=of(user)))
            assert (await http.delete("/mcp", headers=of(user) | last)).status_code == 200
            async with AsyncExitStack() as stack:
                assert (await open_stream(stack, http, user)).status_code == 200
            await anyio.sleep(0.2)
        assert await pinged(http, user, first) == 200


async def test_an_idle_session_of_streamable_http_ends(impatient: Process, user: str) -> None:
    async with caller(impatient) as http:
        session = session_of(await http.post("/mcp", json=HELLO, headers=of(user)))
        assert await pinged(http, user, session) == 200
        await anyio.sleep(2)
        assert await pinged(http, user, session) == 404


def opening(user: str, body: bytes) -> bytes:
    """A request with this body that may open a session of Streamable HTTP."""
    fields = of(user) | {"Host": "127.0.0.1", "Content-Type": "application/json"}
    lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
    return f"POST /mcp HTTP/1.1\r\n{''.join(lines)}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def sent(gateway: Process, request: bytes) -> anyio.abc.SocketStream:
    connection = await anyio.connect_tcp("127.0.0.1", gateway.port)
    await connection.send(request)
    return connection


async def test_many_at_once_do_not_pass_the_limit(limited: Process, user: str) -> None:
    async with caller(limited) as http:
        sessions: list[dict[str, str]] = []

        async def open_one() -> None:
            answer = await http.post("/mcp", json=HELLO, headers=of(user))
            if answer.status_code == 200:
                sessions.append(session_of(answer))

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(open_one)
        statuses = [await pinged(http, user, session) for session in sessions]
    assert statuses.count(200) == PER_USER
    assert statuses.count(404) == len(statuses) - PER_USER


async def test_an_opening_that_is_not_sent_whole_takes_no_room(limited: Process, user: str) -> None:
    request = opening(user, json.dumps(HELLO).encode())
    halves = [await sent(limited, request[:-10]) for _ in range(10)]
    async with caller(limited) as http:
        sessions = [
            session_of(await http.post("/mcp", json=HELLO, headers=of(user))) for _ in range(PER_USER)
        ]
        await anyio.sleep(0.2)
        assert [await pinged(http, user, session) for session in sessions] == [200] * PER_USER
    for half in halves:
        await half.aclose()


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


async def test_a_refused_opening_takes_no_room(limited: Process, user: str) -> None:
    async with caller(limited) as http:
        for _ in range(PER_USER + 1):
            refused = await http.post("/mcp", json=HELLO | {"params": {}}, headers=of(user))
            assert refused.json()["error"]["code"] == -32602
            assert "Mcp-Session-Id" not in refused.headers
        for _ in range(PER_USER):
            assert await opened(http, user) == 200


@pytest.mark.parametrize("unsent", [0, 10])
async def test_a_client_that_leaves_while_it_opens_a_session_takes_no_room(
    unsent: int, limited: Process, user: str
) -> None:
    """The gateway is frozen while they do, so that it reads each request together with its end."""
    request = opening(user, json.dumps(HELLO).encode())
    limited.signal(signal.SIGSTOP)
    try:
        for _ in range(20):
            connection = await sent(limited, request[: len(request) - unsent])
            await anyio.aclose_forcefully(connection)
    finally:
        limited.signal(signal.SIGCONT)
    async with caller(limited) as http:
        await anyio.sleep(0.5)
        sessions = [
            session_of(await http.post("/mcp", json=HELLO, headers=of(user))) for _ in range(PER_USER)
        ]
        assert [await pinged(http, user, session) for session in sessions] == [200] * PER_USER


async def rest_of(stream: httpx.Response) -> None:
    """Reads to the end, which must be a clean one: otherwise httpx raises."""
    with anyio.fail_after(8):
        async for _ in stream.aiter_raw():
            pass


async def test_an_idle_stream_ends_and_a_used_one_does_not(impatient: Process, user: str) -> None:
    async with over_sse(impatient.url, token(user)) as tools, caller(impatient) as http:
        async with (
            http.stream("GET", "/sse", headers=of("idle")) as idle,
            anyio.create_task_group() as group,
        ):
            group.start_soon(rest_of, idle)
            end = time.monotonic() + 3.5
            while time.monotonic() < end:
                await tools.call("list_notes")
                await anyio.sleep(0.2)
        assert (await tools.call("list_notes"))["items"] == []


async def test_a_stream_ends_when_its_token_has_long_expired(limited: Process, user: str) -> None:
    async with caller(limited) as http:
        expires = int(time.time()) + 2
        async with http.stream("GET", "/sse", headers=of(user, exp=expires)) as stream:
            await rest_of(stream)
        assert time.time() >= expires + 1


async def test_a_renewed_token_keeps_the_stream_open(limited: Process, user: str) -> None:
    async with caller(limited) as http:
        expires = int(time.time()) + 2
        async with http.stream("GET", "/sse", headers=of(user, exp=expires)) as stream:
            lines = stream.aiter_lines()
            data = (line.removeprefix("data: ") async for line in lines if line.startswith("data: "))
            messages = await anext(data)
            assert (await http.post(messages, json=HELLO, headers=of(user))).status_code == 202
            await anext(data)
            while time.time() < expires + 2.5:
                await anyio.sleep(0.1)
            ping = {"jsonrpc": "2.0", "id": 7, "method": "ping"}
            assert (await http.post(messages, json=ping, headers=of(user))).status_code == 202
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


async def test_what_nobody_reads_is_bounded_and_ends(limited: Process, user: str) -> None:
    """A client that calls and calls and reads no answer costs its own session, not the gateway's memory."""
    async with over_sse(limited.url, token(user)) as tools, caller(limited) as http:
        large = await tools.call("create_note", title="t", content="c" * 300_000)
        get = {"name": "get_note", "arguments": {"uid": large["uid"]}}
        connection, messages = unread_stream(limited, user)
        with connection:
            await http.post(messages, json=HELLO, headers=of(user))
            statuses: list[int] = []
            with anyio.fail_after(20):
                while 404 not in statuses:
                    call = {"jsonrpc": "2.0", "id": len(statuses), "method": "tools/call", "params": get}
                    statuses.append((await http.post(messages, json=call, headers=of(user))).status_code)
        assert {202, 404} <= set(statuses) <= {202, 429, 404}
        assert statuses.count(202) < 500
        assert (await tools.call("get_note", uid=large["uid"]))["version"] == 1
