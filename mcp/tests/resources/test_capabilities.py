"""What is advertised is there, and what is there is advertised."""

from pathlib import Path

import httpx
import pytest

from tests.harness.clients import HELLO, META, over_sse
from tests.harness.processes import Process, gateway_process, running

pytestmark = pytest.mark.anyio


async def capabilities(url: str, bearer: str) -> list[dict[str, object]]:
    """Of both eras: of `initialize`, and of `server/discover`."""
    discover = {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": META}}
    answers = []
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        for message, version in ((HELLO, "2025-11-25"), (discover, "2026-07-28")):
            headers = {
                "Authorization": f"Bearer {bearer}",
                "Accept": "application/json, text/event-stream",
                "MCP-Protocol-Version": version,
                "MCP-Method": str(message["method"]),
            }
            answer = await http.post("/mcp", headers=headers, json=message)
            _, _, data = answer.text.partition("data: ")
            result = httpx.Response(200, text=data or answer.text).json()["result"]
            answers.append(result["capabilities"])
    return answers


async def test_both_eras_advertise_what_is_there(gateway: Process, bearer: str) -> None:
    for advertised in await capabilities(gateway.url, bearer):
        assert advertised.keys() == {"tools", "resources", "prompts", "completions"}
        for parts in advertised.values():
            assert isinstance(parts, dict)
            assert not any(parts.values()), "nothing is subscribed to, and no list changes"


async def test_what_is_empty_is_not_advertised(api: Process, tmp_path: Path, bearer: str) -> None:
    with running(gateway_process(api.url, tmp_path, TOOLBRIDGE_TOOLS="create_note")) as process:
        for advertised in await capabilities(process.url, bearer):
            assert advertised.keys() == {"tools"}
        async with over_sse(process.url, bearer) as tools:
            assert [tool.name for tool in await tools.client.list_tools()] == ["create_note"]
