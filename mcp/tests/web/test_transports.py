"""One gateway, three transports: the same tools, answers and refusals on each."""

import http.client
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
from fastmcp import Client
from fastmcp.client.transports import SSETransport, StreamableHttpTransport

from tests.harness.clients import HELLO, META, Tools, token
from tests.harness.processes import Process
from tests.harness.published import TOOLS

pytestmark = pytest.mark.anyio
Connect = Callable[[str, str], AbstractAsyncContextManager[Tools]]


def over(path: str, mode: str) -> Connect:
    @asynccontextmanager
    async def connect(url: str, bearer: str) -> AsyncIterator[Tools]:
        kind = SSETransport if path == "/sse" else StreamableHttpTransport
        transport = kind(url + path, headers={"Authorization": f"Bearer {bearer}"})
        async with Client(transport, mode=mode) as client:
            yield Tools(client)

    return connect


TRANSPORTS = {
    "SSE": over("/sse", "legacy"),
    "Streamable HTTP with a session": over("/mcp", "legacy"),
    "Streamable HTTP without one": over("/mcp", "auto"),
}
each_transport = pytest.mark.parametrize("connect", TRANSPORTS.values(), ids=TRANSPORTS)


@each_transport
async def test_the_tools_and_their_answers_are_the_same(
    connect: Connect, gateway: Process, bearer: str
) -> None:
    async with connect(gateway.url, bearer) as tools:
        names = [tool.name for tool in await tools.client.list_tools()]
        assert len(names) == len(TOOLS)
        note = await tools.call("create_note", title="t \u00e4 \U0001f600", content="c", tags=["a"])
        assert await tools.call("get_note", uid=note["uid"]) == note
        assert [item["uid"] for item in (await tools.call("list_notes"))["items"]] == [note["uid"]]


async def test_only_what_is_there_is_advertised(gateway: Process, bearer: str) -> None:
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "application/json, text/event-stream"}
    discover = {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": META}}
    newest = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "server/discover"}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, headers=headers) as http:
        for message, more in ((HELLO, {}), (discover, newest)):
            result = (await http.post("/mcp", json=message, headers=more)).json()["result"]
            capabilities = result["capabilities"]
            assert capabilities["tools"] == {"listChanged": False}
            assert not {"logging", "extensions", "experimental"} & capabilities.keys()


@each_transport
async def test_a_refusal_reads_the_same(connect: Connect, gateway: Process, bearer: str) -> None:
    async with connect(gateway.url, bearer) as tools:
        missing = await tools.refusal("get_note", uid="00000000-0000-4000-8000-000000000000")
        wrong = await tools.refusal("get_note", uid="x")
        unknown = await tools.refusal("get_notes", uid="x")
    assert missing.startswith("The user has no note with this uid.")
    assert wrong.startswith("The arguments do not fit: uid should be an id")
    assert "get_notes" in unknown


@each_transport
async def test_a_list_sent_as_text_is_understood(connect: Connect, gateway: Process, bearer: str) -> None:
    async with connect(gateway.url, bearer) as tools:
        note = await tools.call("create_note", title="t", content="c", tags='["a"]')
    assert note["payload"]["tags"] == ["a"]


async def test_a_session_of_streamable_http_is_closed_to_every_other_user(
    gateway: Process, user: str
) -> None:
    """It answers a stranger as if it did not exist (MCP 2025-11-25, transports, session management)."""
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        accept = {"Accept": "application/json, text/event-stream"}
        mine = {**accept, "Authorization": f"Bearer {token(user)}"}
        opened = await http.post("/mcp", json=HELLO, headers=mine)
        session = {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}
        theirs = {**accept, "Authorization": f"Bearer {token('somebody-else')}"}
        assert (await http.post("/mcp", json=ping, headers=theirs | session)).status_code == 404
        assert (await http.delete("/mcp", headers=theirs | session)).status_code == 404
        assert (await http.post("/mcp", json=ping, headers=mine | session)).status_code == 200
        missed = {"Last-Event-ID": "1", "MCP-Protocol-Version": "2025-11-25"}
        async with http.stream("GET", "/mcp", headers=mine | session | missed) as stream:
            assert stream.status_code == 200
        assert (await http.delete("/mcp", headers=mine | session)).status_code == 200
        assert (await http.post("/mcp", json=ping, headers=mine | session)).status_code == 404


async def test_there_is_nothing_to_listen_to(gateway: Process, bearer: str) -> None:
    """Once the SDK serves it, its streams need a limit and an end."""
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "subscriptions/listen",
        "Authorization": f"Bearer {bearer}",
    }
    params = {"_meta": META, "notifications": {"toolsListChanged": True}}
    listen = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        answer = await http.post("/mcp", json=listen, headers=headers)
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "Method not found")


def test_whitespace_around_a_header_is_no_part_of_it(gateway: Process, bearer: str) -> None:
    params = {"name": "list_notes", "arguments": {}, "_meta": META}
    headers = {
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": " 2026-07-28 ",
        "Mcp-Method": "  tools/call\t",
        "Mcp-Name": "\tlist_notes  ",
        "Authorization": f"  Bearer {bearer} ",
    }
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"))
    connection.request("POST", "/mcp", body, headers)
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)["result"]["isError"]) == (200, False)
    connection.close()


async def test_the_answer_to_a_registration_says_what_to_bring(gateway: Process) -> None:
    """Clients register after a 401 that names no authorization server, and show the answer."""
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        answer = await http.post("/register", json={})
    assert answer.status_code == 404
    assert "with a token" in answer.json()["error_description"]
