"""Each request to the API says for which tool and client it is made."""

import httpx
import pytest
from fastmcp import Client, FastMCP
from fastmcp.client.transports import SSETransport, StreamableHttpTransport
from mcp.types import Implementation

from tests.harness.clients import Rest
from tests.harness.processes import Process
from tests.harness.recording import Recording

pytestmark = pytest.mark.anyio

NAMES = [
    (Implementation(name="claude-code", version="2.1.0"), "claude-code/2.1.0"),
    (Implementation(name="Visual Studio Code", version="1.120"), "Visual-Studio-Code/1.120"),
    (Implementation(name="line\r\nX-TB-Tenant-ID: other", version="é"), "line-X-TB-Tenant-ID:-other/-"),
    (Implementation(name="x" * 500, version="1"), "x" * 128),
    (Implementation(name="", version=""), "/"),
]


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(("said", "sent"), NAMES, ids=range(len(NAMES)))
async def test_a_request_names_the_tool_and_the_client(
    said: Implementation, sent: str, server: FastMCP, upstream: Recording
) -> None:
    async with Client(server, client_info=said) as client:
        await client.call_tool("create_note", {"title": "Milk", "content": ""}, raise_on_error=False)
    request = upstream.calls[-1]
    assert request.headers["X-TB-Tool"] == "create_note"
    assert request.headers["X-TB-Client"] == sent


@pytest.mark.parametrize(
    ("transport", "path", "mode"),
    [
        (SSETransport, "/sse", "auto"),
        (StreamableHttpTransport, "/mcp", "legacy"),
        (StreamableHttpTransport, "/mcp", "2026-07-28"),
    ],
)
async def test_the_journal_says_who_wrote_with_which_tool_and_client(
    transport: type[SSETransport | StreamableHttpTransport],
    path: str,
    mode: str,
    gateway: Process,
    bearer: str,
    user: str,
    rest: Rest,
) -> None:
    to = transport(gateway.url + path, headers={"Authorization": f"Bearer {bearer}"})
    async with Client(to, mode=mode, client_info=Implementation(name="tester", version="7")) as client:
        created = await client.call_tool("create_note", {"title": "Milk", "content": ""})
    lines = (await rest.json("GET", "/v1/journal"))["lines"]
    (line,) = [line for line in lines if line.get("uid") == created.structured_content["uid"]]
    assert (line["by"], line["client"], line["tool"]) == (user, "tester/7", "create_note")


async def test_a_client_that_names_itself_again_is_known_by_the_new_name(
    gateway: Process, bearer: str, rest: Rest
) -> None:
    call = {"name": "create_note", "arguments": {"title": "Milk", "content": ""}}
    headers = {"Authorization": f"Bearer {bearer}"}
    async with (
        httpx.AsyncClient(base_url=gateway.url, headers=headers, trust_env=False, timeout=30) as http,
        http.stream("GET", "/sse") as stream,
    ):
        data = (line[6:] async for line in stream.aiter_lines() if line.startswith("data: "))
        messages = await anext(data)
        for name in ("first", "second"):
            info = {"name": name, "version": "1"}
            greeting = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
            for method, params in (("initialize", greeting), ("tools/call", call)):
                message = {"jsonrpc": "2.0", "id": method, "method": method, "params": params}
                await http.post(messages, json=message)
                await anext(data)
    lines = (await rest.json("GET", "/v1/journal"))["lines"]
    assert {line["client"] for line in lines} == {"first/1", "second/1"}
