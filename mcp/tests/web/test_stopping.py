"""What clients see when the gateway stops: real processes, a signal in the middle of calls."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from tests.harness.clients import Tools, over_http, over_sse, text_of, token
from tests.harness.processes import Process, api_process, gateway_process, running

pytestmark = pytest.mark.anyio


@pytest.fixture
def stack(api_binary: Path, tmp_path: Path) -> Iterator[tuple[Process, Process]]:
    api = api_process(api_binary, tmp_path)
    with running(api), running(gateway_process(api.url, tmp_path)) as gateway:
        yield api, gateway


async def until(condition: str, gateway: Process) -> None:
    """Waits until `condition` is in the answer of `/readyz`."""
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        with anyio.fail_after(8):
            while condition not in (await http.get("/readyz")).text:
                await anyio.sleep(0.02)


async def test_calls_finish_streams_end_and_newcomers_are_refused(stack: tuple[Process, Process]) -> None:
    api, gateway = stack
    answers: list[bool] = []

    async def write(tools: Tools, number: int) -> None:
        result = await tools.result("create_note", title=str(number), content="c")
        answers.append(result.is_error)

    async with over_sse(gateway.url, token("sse")) as sse, over_http(gateway.url, token("http")) as http:
        await sse.call("list_notes")
        await http.call("list_notes")
        api.signal(signal.SIGSTOP)
        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(write, sse, number)
                group.start_soon(write, http, number)
            await anyio.sleep(0.5)
            gateway.signal(signal.SIGTERM)
            await until("The gateway is stopping.", gateway)
            late = text_of(await sse.result("get_note", uid="00000000-0000-4000-8000-000000000000"))
            assert "about to restart; nothing was done. Wait 2 seconds" in late
            async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as newcomer:
                headers = {"Authorization": f"Bearer {token('new')}"}
                answer = await newcomer.get("/sse", headers=headers)
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
                assert (await newcomer.get("/healthz")).status_code == 200
            api.signal(signal.SIGCONT)
        assert answers == [False] * 20
    assert gateway.wait() in (0, -signal.SIGTERM)
    lines = [json.loads(line) for line in gateway.log.read_text().splitlines()]
    assert not [line for line in lines if line["level"] == "error" or "exception" in line]


async def test_a_stream_ends_as_http_wants_it_with_a_hint_to_come_back(
    stack: tuple[Process, Process],
) -> None:
    gateway = stack[1]
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=10) as http:
        headers = {"Authorization": f"Bearer {token('ann')}"}
        async with http.stream("GET", "/sse", headers=headers) as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "event: endpoint"
            gateway.signal(signal.SIGTERM)
            with anyio.fail_after(8):
                rest = [line async for line in lines if line]
    assert rest[-1] == "retry: 1000"
    assert gateway.wait() in (0, -signal.SIGTERM)


async def test_a_call_that_does_not_finish_says_so(api_binary: Path, tmp_path: Path) -> None:
    said: dict[str, str] = {}
    api = api_process(api_binary, tmp_path)
    settings = {"TOOLBRIDGE_DRAIN_SECONDS": "1"}
    with running(api), running(gateway_process(api.url, tmp_path, **settings)) as gateway:
        async with over_sse(gateway.url, token("ann")) as tools:
            await tools.call("list_notes")

            async def refusal(name: str, arguments: dict[str, Any]) -> None:
                said[name] = await tools.refusal(name, **arguments)

            api.signal(signal.SIGSTOP)
            try:
                async with anyio.create_task_group() as group:
                    group.start_soon(refusal, "list_notes", {})
                    group.start_soon(refusal, "create_note", {"title": "t", "content": "c"})
                    await anyio.sleep(0.3)
                    gateway.signal(signal.SIGTERM)
                with anyio.fail_after(8):
                    await anyio.to_thread.run_sync(gateway.wait)
            finally:
                api.signal(signal.SIGCONT)
    assert "about to restart; nothing was done" in said["list_notes"]
    assert "may or may not have been made. Look with get_note" in said["create_note"]


def test_ctrl_c_ends_it_without_a_word(stack: tuple[Process, Process]) -> None:
    _, gateway = stack
    gateway.signal(signal.SIGINT)
    # 0 where the tests themselves were started with SIGINT ignored, as a shell starts background jobs
    assert gateway.wait() in (0, 128 + signal.SIGINT)
    assert "Abort" not in gateway.log.read_text()
    assert "Traceback" not in gateway.log.read_text()
