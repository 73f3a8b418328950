"""What a tool call says while the API misbehaves, and how the calls of another user fare at that time.

A read of one user meets the trouble, then a write does. A second user calls another tool all the time, and
the slowest of these calls is shown. In the last rows the whole API is in trouble. No call may take longer
than its deadline.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.harness.clients import Tools, over_sse, text_of, token
from tests.harness.misbehaving import (
    ITEM,
    Behaviour,
    after,
    answer,
    close,
    endless,
    gateway_before,
    misbehaving,
    raw,
    silent,
)
from tests.harness.processes import Process, api_process, gateway_process, running
from tests.harness.table import head, row

pytestmark = [pytest.mark.anyio, pytest.mark.trouble]

UID = str(uuid4())
READ: tuple[str, dict[str, Any]] = ("get_note", {"uid": UID})
WRITE: tuple[str, dict[str, Any]] = ("create_note", {"title": "t", "content": "c"})
CALL_SECONDS = 10
"""Less than the default of 30, so that the table is there sooner."""

SLACK_SECONDS = 2
SETTINGS = {"TOOLBRIDGE_CALL_SECONDS": str(CALL_SECONDS)}

BEHAVIOURS: dict[str, Behaviour] = {
    "slow, 5 s": after(5, answer(ITEM)),
    "no answer at all": silent,
    "a byte every 0.1 s": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", *[b" "] * 500, pause=0.1),
    "closed without a word": close,
    "garbage": raw(b"\x16\x03\x01 garbage\r\n\r\n"),
    "not JSON": answer(b"<html>"),
    "half an answer": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"uid"'),
    "10 MB": answer(b'"' + b"x" * 10_000_000 + b'"'),
    "without end": endless,
    "500": answer(b'{"error": "failed"}', "500 Internal Server Error"),
    "429, Retry-After 1": answer(b'{"code": "rate_limited"}', "429 Too Many Requests", Retry_After="1"),
    "429, Retry-After 60": answer(b'{"code": "rate_limited"}', "429 Too Many Requests", Retry_After="60"),
    "redirect": answer(b"", "307 Temporary Redirect", Location="http://127.0.0.1:1/"),
}


@pytest.fixture(scope="module", autouse=True)
def table() -> None:
    head(
        "the API",
        "call",
        "the tool's answer",
        "after",
        "slowest call of another user meanwhile",
        numbers_from=3,
    )


async def told(tools: Tools, call: tuple[str, dict[str, Any]]) -> tuple[str, float]:
    begun = time.monotonic()
    result = await tools.result(call[0], **call[1])
    said = text_of(result).split(" Correlation id:")[0] if result.is_error else "the answer"
    return said, time.monotonic() - begun


async def slowest(tools: Tools, name: str, work: Awaitable[None]) -> str:
    """Calls the tool until the work is done."""
    working, times, failures = asyncio.ensure_future(work), [0.0], 0
    while not working.done():
        begun = time.monotonic()
        failures += (await tools.result(name)).is_error
        times.append(time.monotonic() - begun)
        await asyncio.sleep(0.01)
    await working
    return f"{max(times) * 1000:.0f} ms" + (f", {failures} of {len(times) - 1} refused" if failures else "")


async def show(name: str, ann: Tools, bob: Tools, other: str) -> None:
    for kind, call in (("read", READ), ("write", WRITE)):
        said: list[tuple[str, float]] = []

        async def work(call: tuple[str, dict[str, Any]] = call, said: list[Any] = said) -> None:
            said.append(await told(ann, call))

        others = await slowest(bob, other, work())
        text, seconds = said[0]
        row(name, kind, text, f"{seconds:.2f} s", others)
        assert seconds < CALL_SECONDS + SLACK_SECONDS


async def test_an_api_that_is_made_up(tmp_path: Path) -> None:
    async with (
        misbehaving(silent) as api,
        gateway_before(api, tmp_path, **SETTINGS) as gateway,
        over_sse(gateway.url, token("ann")) as ann,
        over_sse(gateway.url, token("bob")) as bob,
    ):
        for name, behaviour in BEHAVIOURS.items():
            api.behaviours = [behaviour]
            await show(name, ann, bob, "list_chats")


@asynccontextmanager
async def frozen(api: Process) -> AsyncIterator[None]:
    api.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        api.signal(signal.SIGCONT)


@asynccontextmanager
async def killed(api: Process) -> AsyncIterator[None]:
    api.kill()
    yield
    await asyncio.to_thread(api.start)


async def test_the_real_api(api_binary: Path, tmp_path: Path) -> None:
    troubles: dict[str, Callable[[Process], Any]] = {"frozen": frozen, "refuses connections": killed}
    with (
        running(api_process(api_binary, tmp_path)) as api,
        running(gateway_process(api.url, tmp_path, **SETTINGS)) as gateway,
    ):
        async with over_sse(gateway.url, token("ann")) as ann, over_sse(gateway.url, token("bob")) as bob:
            for name, trouble in troubles.items():
                async with trouble(api):
                    await show(name, ann, bob, "list_chats")
                    await show(f"{name}, later", ann, bob, "list_chats")
                begun = time.monotonic()
                while (await ann.result("list_notes")).is_error:
                    await asyncio.sleep(0.01)
                row(f"{name}, over", "read", "the answer", f"{time.monotonic() - begun:.2f} s", "")
