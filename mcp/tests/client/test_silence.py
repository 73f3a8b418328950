"""One timer for all requests: each that is silent for long is noticed once, at its own time."""

import asyncio

import pytest

from toolbridge_mcp.client import silence
from toolbridge_mcp.client.silence import Silence

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "SILENCE_SECONDS", 0.1)


async def test_each_request_that_gets_no_answer_is_noticed_once() -> None:
    loop = asyncio.get_running_loop()
    noticed: list[float] = []
    requests = Silence(lambda: noticed.append(loop.time()))
    begun = loop.time()
    requests.begin("first")
    await asyncio.sleep(0.05)
    requests.begin("second")
    await asyncio.sleep(0.3)
    first, second = noticed
    assert first - begun >= 0.1
    assert second - begun >= 0.15
    requests.begin("third")
    await asyncio.sleep(0.2)
    assert len(noticed) == 3


async def test_a_request_that_is_answered_is_not_noticed() -> None:
    noticed: list[str] = []
    requests = Silence(lambda: noticed.append("silence"))
    for name in ("first", "second"):
        requests.begin(name)
        await asyncio.sleep(0.05)
        requests.end(name)
    requests.begin("third")
    requests.close()
    await asyncio.sleep(0.2)
    assert noticed == []
