"""What the choice of toolsets in an address does: which tools a client sees, and what a name means."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.harness.clients import HELLO, Tools, over_http, over_sse
from tests.harness.processes import Process, gateway_process, running
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.tools.chatgpt import ALL_CHATGPT
from toolbridge_mcp.tools.operations import OPERATIONS
from toolbridge_mcp.tools.toolsets import CHATGPT, CRUD, WORK
from toolbridge_mcp.tools.work import ALL_WORK

pytestmark = pytest.mark.anyio

NAMES = {
    WORK: [work.name for work in ALL_WORK],
    CHATGPT: [work.name for work in ALL_CHATGPT],
    CRUD: [operation.tool_name(entity) for entity in ENTITIES for operation in OPERATIONS],
}
DEFAULT = [*NAMES[WORK], *NAMES[CRUD]]
"""Everyday work comes first: a host that takes only some tools takes those with which all can be done."""

Connect = Callable[[str, str, str], AbstractAsyncContextManager[Tools]]
WAYS: dict[str, Connect] = {
    "SSE": over_sse,
    "2026-07-28": over_http,
    "2025-11-25": partial(over_http, mode="legacy"),
}
each_way = pytest.mark.parametrize("connect", WAYS.values(), ids=WAYS)


async def listed(tools: Tools) -> list[str]:
    return [tool.name for tool in await tools.client.list_tools()]


@each_way
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", DEFAULT),
        ("?toolsets=", DEFAULT),
        ("?toolsets=crud", NAMES[CRUD]),
        ("?toolsets=WORK", NAMES[WORK]),
        ("?toolsets=crud,work", DEFAULT),
        ("?toolsets=chatgpt", NAMES[CHATGPT]),
        ("?toolsets=chatgpt,work", [*(name for name in NAMES[WORK] if name != "search"), *NAMES[CHATGPT]]),
        ("?toolsets=work&toolsets=crud", DEFAULT),
    ],
)
async def test_a_client_sees_the_tools_that_its_address_chooses(
    query: str, names: list[str], connect: Connect, gateway: Process, bearer: str
) -> None:
    async with connect(gateway.url, bearer, query) as tools:
        assert await listed(tools) == names


@each_way
async def test_another_toolsets_tool_is_unknown_and_the_answer_names_its_toolset(
    connect: Connect, gateway: Process, bearer: str
) -> None:
    async with connect(gateway.url, bearer, "?toolsets=work") as tools:
        refusal = await tools.refusal("create_note", title="t", content="c")
    assert refusal.startswith("Unknown tool: 'create_note'. It belongs to the toolset crud, which ")
    assert "?toolsets=work,crud at the end" in refusal
    assert refusal.endswith(f"Tools here: {', '.join(NAMES[WORK])}. Nothing was done.")
    async with connect(gateway.url, bearer, "?toolsets=crud") as tools:
        assert (await tools.call("list_notes"))["items"] == []


@each_way
@pytest.mark.parametrize("name", ["creat_note", "x" * 5_000, "note\x00s'<b>", "🙂"])
async def test_an_unknown_tool_is_answered_with_similar_names(
    name: str, connect: Connect, gateway: Process, bearer: str
) -> None:
    async with connect(gateway.url, bearer, "") as tools:
        refusal = await tools.refusal(name)
    assert refusal.startswith("Unknown tool: ")
    assert len(refusal) < 250
    assert "\x00" not in refusal
    assert ("Similar tools: create_note, " in refusal) == (name == "creat_note")


async def test_each_request_over_http_is_answered_for_its_own_address(gateway: Process, bearer: str) -> None:
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "application/json, text/event-stream"}
    ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, headers=headers) as http:
        hello = await http.post("/mcp?toolsets=work", json=HELLO)
        headers = {"Mcp-Session-Id": hello.headers["Mcp-Session-Id"]}
        for query, names in (("", DEFAULT), ("?toolsets=crud", NAMES[CRUD]), ("?toolsets=work", NAMES[WORK])):
            answer = await http.post(f"/mcp{query}", json=ask, headers=headers)
            assert [tool["name"] for tool in answer.json()["result"]["tools"]] == names
        assert (await http.post("/mcp?toolsets=x", json=ask, headers=headers)).status_code == 400
        assert (await http.delete("/mcp?toolsets=work", headers=headers)).status_code == 200


BOUNDED = {
    "a default": ({"TOOLSETS": "crud"}, "", NAMES[CRUD]),
    "a default in capitals": ({"TOOLSETS": "CRUD"}, "", NAMES[CRUD]),
    "a default is no limit": ({"TOOLSETS": "crud"}, "?toolsets=work", NAMES[WORK]),
    "tools": ({"TOOLS": "notes"}, "?toolsets=crud", [name for name in NAMES[CRUD] if "note" in name]),
    "tools of another toolset": ({"TOOLS": "notes"}, "?toolsets=work", []),
    "a toolset as tools": ({"TOOLS": "crud"}, "?toolsets=work,crud", NAMES[CRUD]),
    "reading only": (
        {"READ_ONLY": "true"},
        "?toolsets=crud",
        [operation.tool_name(entity) for entity in ENTITIES for operation in OPERATIONS[:2]],
    ),
}


@pytest.mark.parametrize(("settings", "query", "names"), BOUNDED.values(), ids=BOUNDED)
async def test_a_deployment_bounds_every_choice(
    settings: dict[str, str], query: str, names: list[str], api: Process, tmp_path: Path, bearer: str
) -> None:
    named = {f"TOOLBRIDGE_{name}": value for name, value in settings.items()}
    with running(gateway_process(api.url, tmp_path, **named)) as process:
        for connect in WAYS.values():
            async with connect(process.url, bearer, query) as tools:
                assert await listed(tools) == names


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/list", {"cursor": 5}),
        ("tools/call", {"name": 5}),
        ("tools/call", {"name": "list_notes", "arguments": []}),
    ],
)
async def test_a_malformed_request_is_no_request(
    method: str, params: dict[str, object], gateway: Process, bearer: str
) -> None:
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, headers=headers) as http:
        hello = await http.post("/mcp", json=HELLO)
        headers = {"Mcp-Session-Id": hello.headers["Mcp-Session-Id"]}
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = await http.post("/mcp", json=message, headers=headers)
    assert answer.json()["error"]["message"] == "Invalid request parameters"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("notes_list", "Similar tools: list_notes"),
        ("mcp__toolbridge__get_note", "Similar tools: get_note"),
        ("toolbridge.listChatMessages", "Similar tools: list_chat_messages"),
        ("get_notes", "get_note, list_notes"),
        ("complete_task", 'process_task does that, with action="complete".'),
        ("mark_chat_message_read", 'process_chat_message does that, with action="mark_read".'),
    ],
)
async def test_an_invented_tool_is_refused_with_the_one_that_was_probably_meant(
    name: str, says: str, tools: Tools
) -> None:
    refusal = await tools.refusal(name)
    assert says in refusal
    assert refusal.endswith("Nothing was done.")
