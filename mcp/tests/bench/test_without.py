"""The programs that a measurement leaves a part out of really lack it, and nothing else."""

import re
import sys
from pathlib import Path

import httpx
import pytest

from tests.bench.without import PARTS, leave_out_journal
from tests.harness.clients import META, token
from tests.harness.processes import Process, api_process, free_port, gateway_process, running

pytestmark = pytest.mark.anyio

COUNTED = re.compile(r'^toolbridge_calls_total\{[^}]*tool="create_note"[^}]*\} [1-9]', re.MULTILINE)


def lacking(parts: frozenset[str], api: Process, folder: Path) -> Process:
    process = gateway_process(api.url, folder, TOOLBRIDGE_METRICS_PORT=str(free_port()))
    process.command = [sys.executable, "-m", "tests.bench.without", ",".join(parts), "serve"]
    return process


async def call(http: httpx.AsyncClient, name: str, **arguments: object) -> httpx.Response:
    headers = {
        "Authorization": f"Bearer {token('without')}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": name,
    }
    params = {"name": name, "arguments": arguments, "_meta": META}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    answer = await http.post("/mcp", json=message, headers=headers)
    assert not answer.json()["result"]["isError"], answer.text
    return answer


async def test_a_gateway_lacks_metrics_and_server_timing(api: Process, tmp_path: Path) -> None:
    with running(lacking(PARTS, api, tmp_path)) as gateway:
        metrics = f"http://127.0.0.1:{gateway.environment['TOOLBRIDGE_METRICS_PORT']}/metrics"
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
            answer = await call(http, "create_note", title="t", content="c")
            counted = (await http.get(metrics)).text
    assert "Server-Timing" not in answer.headers
    assert COUNTED.search(counted) is None


async def test_an_api_lacks_its_journal(api_binary: Path, tmp_path: Path) -> None:
    with running(api_process(api_binary, tmp_path)) as api:
        leave_out_journal(tmp_path / "toolbridge.db")
        with running(gateway_process(api.url, tmp_path)) as gateway:
            async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
                created = await call(http, "create_note", title="before", content="c")
                uid = created.json()["result"]["structuredContent"]["uid"]
                await call(http, "patch_note", uid=uid, updates={"title": "after"})
                read = (await call(http, "get_note", uid=uid)).json()["result"]["structuredContent"]
                changes = (await call(http, "changes", since="2020-01-01")).text
    assert read["payload"]["title"] == "after"
    assert uid[:8] not in changes
