"""What counts as an answer of the API, byte by byte and all at once, and what happens to its connection."""

import asyncio
import gc
import sys
import time
from contextlib import suppress

import pytest

from tests.transport.peer import OK, Conversation, Script, answering, ask, playing, pool_to
from toolbridge_mcp.errors import AnswerTooLong, BadAnswer
from toolbridge_mcp.transport import AnswerLost, Request
from toolbridge_mcp.transport.answers import EDGE_BYTES, MAX_ANSWER_BYTES, Reading

pytestmark = pytest.mark.anyio
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

KEPT: dict[str, tuple[bytes, int, bytes]] = {
    "a length": (OK, 200, b"{}"),
    "no content": (HEAD + b"Content-Length: 0\r\n\r\n", 200, b""),
    "an error": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", 404, b"none"),
    "a long length": (HEAD + b"Content-Length: " + b"0" * 5000 + b"2\r\n\r\n{}", 200, b"{}"),
    "no reason": (b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
    "a field without value": (HEAD + b"X-Empty:\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
    "chunks": (CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", 200, b"{}"),
    "no chunk": (CHUNKED + b"0\r\n\r\n", 200, b""),
    "extensions of chunks": (CHUNKED + b'2;a=b;c="d"\r\n{}\r\n0;e\r\n\r\n', 200, b"{}"),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\nX-Sum: 1\r\nX-Hint: 1\r\n\r\n", 200, b"{}"),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "304 with a length": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b""),
    "100 first": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"{}"),
    "103 first": (b"HTTP/1.1 103 Early Hints\r\nX-Hint: 1\r\nContent-Length: 3\r\n\r\n" + OK, 200, b"{}"),
    "HTTP/1.0 that stays": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
        200,
        b"{}",
    ),
}
CLOSED: dict[str, tuple[bytes, int, bytes]] = {
    "until the end": (HEAD + b"\r\n{}", 200, b"{}"),
    "nothing until the end": (HEAD + b"\r\n", 200, b""),
    "HTTP/1.0 until the end": (b"HTTP/1.0 200 OK\r\n\r\n{}", 200, b"{}"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
    "announced": (HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
    "announced with chunks": (
        HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        200,
        b"{}",
    ),
}


@pytest.mark.parametrize("slowly", [False, True], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("name", KEPT)
async def test_after_a_whole_answer_the_connection_serves_again(name: str, slowly: bool) -> None:
    sent, status, content = KEPT[name]
    async with playing(answering(sent, slowly=slowly)) as peer, pool_to(peer.url) as pool:
        for _ in range(3):
            answer = await ask(pool)
            assert (answer.status, answer.content, answer.header("X-Hint")) == (status, content, "")
        assert (peer.opened, len(peer.requests)) == (1, 3)


@pytest.mark.parametrize("slowly", [False, True], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("name", CLOSED)
async def test_an_answer_that_ends_its_connection_is_whole(name: str, slowly: bool) -> None:
    sent, status, content = CLOSED[name]
    async with playing(answering(sent, slowly=slowly, close=True)) as peer, pool_to(peer.url) as pool:
        for _ in range(3):
            answer = await ask(pool)
            assert (answer.status, answer.content) == (status, content)
        assert (peer.opened, len(peer.requests)) == (3, 3)
        await peer.until_all_closed()


async def test_an_answer_to_head_has_no_content() -> None:
    sent = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Here: 1\r\n\r\n"
    async with playing(answering(sent)) as peer, pool_to(peer.url) as pool:
        for _ in range(2):
            answer = await ask(pool, "HEAD")
            assert (answer.status, answer.content, answer.header("x-here")) == (200, b"", "1")


BROKEN: dict[str, tuple[bytes, bool]] = {
    "nothing": (b"", False),
    "half a line": (b"HTTP/1.1 2", False),
    "half a head": (HEAD + b"Content-Le", False),
    "only a 100": (b"HTTP/1.1 100 Continue\r\n\r\n", False),
    "no content": (HEAD + b"Content-Length: 2\r\n\r\n", True),
    "half the content": (HEAD + b"Content-Length: 2\r\n\r\n{", True),
    "half a chunk": (CHUNKED + b"2\r\n{", True),
    "half a size": (CHUNKED + b"2", True),
    "no last chunk": (CHUNKED + b"2\r\n{}\r\n", True),
    "half the trailers": (CHUNKED + b"2\r\n{}\r\n0\r\nX-Su", True),
}


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize(("sent", "begun"), BROKEN.values(), ids=BROKEN)
async def test_a_connection_that_ends_early_loses_the_answer(sent: bytes, begun: bool, reset: bool) -> None:
    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.say(sent)
        if reset:
            await asyncio.sleep(0.02)
            conversation.writer.transport.abort()

    async with playing(script) as peer, pool_to(peer.url) as pool:
        with pytest.raises(AnswerLost) as caught:
            await ask(pool, "POST", content=b"{}")
        assert (caught.value.late, caught.value.begun) == (False, begun)
        assert len(peer.requests) == 1
        await peer.until_all_closed()


NO_HTTP: dict[str, bytes] = {
    "TLS": b"\x16\x03\x01 garbage\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "no status": b"HTTP/1.1 abc OK\r\n\r\n",
    "a request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a field without name": HEAD + b": x\r\n\r\n",
    "NUL in a field": HEAD + b"X-A: a\x00b\r\n\r\n",
    "a length that is none": HEAD + b"Content-Length: x\r\n\r\n",
    "a length below zero": HEAD + b"Content-Length: -1\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": HEAD
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a length behind the content": CHUNKED + b"2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n",
    "a chunk without size": CHUNKED + b"x\r\n{}\r\n0\r\n\r\n",
    "a chunk that is longer": CHUNKED + b"1\r\n{}\r\n0\r\n\r\n",
    "another encoding": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "another transfer": HEAD + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "two transfers": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "another protocol from here": (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    ),
    "a head without end": HEAD + b"X-Long: " + b"x" * 400_000,
    "many fields": HEAD + b"X-A: b\r\n" * 30_000 + b"\r\n",
}


@pytest.mark.parametrize("sent", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_is_no_answer_of_the_api_is_a_bad_one(sent: bytes) -> None:
    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.say(sent)
        await conversation.until_closed()

    async with playing(script) as peer, pool_to(peer.url) as pool:
        with pytest.raises(BadAnswer):
            await ask(pool)
        await peer.until_all_closed()


def endless(start: bytes, more: bytes) -> Script:
    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.say(start)
        while True:
            await conversation.say(more)

    return script


ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "a name": (HEAD, b"x" * 1000),
    "a value": (HEAD + b"X-A: ", b"x" * 1000),
    "fields": (HEAD, b"X-A: b\r\n" * 100),
    "answers before the answer": (b"", b"HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n" * 50),
    "the extension of a chunk": (CHUNKED + b"2;", b"x" * 1000),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-A: b\r\n" * 100),
    "a trailer": (CHUNKED + b"2\r\n{}\r\n0\r\nX-A: ", b"x" * 1000),
}


@pytest.mark.parametrize(("start", "more"), ENDLESS.values(), ids=ENDLESS)
async def test_nothing_beside_the_content_is_read_without_end(start: bytes, more: bytes) -> None:
    async with playing(endless(start, more)) as peer, pool_to(peer.url) as pool:
        with pytest.raises(BadAnswer):
            await ask(pool, seconds=30)
        await peer.until_all_closed()


LONG: dict[str, tuple[bytes, bytes]] = {
    "declared": (HEAD + b"Content-Length: 99999999999\r\n\r\n", b"x" * 100_000),
    "in chunks": (CHUNKED, b"186a0\r\n" + b"x" * 100_000 + b"\r\n"),
    "until the end": (HEAD + b"\r\n", b"x" * 100_000),
}


@pytest.mark.parametrize(("start", "more"), LONG.values(), ids=LONG)
async def test_content_without_end_is_not_read_to_its_end(start: bytes, more: bytes) -> None:
    async with playing(endless(start, more)) as peer, pool_to(peer.url) as pool:
        with pytest.raises(AnswerTooLong):
            await ask(pool, seconds=30)
        await peer.until_all_closed()


async def test_of_an_answer_that_is_too_long_the_edges_can_be_kept() -> None:
    content = b"[" + b"x" * (MAX_ANSWER_BYTES + 100_000) + b"]"
    sent = HEAD + b"Content-Length: %d\r\n\r\n" % len(content) + content
    async with playing(answering(sent)) as peer, pool_to(peer.url) as pool:
        answer = await ask(pool, edges=True, seconds=30)
        assert answer.whole_size == len(content)
        assert answer.content == content[:EDGE_BYTES] + content[-EDGE_BYTES:]
        assert (await ask(pool, edges=True, seconds=30)).whole_size == len(content)
        assert peer.opened == 1


MORE: dict[str, bytes] = {
    "a second answer": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong",
    "half a second answer": b"HTTP/1.1 200 OK\r\nContent-Le",
    "garbage": b"garbage",
}


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
@pytest.mark.parametrize("more", MORE.values(), ids=MORE)
async def test_what_nobody_asked_for_is_no_answer_to_the_next_request(more: bytes, apart: bool) -> None:
    turns = iter(range(10))

    async def script(conversation: Conversation) -> None:
        while True:
            await conversation.request()
            turn = next(turns)
            content = b'{"turn": %d}' % turn
            answer = HEAD + b"Content-Length: %d\r\n\r\n" % len(content) + content
            await conversation.say(answer if turn or apart else answer + more)
            if turn == 0 and apart:
                await asyncio.sleep(0.05)
                await conversation.say(more)

    async with playing(script) as peer, pool_to(peer.url) as pool:
        assert (await ask(pool)).content == b'{"turn": 0}'
        if apart:
            await peer.until_all_closed()
        assert (await ask(pool)).content == b'{"turn": 1}'
        assert peer.opened == 2


async def test_all_fields_of_an_answer_are_kept_in_their_order() -> None:
    sent = HEAD + b"X-A: 1\r\nx-b:\t2 \r\nX-A: 3\r\nContent-Length: 0\r\n\r\n"
    async with playing(answering(sent)) as peer, pool_to(peer.url) as pool:
        answer = await ask(pool)
    assert [name for name, _ in answer.fields] == [b"x-a", b"x-b", b"x-a", b"content-length"]
    assert (answer.header("X-a"), answer.header("X-B"), answer.header("X-C")) == ("1", "2", "")


async def test_an_answer_in_very_many_chunks_takes_little_more_memory_than_its_content() -> None:
    size = 300_000
    sent = CHUNKED + b"1\r\nx\r\n" * size + b"0\r\n\r\n"
    reading = Reading()
    async with playing(answering(sent)) as peer, pool_to(peer.url) as pool:
        request = Request("GET", "/v1/notes", {"Host": "api"}, until=time.monotonic() + 30)
        await pool.exchange(request, reading)
    assert reading.response().content == b"x" * size
    assert sys.getsizeof(reading._content) < 2 * size


async def test_a_request_that_fails_leaves_nothing_for_the_garbage_collector() -> None:
    async def script(conversation: Conversation) -> None:
        await conversation.request()

    async with playing(script) as peer, pool_to(peer.url) as pool:
        gc.collect()
        gc.disable()
        try:
            for _ in range(5):
                with suppress(AnswerLost):
                    await ask(pool)
            await peer.until_all_closed()
            await asyncio.sleep(0.02)
            left = [thing for thing in gc.get_objects() if isinstance(thing, AnswerLost | Request)]
        finally:
            gc.enable()
    assert left == []
