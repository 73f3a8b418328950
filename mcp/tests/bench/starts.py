"""Cold starts of the gateway, compared with what Python takes to import FastMCP's server."""

import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.bench import servers
from tests.bench.load import Session
from tests.harness.authorization_server import AuthorizationServer, running_authorization_server
from tests.harness.clients import META
from tests.harness.processes import START_SECONDS

FIRST, IMPORT = "first answer", "import of fastmcp.server.server"
IMPORTING = [sys.executable, "-c", "import fastmcp.server.server"]
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
REVISION = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "get_note"}


def measure(tree: Path, api_binary: Path, folder: Path, count: int) -> dict[str, list[float]]:
    """Seconds from the start of the process to the first answered tool call, and of the import, in turn."""
    seconds: dict[str, list[float]] = {FIRST: [], IMPORT: []}
    apart = folder / "starts"
    apart.mkdir()
    with (
        running_authorization_server() as authority,
        servers.started(servers.api(api_binary, apart, authority)) as (api,),
    ):
        (user,) = servers.Data(api.url, authority).users(1)
        subprocess.run(IMPORTING, check=True)
        for _ in range(count):
            seconds[FIRST].append(_first_answer(tree, api.url, apart, authority, user))
            begun = time.monotonic()
            subprocess.run(IMPORTING, check=True)
            seconds[IMPORT].append(time.monotonic() - begun)
    return seconds


def _first_answer(
    tree: Path, api_url: str, folder: Path, authority: AuthorizationServer, user: Session
) -> float:
    gateway = servers.gateway(tree, api_url, folder, authority)
    accept = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {user.bearer}"}
    params = {"name": "get_note", "arguments": {"uid": user.uid}, "_meta": META}
    with httpx.Client(headers={**accept, **REVISION}, trust_env=False, timeout=60) as client:
        begun = time.monotonic()
        gateway.launch()
        try:
            while not _answers(client, f"{gateway.url}/mcp", {**CALL, "params": params}):
                if time.monotonic() - begun > START_SECONDS:
                    raise RuntimeError(
                        f"no answer within {START_SECONDS} s: {gateway.log.read_text()[-2000:]}"
                    )
                time.sleep(0.005)
            return time.monotonic() - begun
        finally:
            gateway.stop()


def _answers(client: httpx.Client, url: str, message: dict[str, object]) -> bool:
    try:
        answer = client.post(url, json=message)
    except httpx.TransportError:
        return False
    return answer.status_code == 200 and 'isError":true' not in answer.text
