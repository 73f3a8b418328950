"""Answers that nobody reads are bounded in bytes; clients that read slowly get every answer."""

import asyncio
import json
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import psutil
import pytest

from tests.harness.clients import HELLO, META, Rest, over_sse, token
from tests.harness.processes import Process, gateway_process, running
from toolbridge_mcp.identity import AccessToken, Sender
from toolbridge_mcp.web.sessions.exchanges import MAX_REQUESTS_EACH, MESSAGE_BYTES, Exchange, UnreadAnswers

pytestmark = pytest.mark.anyio
ACCEPT = {"Accept": "application/json, text/event-stream"}
MIB = 1024 * 1024
SIZE = 470_000
"""Of the notes: twice that in an event of SSE, which must not be larger than 1 MiB."""


def of(user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(user)}", **ACCEPT}


def get_note(number: int, uid: str) -> dict[str, Any]:
    params = {"name": "get_note", "arguments": {"uid": uid}}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


@contextmanager
def gateway_before(api: Process, folder: Path, **settings: object) -> Iterator[Process]:
    given = {f"TOOLBRIDGE_{name.upper()}": str(value) for name, value in settings.items()}
    with running(gateway_process(api.url, folder, **given)) as gateway:
        yield gateway


async def large_note(api: Process, user: str, **more: Any) -> str:
    rest = Rest(api.url, token(user))
    note = await rest.json("POST", "/v1/notes", json={"title": "t", "content": "x" * SIZE, **more})
    await rest.aclose()
    uid: str = note["uid"]
    return uid


@asynccontextmanager
async def caller(gateway: Process, user: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, headers=of(user), timeout=40) as http:
        yield http


def request(method: str, path: str, user: str, body: bytes = b"", **headers: str) -> bytes:
    fields = {"Host": "127.0.0.1", "Content-Type": "application/json", **of(user), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class SlowClient:
    """A client with a small buffer, which reads as much as it is asked to."""

    def __init__(self, gateway: Process) -> None:
        self.connection = socket.socket()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.connection.settimeout(20)
        self.connection.connect(("127.0.0.1", gateway.port))
        self.received = b""

    def open_stream(self, user: str) -> str:
        """The address for the messages of a new SSE session."""
        self.connection.sendall(request("GET", "/sse", user))
        while b"session_id=" not in self.received or not self.received.endswith(b"\n\r\n"):
            self.received += self.connection.recv(4096)
        (data,) = [line for line in self.received.decode().splitlines() if line.startswith("data: ")]
        return data.removeprefix("data: ")

    def read_events(self, count: int, bytes_per_second: float) -> list[dict[str, Any]]:
        """So many messages, read not faster than that."""
        events: list[bytes] = []
        begun, size, rest = time.monotonic(), 0, b""
        while len(events) < count:
            chunk = self.connection.recv(256 * 1024)
            assert chunk, "the stream ended"
            size += len(chunk)
            *lines, rest = (rest + chunk).split(b"\r\n")
            # Chunks of HTTP end inside of events: their sizes are lines of their own.
            events += [line for line in lines if line.startswith(b"data: {") and line.endswith(b"}")]
            time.sleep(max(0.0, begun + size / bytes_per_second - time.monotonic()))
        return [json.loads(event.removeprefix(b"data: ")) for event in events]


@pytest.fixture
def slow(gateway: Process) -> Iterator[SlowClient]:
    client = SlowClient(gateway)
    with client.connection:
        yield client


async def test_a_client_that_reads_slowly_gets_every_answer(
    api: Process, gateway: Process, user: str, slow: SlowClient
) -> None:
    """40 answers of 1 MB at once, more than there is room for; they need several seconds on its line."""
    uid = await large_note(api, user)
    messages = await asyncio.to_thread(slow.open_stream, user)
    async with caller(gateway, user) as http:
        reading = asyncio.create_task(asyncio.to_thread(slow.read_events, 40, 8 * MIB))
        posts = [http.post(messages, json=get_note(number, uid)) for number in range(40)]
        assert {post.status_code for post in await asyncio.gather(*posts)} == {202}
        answers = await reading
    assert sorted(answer["id"] for answer in answers) == list(range(40))
    for answer in answers:
        assert answer["result"]["structuredContent"]["payload"]["content"] == "x" * SIZE


def rss(process: Process) -> float:
    """In MiB."""
    memory: int = psutil.Process(process.pid).memory_info().rss
    return memory / MIB


async def unread_streams(gateway: Process, user: str, uid: str, stack: ExitStack) -> None:
    """Ten streams that are not read, with 20 calls on each."""
    async with caller(gateway, user) as http:
        for _ in range(10):
            client = SlowClient(gateway)
            stack.enter_context(client.connection)
            messages = await asyncio.to_thread(client.open_stream, user)
            for number in range(20):
                await http.post(messages, json=get_note(number, uid))


async def test_messages_that_come_without_a_pause_do_not_pile_up(api: Process, tmp_path: Path) -> None:
    """They took 10 kB each while the SDK had accepted them and the session had not taken them."""

    async def post_400(gateway: Process, message: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        for _ in range(400):
            writer.write(message)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 202")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0]))
        writer.close()
        await writer.wait_closed()

    note = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode()
    with gateway_before(api, tmp_path, message_rate="off") as gateway, ExitStack() as stack:
        sending = []
        for _ in range(20):
            client = SlowClient(gateway)
            stack.enter_context(client.connection)
            messages = await asyncio.to_thread(client.open_stream, "a")
            sending.append(post_400(gateway, request("POST", messages, "a", note)))
        before = rss(gateway)
        await asyncio.gather(*sending)
        assert rss(gateway) - before < 20


async def unread_posts(gateway: Process, user: str, uid: str, stack: ExitStack) -> None:
    """80 calls in one session, whose answers are not read."""
    async with caller(gateway, user) as http:
        opened = await http.post("/mcp", json=HELLO)
    for number in range(80):
        client = SlowClient(gateway)
        stack.enter_context(client.connection)
        body = json.dumps(get_note(number, uid)).encode()
        session = opened.headers["Mcp-Session-Id"]
        client.connection.sendall(request("POST", "/mcp", user, body, Mcp_Session_Id=session))
        await asyncio.sleep(0.01)


async def unread_posts_without_session(gateway: Process, user: str, uid: str, stack: ExitStack) -> None:
    """80 calls of revision 2026-07-28."""
    for number in range(80):
        client = SlowClient(gateway)
        stack.enter_context(client.connection)
        call = get_note(number, uid)
        call["params"]["_meta"] = META
        headers = {
            "MCP_Protocol_Version": "2026-07-28",
            "Mcp_Method": "tools/call",
            "Mcp_Name": "get_note",
        }
        client.connection.sendall(request("POST", "/mcp", user, json.dumps(call).encode(), **headers))
        await asyncio.sleep(0.01)


async def unread_lists(gateway: Process, user: str, _: str, stack: ExitStack) -> None:
    """Lists of all tools, which need no API."""
    async with caller(gateway, user) as http:
        for _number in range(10):
            client = SlowClient(gateway)
            stack.enter_context(client.connection)
            messages = await asyncio.to_thread(client.open_stream, user)
            for number in range(30):
                await http.post(messages, json={"jsonrpc": "2.0", "id": number, "method": "tools/list"})


MANY_VALUES = {"content": "x", "more": [[]] * 150_000}


@pytest.mark.parametrize(
    ("attack", "content"),
    [
        (unread_streams, {}),
        (unread_streams, MANY_VALUES),
        (unread_posts, {}),
        (unread_posts_without_session, {}),
        (unread_lists, {}),
    ],
    ids=["streams", "many values", "posts", "without session", "lists"],
)
async def test_unread_answers_are_bounded_and_their_memory_returns(
    attack: Any, content: dict[str, Any], api: Process, tmp_path: Path, user: str
) -> None:
    """Of two users at once; a third one goes on working."""
    limits = {"max_unread_bytes_per_user": 8 * MIB, "max_unread_bytes": 12 * MIB}
    with gateway_before(api, tmp_path, **limits, call_seconds=3, stalled_stream_seconds=4) as gateway:
        users = [f"{user}-{number}" for number in range(2)]
        uids = [await large_note(api, name, **content) for name in users]
        async with over_sse(gateway.url, token(user)) as tools:
            await tools.call("list_notes")
            before = rss(gateway)
            most = 0.0
            with ExitStack() as stack:
                attacks = [attack(gateway, *one, stack) for one in zip(users, uids, strict=True)]
                attacking = asyncio.gather(*attacks, return_exceptions=True)  # streams end under them
                end = time.monotonic() + 8
                while time.monotonic() < end:
                    most = max(most, rss(gateway))
                    await tools.call("list_notes")
                    await asyncio.sleep(0.05)
                await attacking
            assert most - before < 110
            with anyio.fail_after(40):
                while rss(gateway) - before > 40:
                    await asyncio.sleep(0.5)


async def test_a_call_keeps_its_place_until_its_answer_is_on_the_socket(
    api: Process, tmp_path: Path, user: str
) -> None:
    limits = {"max_calls_per_user": 2, "call_seconds": 5}
    with gateway_before(api, tmp_path, **limits) as gateway, ExitStack() as stack:
        uid = await large_note(api, user)
        async with caller(gateway, user) as http:
            http.headers["Mcp-Session-Id"] = (await http.post("/mcp", json=HELLO)).headers["Mcp-Session-Id"]
            unread = [SlowClient(gateway) for _ in range(2)]
            for number, client in enumerate(unread):
                stack.enter_context(client.connection)
                body = json.dumps(get_note(number, uid)).encode()
                session = http.headers["Mcp-Session-Id"]
                client.connection.sendall(request("POST", "/mcp", user, body, Mcp_Session_Id=session))
            await asyncio.sleep(0.5)
            busy = (await http.post("/mcp", json=get_note(9, uid))).json()
            assert "The user has as many calls at work" in busy["result"]["content"][0]["text"]
            unread[0].connection.close()
            await asyncio.sleep(0.2)
            answer = (await http.post("/mcp", json=get_note(9, uid))).json()
            assert answer["result"]["structuredContent"]["uid"] == uid


async def test_a_call_without_room_says_what_became_of_it(api: Process, tmp_path: Path, user: str) -> None:
    """A read changed nothing; a write was made, once, and is not repeated."""
    limits = {"max_unread_bytes_per_user": 4 * MIB, "max_unread_bytes": 4 * MIB, "call_seconds": 2}
    with gateway_before(api, tmp_path, **limits) as gateway, ExitStack() as stack:
        uid = await large_note(api, user)
        await unread_posts(gateway, user, uid, stack)
        async with over_sse(gateway.url, token(user)) as tools:
            assert "Read the earlier answers first" in await tools.refusal("get_note", uid=uid)
            said = await tools.refusal("patch_note", uid=uid, updates={"title": "new"}, return_item=True)
            assert said.startswith("The change was made. The answer is not shown")
            assert (await tools.call("create_note", title="small", content="c"))["version"] == 1
            stack.close()
            with anyio.fail_after(10):
                while (note := await tools.result("get_note", uid=uid)).is_error:
                    await asyncio.sleep(0.2)
        assert note.structured_content
        assert (note.structured_content["version"], note.structured_content["payload"]["title"]) == (2, "new")


class Line:
    """A stream that answers wait for."""

    occupied = 0


def sender(subject: str) -> Sender:
    claims = {"iss": "issuer", "sub": subject}
    return Sender.of(AccessToken(token="", client_id="", scopes=[], subject=subject, claims=claims))


USER, OTHER = sender("ann"), sender("bob")


async def in_the_end(condition: Any) -> None:
    with anyio.fail_after(2):
        while not condition():
            await asyncio.sleep(0.001)


async def test_an_answer_that_is_taken_makes_room_for_the_one_that_waits() -> None:
    answers = UnreadAnswers(10 * MIB, 4 * MIB)
    first, second = Exchange(answers, USER), Exchange(answers, USER)
    assert first.takes(3 * MIB)
    assert not second.takes(3 * MIB)
    waiting = asyncio.create_task(second.waits(3 * MIB, 5))
    await in_the_end(lambda: answers.waiting == 1)
    first.sent()
    assert await waiting
    second.sent()
    assert (answers.total, answers.waiting) == (0, 0)


async def test_a_wait_for_room_ends_with_its_time_or_its_task() -> None:
    answers = UnreadAnswers(10 * MIB, 4 * MIB)
    first, second = Exchange(answers, USER), Exchange(answers, USER)
    assert first.takes(3 * MIB)
    assert not await second.waits(3 * MIB, 0.01)
    waiting = asyncio.create_task(second.waits(3 * MIB, 5))
    await in_the_end(lambda: answers.waiting == 1)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert answers.waiting == 0
    second.sent()
    first.sent()
    assert answers.total == 0


def test_one_stream_may_occupy_half_of_its_users_room() -> None:
    answers, line = UnreadAnswers(100 * MIB, 10 * MIB), Line()
    on_the_line = [Exchange(answers, USER, line) for _ in range(5)]
    assert Counter(exchange.takes(2 * MIB) for exchange in on_the_line) == {True: 2, False: 3}
    assert Exchange(answers, USER, Line()).takes(2 * MIB)
    on_the_line[0].sent()
    assert on_the_line[4].takes(2 * MIB)


def test_who_occupies_nothing_gets_an_answer_of_any_size_and_everyone_small_ones() -> None:
    answers = UnreadAnswers(10 * MIB, 4 * MIB)
    assert Exchange(answers, USER, Line()).takes(50 * MIB)
    assert not Exchange(answers, USER).takes(MIB)
    assert Exchange(answers, USER).takes(10_000)
    assert Exchange(answers, OTHER).takes(4 * MIB)
    third, fourth = Exchange(answers, sender("cid")), Exchange(answers, sender("dan"))
    assert third.takes(MIB)
    assert not fourth.takes(4 * MIB)
    assert fourth.takes(200_000)
    assert answers.total < 10 * MIB


async def test_users_who_wait_for_others_make_the_largest_one_give_way() -> None:
    answers = UnreadAnswers(8 * MIB, 5 * MIB)
    ann, bob = Exchange(answers, USER), Exchange(answers, OTHER)
    assert ann.takes(5 * MIB)
    assert answers.crowded_by() is None
    waiting = asyncio.create_task(bob.waits(4 * MIB, 5))
    await in_the_end(lambda: answers.waiting == 1)
    assert answers.crowded_by() == USER.user
    ann.sent()
    assert await waiting
    assert answers.crowded_by() is None


async def test_an_exchange_is_over_when_it_is_neither_handled_nor_sent() -> None:
    answers = UnreadAnswers(10 * MIB, 4 * MIB)
    ends: list[str] = []
    go_on = asyncio.Event()

    exchange = Exchange(answers, USER)
    exchange.when_taken(lambda: ends.append("over"))
    handling = asyncio.create_task(go_on.wait())
    exchange.handled_by(handling)
    await asyncio.sleep(0)
    exchange.sent()
    assert (ends, answers.total) == ([], MESSAGE_BYTES)
    go_on.set()
    await handling
    await in_the_end(lambda: ends == ["over"])
    assert answers.total == 0
    exchange.sent()
    exchange.when_taken(lambda: ends.append("at once"))
    assert ends == ["over", "at once"]
    assert exchange.takes(50 * MIB)
    assert answers.total == 0


def test_the_requests_of_clients_that_do_not_read_are_counted_too() -> None:
    answers = UnreadAnswers(1000 * MIB, 1000 * MIB)
    exchanges = [Exchange(answers, USER) for _ in range(MAX_REQUESTS_EACH)]
    assert answers.is_full(USER.user)
    assert not answers.is_full(OTHER.user)
    exchanges[0].sent()
    assert not answers.is_full(USER.user)
