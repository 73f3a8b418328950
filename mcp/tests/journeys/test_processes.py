"""Both processes for real: killed under load, started again, stopped."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import anyio
import httpx
import pytest

from tests.harness.clients import Rest, Tools, over_sse, token
from tests.harness.processes import Process, api_process, gateway_process, running
from toolbridge_mcp.entities import NOTE

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]


@pytest.fixture
def own_api(api_binary: Path, tmp_path: Path) -> Iterator[Process]:
    with running(api_process(api_binary, tmp_path)) as process:
        yield process


@pytest.fixture
def own_gateway(own_api: Process, tmp_path: Path) -> Iterator[Process]:
    with running(gateway_process(own_api.url, tmp_path)) as process:
        yield process


async def test_the_api_killed_under_load_loses_nothing_that_was_acknowledged(
    own_api: Process, own_gateway: Process, bearer: str
) -> None:
    acknowledged: list[str] = []
    refusals: list[str] = []
    done = anyio.Event()

    async def write(tools: Tools, name: int) -> None:
        number = 0
        while not done.is_set():
            number += 1
            result = await tools.result("create_note", title=f"{name}-{number}", content="x")
            if result.is_error:
                refusals.append(str(result.content))
            else:
                assert result.structured_content
                acknowledged.append(result.structured_content["uid"])

    async def until_more(than: int) -> None:
        while len(acknowledged) <= than:
            await anyio.sleep(0.01)

    async with over_sse(own_gateway.url, bearer) as tools:
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                for name in range(5):
                    group.start_soon(write, tools, name)
                await until_more(20)
                await anyio.to_thread.run_sync(own_api.kill)
                before = len(acknowledged)
                while not refusals:
                    await anyio.sleep(0.01)
                await anyio.to_thread.run_sync(own_api.start)
                restarted = time.monotonic()
                await until_more(before)
                recovery = time.monotonic() - restarted
                done.set()
    assert recovery < 3
    assert all("not available" in text or "may or may not" in text for text in refusals)
    rest = Rest(own_api.url, bearer)
    for uid in acknowledged:
        await rest.get(NOTE, uid)
    await rest.aclose()


async def test_after_the_gateway_was_killed_a_new_connection_works(own_gateway: Process, bearer: str) -> None:
    async with over_sse(own_gateway.url, bearer) as tools:
        created = await tools.call("create_note", title="t", content="c")
    own_gateway.kill()
    await anyio.to_thread.run_sync(own_gateway.start)
    async with over_sse(own_gateway.url, bearer) as tools:
        assert (await tools.call("get_note", uid=created["uid"]))["uid"] == created["uid"]


async def test_a_serving_process_that_was_killed_is_replaced_while_the_api_is_down(
    own_api: Process, own_gateway: Process
) -> None:
    """A first start waits a minute for the API; clients of a running gateway wait for nothing of it."""
    own_api.kill()
    killed = own_gateway.pid
    os.kill(killed, signal.SIGKILL)
    own_gateway.ready_path = "/healthz"
    with anyio.fail_after(30):
        await anyio.to_thread.run_sync(own_gateway.wait_until_ready)
    assert own_gateway.pid != killed


async def test_the_gateway_stops_in_time_with_a_stream_open(own_gateway: Process) -> None:
    headers = {"Authorization": f"Bearer {token('ann')}"}
    async with (
        httpx.AsyncClient(base_url=own_gateway.url, trust_env=False, timeout=20) as http,
        http.stream("GET", "/sse", headers=headers) as stream,
    ):
        lines = stream.aiter_lines()
        await anext(lines)
        own_gateway.signal(signal.SIGTERM)
        with anyio.fail_after(10), suppress(httpx.RemoteProtocolError):
            async for _ in lines:
                pass
    assert await anyio.to_thread.run_sync(own_gateway.wait) in {0, -signal.SIGTERM}
