"""A call that is cancelled ends its request to the API and leaves nothing behind."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import httpx
import pytest

from tests.harness.clients import META, Tools, over_sse, token
from tests.harness.misbehaving import Behaviour, gateway_before, misbehaving, raw, silent
from tests.harness.processes import Process, api_process, gateway_process, running

pytestmark = pytest.mark.anyio
READ: tuple[str, dict[str, Any]] = ("get_note", {"uid": str(uuid4())})
WRITE: tuple[str, dict[str, Any]] = ("create_note", {"title": "t", "content": "c"})
HALF = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", pause=60)


async def cancelled(calls: list[asyncio.Task[Any]]) -> None:
    """Cancels the calls as an AI client does: with notifications/cancelled."""
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)


def begin(tools: Tools, call: tuple[str, dict[str, Any]], times: int = 1) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(tools.result(call[0], **call[1])) for _ in range(times)]


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize("behaviour", [silent, HALF], ids=["no answer yet", "half an answer"])
async def test_a_cancelled_call_closes_its_connection_to_the_api(
    call: tuple[str, dict[str, Any]], behaviour: Behaviour, tmp_path: Path
) -> None:
    async with (
        misbehaving(behaviour) as api,
        gateway_before(api, tmp_path) as gateway,
        over_sse(gateway.url, token("ann")) as tools,
    ):
        calls = begin(tools, call, times=20)
        await api.until(lambda: api.held == 20)
        await cancelled(calls)
        with anyio.fail_after(5):
            await api.until(lambda: api.held == 0)
            await tools.call("list_chats")
        assert len(api.requests) == 20


async def test_a_closed_stream_ends_its_calls(tmp_path: Path) -> None:
    async with misbehaving(silent) as api, gateway_before(api, tmp_path) as gateway:
        with suppress(Exception):
            async with over_sse(gateway.url, token("ann")) as tools:
                calls = begin(tools, READ, times=20)
                await api.until(lambda: len(api.requests) == 20)
        with anyio.fail_after(5):
            await asyncio.gather(*calls, return_exceptions=True)
            await api.until(lambda: api.opened - api.closed <= 1)
            async with over_sse(gateway.url, token("ann")) as tools:
                await tools.call("list_chats")


async def test_a_call_without_a_session_ends_when_its_client_leaves(tmp_path: Path) -> None:
    """Closing the connection is how a client of revision 2026-07-28 cancels a call."""
    headers = {
        "Authorization": f"Bearer {token('ann')}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": READ[0],
    }
    params = {"name": READ[0], "arguments": READ[1], "_meta": META}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    async with misbehaving(silent) as api, gateway_before(api, tmp_path) as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
            calls = [asyncio.create_task(http.post("/mcp", json=call, headers=headers)) for _ in range(20)]
            await api.until(lambda: len(api.requests) == 20)
            await cancelled(calls)
        with anyio.fail_after(5):
            await api.until(lambda: api.opened - api.closed <= 1)


def connections_to(port: int) -> int:
    """Established TCP connections of this machine to a port of the loopback address."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    remote_and_state = [line.split()[2:4] for line in lines]
    return sum(state == "01" and remote.endswith(f":{port:04X}") for remote, state in remote_and_state)


@pytest.fixture
def own_api(api_binary: Path, tmp_path: Path) -> Iterator[Process]:
    with running(api_process(api_binary, tmp_path)) as api:
        yield api


async def test_calls_to_the_real_api_can_be_cancelled_while_it_is_frozen(
    own_api: Process, tmp_path: Path, bearer: str
) -> None:
    with running(gateway_process(own_api.url, tmp_path)) as gateway:
        async with over_sse(gateway.url, bearer) as tools:
            await tools.call("list_notes")
            idle = connections_to(own_api.port)
            own_api.signal(signal.SIGSTOP)
            try:
                calls = begin(tools, WRITE, times=20)
                with anyio.fail_after(5):
                    while connections_to(own_api.port) < 20:
                        await asyncio.sleep(0.01)
                    await cancelled(calls)
                    while connections_to(own_api.port) > idle:
                        await asyncio.sleep(0.01)
            finally:
                own_api.signal(signal.SIGCONT)
            assert len((await tools.call("list_notes"))["items"]) <= 20
