"""How sessions are counted: real gateways with small limits."""

import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.harness.clients import CALL_SECONDS, HELLO, token
from tests.harness.processes import Process, api_process, gateway_process, running
from tests.telemetry.raw_clients import alone, session, sse

pytestmark = pytest.mark.anyio

LIMITS = {
    "TOOLBRIDGE_MAX_SESSIONS_PER_USER": "2",
    "TOOLBRIDGE_SESSION_IDLE_SECONDS": "1.5",
    "TOOLBRIDGE_STREAM_IDLE_SECONDS": "3",
    "TOOLBRIDGE_EXPIRED_STREAM_SECONDS": "1",
}
LIST = {"name": "list_notes", "arguments": {}}


class Exported:
    """What a gateway exports."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def value(self, name: str, **labels: str) -> float:
        text = (await self._http.get("/metrics")).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    async def until(self, wanted: float, name: str, **labels: str) -> None:
        """Returns when it is so."""
        with anyio.fail_after(CALL_SECONDS):
            while await self.value(name, **labels) != wanted:
                await anyio.sleep(0.05)


@asynccontextmanager
async def reading(gateway: Process) -> AsyncIterator[tuple[httpx.AsyncClient, Exported]]:
    accept = {"Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(
        base_url=gateway.url, trust_env=False, timeout=CALL_SECONDS, headers=accept
    ) as http:
        yield http, Exported(http)


def of(user: str, **claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(user, **claims)}"}


async def in_session(http: httpx.AsyncClient) -> dict[str, str]:
    """The headers of requests in a new session of Streamable HTTP."""
    opened = await http.post("/mcp", json=HELLO, headers=of("ann"))
    own = of("ann") | {"mcp-session-id": opened.headers["mcp-session-id"]}
    await http.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=own)
    return own


async def test_a_session_is_counted_by_why_it_ended(api: Process, tmp_path: Path) -> None:
    ends = "mcp_session_disconnects_total"
    with running(gateway_process(api.url, tmp_path, **LIMITS)) as gateway:
        async with reading(gateway) as (http, exported):
            for _ in range(3):
                assert (await http.post("/mcp", json=HELLO, headers=of("ann"))).status_code == 200
            await exported.until(1, ends, client_id="by-hand", reason="limit")
            assert await exported.value("toolbridge_held", kind="sessions") == 2
            await exported.until(2, ends, client_id="by-hand", reason="idle")
            async with sse(gateway.url, token("ann")):
                await exported.until(1, "mcp_active_sessions_by_client", client_id="by-hand")
            await exported.until(1, ends, client_id="by-hand", reason="client")
            async with http.stream("GET", "/sse", headers=of("bob")):
                await exported.until(1, "mcp_active_sessions_by_client", client_id="unknown")
                await exported.until(1, ends, client_id="unknown", reason="idle")
            soon = int(time.time()) + 1
            async with http.stream("GET", "/sse", headers=of("cid", exp=soon)):
                await exported.until(1, ends, client_id="unknown", reason="expired")
            assert await exported.value("mcp_sessions_total") == await exported.value(ends) == 6
            assert await exported.value("mcp_active_sessions") == 0
            ended = "mcp_server_session_duration_seconds_count"
            assert await exported.value(ended, error_type="limit", mcp_protocol_version="2025-11-25") == 1
            assert await exported.value(ended, error_type="expired") == 1
            assert await exported.value(ended, error_type="") == 4


async def test_clients_that_come_back_are_counted_by_how(api: Process, tmp_path: Path) -> None:
    with running(gateway_process(api.url, tmp_path)) as gateway:
        async with reading(gateway) as (http, exported):
            own = await in_session(http)
            async with http.stream("GET", "/mcp", headers=own), http.stream("GET", "/mcp", headers=own):
                await exported.until(1, "mcp_reconnection_total", client_id="by-hand", reason="second_stream")
            async with http.stream("GET", "/sse", headers=of("bob")) as stream:
                lines = stream.aiter_lines()
                endpoint = [await anext(lines) for _ in range(2)][1].removeprefix("data: ")
                call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": LIST}
                assert (await http.post(endpoint, json=call, headers=of("bob"))).status_code == 202
                while not (line := await anext(lines)).startswith("data: "):
                    pass
                assert json.loads(line.removeprefix("data: "))["id"] == 1
            await exported.until(1, "mcp_reconnection_total", client_id="unknown", reason="resumed")
            await http.post(endpoint, json=call, headers=of("bob"))
            await exported.until(1, "mcp_reconnection_total", client_id="unknown", reason="session_not_found")


async def test_a_call_is_in_flight_until_its_client_cancels_it(api_binary: Path, tmp_path: Path) -> None:
    """Without sessions a client does so by leaving, in a session it says so."""
    api = api_process(api_binary, tmp_path)
    with running(api), running(gateway_process(api.url, tmp_path)) as gateway:
        async with reading(gateway) as (_, exported):
            for connect in (sse, session, alone):
                async with connect(gateway.url, token("ann")) as send, anyio.create_task_group() as group:
                    api.signal(signal.SIGSTOP)
                    group.start_soon(send, "tools/call", LIST)
                    await exported.until(1, "mcp_tool_inflight", tool_name="list_notes")
                    if connect is not alone:
                        await send.notify("notifications/cancelled", {"requestId": 7})
                        await exported.until(0, "mcp_tool_inflight_total")
                    group.cancel_scope.cancel()
                await exported.until(0, "mcp_tool_inflight_total")
                api.signal(signal.SIGCONT)
            cancelled = {"tool_name": "list_notes", "error_type": "cancelled"}
            await exported.until(3, "mcp_tool_errors_total", **cancelled)
            assert await exported.value("mcp_tool_calls_total", status="success") == 0
            durations = "mcp_server_operation_duration_seconds_count"
            assert await exported.value(durations, error_type="cancelled") == 3
