"""Each call has one deadline: what the model reads when it passes, and what the API is told before."""

import asyncio
from typing import Any
from uuid import uuid4

import anyio
import httpx
import pytest

from tests.harness.clients import Tools, in_memory, settings_for, token
from tests.harness.misbehaving import Behaviour, after, answer, misbehaving, raw, silent
from tests.harness.processes import free_port
from tests.harness.recording import failing_api
from toolbridge_mcp.app import create_server

pytestmark = pytest.mark.anyio
UID = str(uuid4())
READ: tuple[str, dict[str, Any]] = ("get_note", {"uid": UID})
WRITE: tuple[str, dict[str, Any]] = ("patch_note", {"uid": UID, "updates": {"title": "x"}})
SECONDS = 0.4
TWO_HOPS = {"entities": {"notes": {"kind": "note"}}}
FIRST_GENERATION: dict[str, object] = {"entities": {}}
SESSION = answer(b'{"id": "s", "epoch": 1}')
SLOW_BODY = [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b"x"] * 100]
SLOW_HEAD = [b"HTTP/1.1 200 OK\r\n", *[b"X-Some: header\r\n"] * 100]


async def told(url: str, call: tuple[str, dict[str, Any]], seconds: float = SECONDS) -> str:
    server = create_server(settings_for(url, call_seconds=seconds))
    async with in_memory(server, token("ann")) as tools:
        with anyio.fail_after(seconds + 2):
            return await tools.refusal(call[0], **call[1])


@pytest.mark.parametrize(
    "behaviour",
    [silent, raw(*SLOW_BODY, pause=0.1), raw(*SLOW_HEAD, pause=0.1)],
    ids=["silent", "slow body", "slow head"],
)
async def test_a_call_ends_with_its_time(behaviour: Behaviour) -> None:
    async with misbehaving(behaviour) as api:
        read, write = await told(api.url, READ), await told(api.url, WRITE)
        await api.until(lambda: api.closed == api.opened)
    assert "did not answer within 0.4" in read
    assert "nothing was changed. Repeat the call once" in read
    assert "did not answer within 0.4" in write
    assert "may or may not have been made. Look with get_note" in write
    assert len(api.requests) == 2


async def test_a_write_that_was_never_sent_was_not_done() -> None:
    async with misbehaving(silent, info=TWO_HOPS) as api:
        text = await told(api.url, WRITE)
    assert [head.split()[1] for head in api.requests] == ["/v1/sync/sessions"]
    assert "nothing was changed" in text


async def test_further_reads_in_front_of_an_older_api_share_the_one_deadline() -> None:
    stored = after(SECONDS * 0.7, answer(b'{"uid": "0", "version": 1, "payload": {}}'))
    async with misbehaving(SESSION, stored, silent, info=FIRST_GENERATION) as api:
        text = await told(api.url, ("delete_note", {"uid": UID, "if_match": 1}))
    assert [head.split()[0] for head in api.requests] == ["POST", "GET", "DELETE"]
    assert "did not answer within 0.4" in text
    assert "may or may not have been made" in text


async def test_the_api_is_told_how_much_time_is_left() -> None:
    upstream = failing_api([httpx.Response(503), httpx.Response(200, json={"uid": UID})])
    async with in_memory(create_server(settings_for("http://127.0.0.1:1"), transport=upstream), "t") as tools:
        await tools.call(READ[0], **READ[1])
    first, second = (int(request.headers["X-Request-Timeout-Ms"]) for request in upstream.calls)
    assert 29_000 < second < first < 30_000


@pytest.mark.parametrize("call", [READ, WRITE])
async def test_an_api_that_ended_its_work_in_time_has_written_nothing(
    call: tuple[str, dict[str, Any]],
) -> None:
    body = {"error": "the deadline is over, nothing was written", "code": "deadline_exceeded"}
    upstream = failing_api([httpx.Response(504, json=body)])
    async with in_memory(create_server(settings_for("http://127.0.0.1:1"), transport=upstream), "t") as tools:
        text = await tools.refusal(call[0], **call[1])
    assert "nothing was changed" in text
    assert len(upstream.calls) == 1


async def test_one_slow_call_does_not_hold_up_another() -> None:
    async with (
        misbehaving(silent) as api,
        in_memory(create_server(settings_for(api.url, call_seconds=5)), token("ann")) as tools,
    ):
        slow = asyncio.create_task(tools.refusal(READ[0], **READ[1]))
        await api.until(lambda: len(api.requests) == 1)
        with anyio.fail_after(2):
            await tools.call("list_chats")
        slow.cancel()
        await asyncio.wait([slow])


async def test_the_real_api_takes_the_deadline(tools: Tools, upstream: Any) -> None:
    await tools.call("list_notes")
    assert int(upstream.calls[0].headers["X-Request-Timeout-Ms"]) > 20_000


async def test_an_api_that_is_not_there_is_told_long_before_the_deadline() -> None:
    with anyio.fail_after(5):
        text = await told(f"http://127.0.0.1:{free_port()}", WRITE, seconds=30)
    assert "nothing was done" in text
