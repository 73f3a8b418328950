"""What an operator can measure, and who may read it."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import pytest
from prometheus_client import REGISTRY

from tests.harness.clients import in_memory, over_sse, settings_for, token
from tests.harness.misbehaving import misbehaving, silent
from tests.harness.processes import Process, free_port, gateway_process, running
from tests.harness.recording import failing_api
from toolbridge_mcp.app import create_server

pytestmark = pytest.mark.anyio


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as http:
        yield http


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


async def test_a_call_is_counted_and_timed_by_tool(
    gateway: Process, bearer: str, user: str, http: httpx.AsyncClient
) -> None:
    async with over_sse(gateway.url, bearer) as tools:
        created = await tools.call("create_task", title="t")
        await tools.refusal("get_task", uid=created["uid"], nonsense=1)
    text = (await http.get(f"{gateway.url}/metrics")).text
    assert 'toolbridge_calls_total{outcome="ok",tool="create_task"} ' in text
    assert 'toolbridge_calls_total{outcome="InvalidArguments",tool="get_task"} ' in text
    assert 'toolbridge_call_seconds_count{tool="create_task"} ' in text
    assert 'toolbridge_api_requests_total{outcome="2xx"} ' in text
    assert "toolbridge_calls_running 0.0" in text
    assert "toolbridge_api_circuit_state 0.0" in text
    for secret in (user, created["uid"], bearer):
        assert secret not in text


async def test_attempts_and_repetitions_are_counted() -> None:
    before = value("toolbridge_api_retries_total", reason="Unavailable")
    refused = value("toolbridge_api_requests_total", outcome="5xx")
    upstream = failing_api([httpx.Response(503), httpx.Response(200, json={"items": []})])
    async with in_memory(create_server(settings_for("http://127.0.0.1:1"), transport=upstream), "t") as tools:
        await tools.call("list_notes")
    assert value("toolbridge_api_retries_total", reason="Unavailable") == before + 1
    assert value("toolbridge_api_requests_total", outcome="5xx") == refused + 1


async def test_a_cancelled_call_is_counted_as_one() -> None:
    labels = {"tool": "list_notes", "outcome": "cancelled"}
    before = value("toolbridge_calls_total", **labels)
    async with (
        misbehaving(silent) as api,
        in_memory(create_server(settings_for(api.url)), token("ann")) as tools,
    ):
        with anyio.move_on_after(0.3):
            await tools.result("list_notes")
        with anyio.fail_after(5):
            await api.until(lambda: api.closed == api.opened)
            while value("toolbridge_calls_total", **labels) == before:
                await anyio.sleep(0.01)
        assert value("toolbridge_calls_running") == 0
    assert value("toolbridge_calls_total", **labels) == before + 1


async def test_only_this_machine_may_read_them_on_the_public_port(
    gateway: Process, http: httpx.AsyncClient
) -> None:
    assert (await http.get(f"{gateway.url}/metrics")).status_code == 200
    for name in ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via"):
        assert (await http.get(f"{gateway.url}/metrics", headers={name: "127.0.0.1"})).status_code == 404


async def test_behind_a_public_address_they_have_a_port_of_their_own(
    api: Process, tmp_path: Path, http: httpx.AsyncClient
) -> None:
    port = free_port()
    settings = {
        "TOOLBRIDGE_PUBLIC_URL": "https://tools.example",
        "TOOLBRIDGE_METRICS_PORT": str(port),
        "TOOLBRIDGE_METRICS_HOST": "::",
    }
    with running(gateway_process(api.url, tmp_path, **settings)) as gateway:
        assert (await http.get(f"{gateway.url}/metrics")).status_code == 404
        for host in ("127.0.0.1", "[::1]"):
            answer = await http.get(f"http://{host}:{port}/metrics")
            assert "toolbridge_calls_running 0.0" in answer.text
        os.kill(gateway.pid, signal.SIGKILL)
        gateway.wait_until_ready()
        answer = await http.get(f"http://127.0.0.1:{port}/metrics")
        assert "toolbridge_processes_replaced 1.0" in answer.text
    with pytest.raises(httpx.ConnectError):
        await http.get(f"http://127.0.0.1:{port}/metrics")
