"""The engine's connections: when they are opened, who waits for them, and when they are not used again."""

import asyncio
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.harness.certificates import Authority
from tests.harness.processes import free_port
from tests.transport.peer import OK, Conversation, Peer, Script, answering, ask, playing, pool_to
from toolbridge_mcp.errors import NotReached, TimedOut
from toolbridge_mcp.transport import AnswerLost, Pool, dialing, pool

pytestmark = pytest.mark.anyio
LARGE = b"x" * 8_000_000


async def silent(conversation: Conversation) -> None:
    """Reads the request and says nothing."""
    await conversation.request()
    await conversation.until_closed()


async def half(conversation: Conversation) -> None:
    await conversation.request()
    await conversation.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
    await conversation.until_closed()


async def deaf(conversation: Conversation) -> None:
    """Reads the head, and no content, until the other side has closed."""
    await conversation.request(with_content=False)
    while not conversation.writer.is_closing() and not conversation.reader.at_eof():
        await asyncio.sleep(0.01)
        if conversation.writer.get_extra_info("socket").fileno() < 0:
            return
        conversation.writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await conversation.writer.drain()


# Bodies


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
async def test_a_request_arrives_as_it_was_made(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    async with playing(answering(OK)) as peer, pool_to(peer.url) as pool:
        for _ in range(2):
            await ask(pool, "PUT", "/v1/notes/1?a=%20&b=c", content, {"If-Match": "3"})
    length = b"Content-Length: %d\r\n" % size if size else b""
    expected = (
        b"PUT /v1/notes/1?a=%20&b=c HTTP/1.1\r\nHost: api\r\nIf-Match: 3\r\n" + length + b"\r\n" + content
    )
    assert peer.requests == [expected] * 2


async def test_an_answer_before_all_is_sent_counts_and_its_connection_does_not_serve_again() -> None:
    async def script(conversation: Conversation) -> None:
        await conversation.request(with_content=False)
        await conversation.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}")
        await conversation.until_closed()

    async with playing(script) as peer, pool_to(peer.url) as pool:
        for number in (1, 2):
            assert (await ask(pool, "POST", content=LARGE)).status == 413
            assert peer.opened == number
        await peer.until_all_closed()


async def test_a_large_body_is_sent_only_as_fast_as_it_is_taken() -> None:
    async with playing(deaf) as peer, pool_to(peer.url) as pool:
        task = asyncio.create_task(ask(pool, "POST", content=LARGE))
        await peer.until(lambda: len(peer.requests) == 1)
        await asyncio.sleep(0.1)
        (connection,) = pool._open
        assert connection._transport.get_write_buffer_size() < 500_000
        await cancelled(task)
        await peer.until_all_closed()


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\r\nX-Evil: 1\r\n", "\x1f", "\x7f", "é"])
async def test_nothing_is_sent_of_a_request_that_could_end_early(character: str) -> None:
    async with playing(answering(OK)) as peer, pool_to(peer.url) as pool:
        for parts in (
            {"headers": {"X-A": f"a{character}b"}},
            {"headers": {f"X-A{character}": "a"}},
            {"target": f"/v1/{character}notes"},
            {"method": f"GET{character}"},
        ):
            with pytest.raises(ValueError, match=r"HTTP does not allow|ascii"):
                await ask(pool, **parts)
        with pytest.raises(ValueError, match="HTTP does not allow"):
            await ask(pool, target="/v1/notes HTTP/1.1")
        assert peer.opened == 0


# Deadlines and cancellation, at each point

POINTS: dict[str, tuple[Script, bytes, bool]] = {
    "sending": (deaf, LARGE, False),
    "waiting": (silent, b"{}", False),
    "reading": (half, b"{}", True),
}


@pytest.mark.parametrize(("script", "content", "begun"), POINTS.values(), ids=POINTS)
async def test_a_deadline_that_passes_ends_the_request_and_its_connection(
    script: Script, content: bytes, begun: bool
) -> None:
    async with playing(script) as peer, pool_to(peer.url) as pool:
        with pytest.raises(AnswerLost) as caught:
            await ask(pool, "POST", content=content, seconds=1)
        assert (caught.value.late, caught.value.begun) == (True, begun)
        assert len(peer.requests) == 1
        await peer.until_all_closed()
        assert pool._taken == 0


@pytest.mark.parametrize(("script", "content"), [row[:2] for row in POINTS.values()], ids=POINTS)
async def test_a_request_that_is_cancelled_closes_its_connection(script: Script, content: bytes) -> None:
    scripts = [script]

    async def first_that_then_well(conversation: Conversation) -> None:
        await (scripts.pop() if scripts else answering(OK))(conversation)

    async with playing(first_that_then_well) as peer, pool_to(peer.url, limit=1) as pool:
        task = asyncio.create_task(ask(pool, "POST", content=content))
        await peer.until(lambda: len(peer.requests) == 1)
        await asyncio.sleep(0.05)
        await cancelled(task)
        await peer.until_all_closed()
        assert (await ask(pool)).content == b"{}"
        assert (peer.opened, len(peer.requests)) == (2, 2)


async def test_a_deadline_that_has_passed_sends_nothing() -> None:
    async with playing(answering(OK)) as peer, pool_to(peer.url) as pool:
        await ask(pool)
        with pytest.raises(TimedOut):
            await ask(pool, seconds=-1)
        assert (await ask(pool)).content == b"{}"
        assert len(peer.requests) == 2


async def never_shakes_hands(conversation: Conversation) -> None:
    await conversation.until_closed()


async def test_a_connection_that_is_not_there_in_time_was_not_reached() -> None:
    async with playing(never_shakes_hands) as peer, pool_to(peer.url.replace("http", "https")) as pool:
        with anyio.fail_after(5), pytest.raises(NotReached):
            await ask(pool, connect_seconds=1)
        with anyio.fail_after(5), pytest.raises(NotReached):
            await ask(pool, seconds=0.4)
        await peer.until_all_closed()
        assert pool._taken == 0


async def test_a_request_that_is_cancelled_while_it_connects_leaves_nothing() -> None:
    async with playing(never_shakes_hands) as peer, pool_to(peer.url.replace("http", "https")) as pool:
        task = asyncio.create_task(ask(pool))
        await peer.until(lambda: peer.opened == 1)
        await cancelled(task)
        await peer.until_all_closed()
        assert pool._taken == 0


async def test_what_does_not_listen_was_not_reached() -> None:
    async with pool_to(f"http://127.0.0.1:{free_port()}") as pool:
        with pytest.raises(NotReached):
            await ask(pool)
        assert pool._taken == 0


# Connections that are kept


async def test_a_connection_that_the_api_closed_meanwhile_is_not_used() -> None:
    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.say(OK)

    async with playing(script) as peer, pool_to(peer.url) as pool:
        for number in (1, 2, 3):
            await ask(pool, "POST", content=b"{}")
            await peer.until(lambda number=number: peer.closed == number)  # type: ignore[misc]
            await asyncio.sleep(0.02)
        assert (peer.opened, len(peer.requests)) == (3, 3)


async def test_a_request_that_meets_the_close_is_lost_and_not_sent_again() -> None:
    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.say(OK)
        await conversation.request()

    async with playing(script) as peer, pool_to(peer.url) as pool:
        await ask(pool, "POST", content=b"{}")
        with pytest.raises(AnswerLost) as caught:
            await ask(pool, "POST", content=b"{}")
        assert (caught.value.late, caught.value.begun) == (False, False)
        assert (peer.opened, len(peer.requests)) == (1, 2)
        assert (await ask(pool)).status == 200


async def test_a_connection_that_carries_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.1)
    async with playing(answering(OK)) as peer, pool_to(peer.url) as connections:
        await asyncio.gather(*(ask(connections) for _ in range(3)))
        assert (peer.opened, peer.closed) == (3, 0)
        await asyncio.sleep(0.06)
        await ask(connections)
        await peer.until(lambda: peer.closed == 2)
        await peer.until_all_closed()
        assert connections._open == set()
        assert (await ask(connections)).status == 200


async def test_a_pool_that_is_closed_has_no_connection_and_opens_none() -> None:
    async with playing(silent) as peer:
        async with pool_to(peer.url, limit=2) as pool:
            tasks = [asyncio.create_task(ask(pool)) for _ in range(4)]
            await peer.until(lambda: len(peer.requests) == 2)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(error) for error in ended] == [AnswerLost, AnswerLost, NotReached, NotReached]
        with pytest.raises(NotReached):
            await ask(pool)
        await peer.until_all_closed()
        assert peer.opened == 2


# Waiting for a place


class Gate:
    """Lets requests pass one by one."""

    def __init__(self) -> None:
        self.open = asyncio.Semaphore(0)

    async def __call__(self, conversation: Conversation) -> None:
        while True:
            await conversation.request()
            await self.open.acquire()
            await conversation.say(OK)


def order(peer: Peer) -> list[str]:
    return [request.split(b" ")[1].decode() for request in peer.requests]


async def test_beyond_the_limit_requests_wait_in_order_but_for_those_that_are_cancelled() -> None:
    gate = Gate()
    async with playing(gate) as peer, pool_to(peer.url, limit=2) as pool:
        tasks = [asyncio.create_task(ask(pool, target=f"/{number}")) for number in range(8)]
        await peer.until(lambda: len(peer.requests) == 2)
        await cancelled(tasks[3], tasks[5])
        for number in (3, 4, 5, 6):
            gate.open.release()
            await peer.until(lambda number=number: len(peer.requests) == number)  # type: ignore[misc]
        gate.open.release()
        gate.open.release()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert sorted(order(peer)[:2]) == ["/0", "/1"]
        assert order(peer)[2:] == ["/2", "/4", "/6", "/7"]
        assert (peer.opened, pool._taken, len(pool._waiting)) == (2, 0, 0)


async def test_a_place_that_comes_at_the_moment_of_a_cancellation_goes_to_the_next() -> None:
    gate = Gate()
    async with playing(gate) as peer, pool_to(peer.url, limit=1) as pool:
        tasks = [asyncio.create_task(ask(pool, target=f"/{number}")) for number in range(3)]
        await peer.until(lambda: len(peer.requests) == 1)
        pool._waiting[0].set_result(None)
        pool._waiting.popleft()
        await cancelled(tasks[1])
        gate.open.release()
        gate.open.release()
        await asyncio.gather(tasks[0], tasks[2])
        assert order(peer) == ["/0", "/2"]


async def test_who_waits_too_long_for_a_place_has_not_reached_the_api() -> None:
    async with playing(silent) as peer, pool_to(peer.url, limit=1) as pool:
        task = asyncio.create_task(ask(pool))
        await peer.until(lambda: len(peer.requests) == 1)
        with pytest.raises(NotReached):
            await ask(pool, connect_seconds=0.1)
        await cancelled(task)
        assert (len(peer.requests), pool._taken) == (1, 0)


async def test_many_requests_that_come_and_go_leave_nothing_behind() -> None:
    async with playing(answering(OK)) as peer, pool_to(peer.url, limit=5) as pool:
        for turn in range(20):
            tasks = [asyncio.create_task(ask(pool, "POST", content=b"{}")) for _ in range(20)]
            for _ in range(turn % 7):
                await asyncio.sleep(0)
            await cancelled(*tasks[turn % 3 :: 3])
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert not [error for error in results if isinstance(error, Exception)]
        assert (pool._taken, len(pool._waiting)) == (0, 0)
        await peer.until(lambda: peer.opened - peer.closed == len(pool._open) <= 5)


# Addresses


async def test_an_address_of_ipv6() -> None:
    async with playing(answering(OK), host="::1") as peer, pool_to(peer.url) as pool:
        assert (await ask(pool)).status == 200


async def test_of_several_addresses_the_first_that_works_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with playing(answering(OK)) as peer:
        port = int(peer.url.rpartition(":")[2])
        dead, alive = ("127.0.0.1", free_port()), ("127.0.0.1", port)

        async def addresses(_: dialing.Address) -> list[Any]:
            return [dead, alive, dead]

        monkeypatch.setattr(dialing, "_addresses", addresses)
        async with pool_to("http://api.example") as connections:
            assert (await ask(connections)).status == 200


async def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = Authority()
    async with (
        playing(never_shakes_hands) as mute,
        playing(answering(OK), tls=authority.server("api.test")) as peer,
    ):

        async def addresses(_: dialing.Address) -> list[Any]:
            return [("127.0.0.1", int(url.rpartition(":")[2])) for url in (mute.url, peer.url)]

        monkeypatch.setattr(dialing, "_addresses", addresses)
        pool = Pool(dialing.Address("api.test", 443, authority.client()), 1)
        assert (await ask(pool, connect_seconds=1)).status == 200
        await pool.aclose()
        await mute.until_all_closed()


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with playing(answering(OK)) as peer, pool_to(peer.url) as pool:
        assert (await ask(pool)).status == 200


# TLS


async def test_over_tls_the_certificates_of_this_machine_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority()
    file = tmp_path / "authority.pem"
    file.write_bytes(authority.certificate)
    async with playing(answering(OK), tls=authority.server("127.0.0.1")) as peer:
        async with pool_to(peer.url) as unknown:
            with pytest.raises(NotReached):
                await ask(unknown)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        async with pool_to(peer.url) as known:
            for _ in range(3):
                assert (await ask(known, "POST", content=LARGE, seconds=20)).content == b"{}"
        assert len(peer.requests) == 3
        await peer.until_all_closed()


async def test_a_certificate_for_another_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority()
    file = tmp_path / "authority.pem"
    file.write_bytes(authority.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with playing(answering(OK), tls=authority.server("api.test")) as peer, pool_to(peer.url) as pool:
        with pytest.raises(NotReached):
            await ask(pool)
        assert peer.requests == []


async def cancelled(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
