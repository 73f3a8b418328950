"""The HTTP server: it always has a descriptor left for a health check."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.harness.clients import over_sse
from tests.harness.processes import GATEWAY_COMMAND, Process, gateway_process, running
from toolbridge_mcp.uvicorn_server import most_connections

pytestmark = pytest.mark.anyio


@pytest.fixture
def poor_gateway(api: Process, tmp_path: Path) -> Iterator[Process]:
    """A gateway that may have 160 files and sockets."""
    process = gateway_process(api.url, tmp_path)
    process.command = ["bash", "-c", f"ulimit -n 160; exec {' '.join(GATEWAY_COMMAND)}"]
    with running(process):
        yield process


async def test_strangers_with_more_connections_than_descriptors_lock_nobody_out(
    poor_gateway: Process, bearer: str
) -> None:
    with ExitStack() as stack:
        for number in range(300):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", poor_gateway.port)))
            one.sendall([b"", b"\r\n", b"GET / HTT"][number % 3])
            if number % 50 == 0:
                answer = await asyncio.to_thread(httpx.get, f"{poor_gateway.url}/healthz", trust_env=False)
                assert answer.status_code == 200
        async with over_sse(poor_gateway.url, bearer) as tools:
            assert (await tools.call("list_notes"))["items"] == []
    assert "allows fewer connections" in poor_gateway.log.read_text()


def test_the_wanted_number_is_kept_where_the_system_allows_it() -> None:
    assert most_connections(50, 10) == 50
