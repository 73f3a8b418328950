"""Answers that break the contract: each call gets a true error soon, and the calls of others go on."""

import asyncio
import gzip
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest

from tests.harness.clients import over_sse, token
from tests.harness.misbehaving import Behaviour, answer, close, endless, gateway_before, misbehaving, raw

pytestmark = pytest.mark.anyio
UID = str(uuid4())
READ: tuple[str, dict[str, Any]] = ("get_note", {"uid": UID})
WRITE: tuple[str, dict[str, Any]] = ("patch_note", {"uid": UID, "updates": {"title": "x"}})
HEAD = b"HTTP/1.1 200 OK\r\n"
BAD = "could not be understood; {consequence}"
LONG = "longer than 5242880 bytes and was not read; {consequence}"
READ_ONLY, MAYBE_WRITTEN = "nothing was changed", "a change may have been made"
GONE = "not available at the moment; nothing was done"
OPEN = "the change may or may not have been made"
FAILED = "The API failed while working on the call"

CASES: dict[str, tuple[Behaviour, str, str]] = {
    "not JSON": (answer(b"<html>It works!</html>"), BAD, BAD),
    "no object": (answer(b"[1, 2]"), BAD, BAD),
    "nothing": (answer(b""), BAD, BAD),
    "not HTTP": (raw(b"\x16\x03\x01 garbage\r\n\r\n"), BAD, BAD),
    "a head without end": (raw(HEAD + b"X-Long: " + b"x" * 100_000), BAD, BAD),
    "closed at once": (close, GONE, OPEN),
    "half a head": (raw(HEAD + b"Content-Le"), GONE, OPEN),
    "half an answer": (raw(HEAD + b'Content-Length: 100\r\n\r\n{"uid"'), GONE, OPEN),
    "half a chunked answer": (raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"), GONE, OPEN),
    "10 MB": (answer(b'"' + b"x" * 10_000_000 + b'"'), LONG, LONG),
    "without end": (endless, LONG, LONG),
    "packed": (answer(gzip.compress(b" " * 50_000_000), Content_Encoding="gzip"), BAD, BAD),
    "500": (answer(b'{"error": "db 10.0.0.7"}', "500 Internal Server Error"), FAILED, FAILED),
    "502 of a proxy": (answer(b"<html>", "502 Bad Gateway"), FAILED, FAILED),
    "503": (answer(b'{"code": "busy"}', "503 Busy", Retry_After="9"), "Wait 9 seconds", "Wait 9 seconds"),
    "429": (answer(b'{"code": "x"}', "429 Slow down", Retry_After="7"), "Wait 7 seconds", "Wait 7 seconds"),
    "a redirect": (answer(b"", "307 Over there", Location="http://127.0.0.1:1/"), BAD, BAD),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gateway")


async def test_each_bad_answer_is_told_truly_and_holds_up_nobody_else(folder: Path) -> None:
    async with (
        misbehaving(close) as api,
        gateway_before(api, folder) as gateway,
        over_sse(gateway.url, token("ann")) as ann,
        over_sse(gateway.url, token("bob")) as bob,
    ):
        for name, (behaviour, of_a_read, of_a_write) in CASES.items():
            api.behaviours = [behaviour]
            for call, expected in (
                (READ, of_a_read.format(consequence=READ_ONLY)),
                (WRITE, of_a_write.format(consequence=MAYBE_WRITTEN)),
            ):
                with anyio.fail_after(5):
                    told, _ = await asyncio.gather(ann.refusal(call[0], **call[1]), bob.call("list_chats"))
                assert expected in told, name
                assert "10.0.0.7" not in told
                assert "Correlation id: " in told
        await api.until(lambda: api.opened - api.closed <= 2)
        log = gateway.log.read_text()
    assert "Traceback" not in log


async def test_many_bad_answers_at_once_leave_the_gateway_well(folder: Path) -> None:
    async with (
        misbehaving(close) as api,
        gateway_before(api, folder) as gateway,
        over_sse(gateway.url, token("ann")) as ann,
        over_sse(gateway.url, token("bob")) as bob,
    ):
        api.behaviours = [behaviour for behaviour, _, _ in CASES.values()] * 20
        calls = [asyncio.create_task(ann.refusal(READ[0], **READ[1])) for _ in range(90)]
        for _ in range(20):
            with anyio.fail_after(5):
                await bob.call("list_chats")
        with anyio.fail_after(30):
            await asyncio.gather(*calls)
            await api.until(lambda: api.opened - api.closed <= 20)
