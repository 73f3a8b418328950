"""Lists of tools and discoveries are written once, and are those that FastMCP would write."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest

from tests.harness.clients import HELLO, META, token
from tests.harness.processes import Process, gateway_process, running

pytestmark = pytest.mark.anyio

LIST: dict[str, Any] = {"jsonrpc": "2.0", "id": "läst", "method": "tools/list"}
VARIANTS = [
    LIST,
    {**LIST, "params": {}},
    {**LIST, "params": {"_meta": {"progressToken": 7}}},
    {**LIST, "params": {"_meta": {"progressToken": []}}},
    {**LIST, "params": {"cursor": "of no list"}},
    {**LIST, "params": None},
    {**LIST, "extra": 1},
]
ADDRESSES = ["", "?toolsets=work", "?toolsets=chatgpt,crud"]
SCOPES = ["read write", "read"]


@pytest.fixture(scope="module")
def both(api: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Process]]:
    """A gateway that writes lists once, and one where FastMCP makes each."""
    folders = [tmp_path_factory.mktemp(name) for name in ("short", "fastmcp")]
    with (
        running(gateway_process(api.url, folders[0])) as short,
        running(gateway_process(api.url, folders[1], TOOLBRIDGE_SHORT_WAY="false")) as fastmcp,
    ):
        yield short, fastmcp


@asynccontextmanager
async def caller(gateway: Process, scopes: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {
        "Authorization": f"Bearer {token('lists', scope=scopes)}",
        "Accept": "application/json, text/event-stream",
    }
    async with httpx.AsyncClient(base_url=gateway.url, headers=headers, trust_env=False, timeout=30) as http:
        yield http


def answer(response: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    differ = {"date", "server-timing"}
    fields = [(name, value) for name, value in response.headers.multi_items() if name not in differ]
    return response.status_code, fields, response.content


async def in_a_session(gateway: Process, query: str, scopes: str) -> list[object]:
    async with caller(gateway, scopes) as http:
        opened = await http.post(f"/mcp{query}", json=HELLO)
        http.headers["Mcp-Session-Id"] = opened.headers["Mcp-Session-Id"]
        await http.post(f"/mcp{query}", json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        sent = [await http.post(f"/mcp{query}", json=variant) for variant in VARIANTS]
        return list(map(answer, sent))


async def alone(gateway: Process, query: str, scopes: str, method: str = "tools/list") -> list[object]:
    answers: list[object] = []
    async with caller(gateway, scopes) as http:
        http.headers.update({"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method})
        for variant in [*VARIANTS, {**LIST, "params": {"_meta": {**META, "progressToken": 7}}}]:
            params = variant.get("params") or {}
            whole = {
                **variant,
                "method": method,
                "params": {**params, "_meta": {**META, **params.get("_meta", {})}},
            }
            answers.append(answer(await http.post(f"/mcp{query}", json=whole)))
    return answers


discovered = partial(alone, method="server/discover")


async def over_a_stream(gateway: Process, query: str, scopes: str) -> list[object]:
    answers: list[object] = []
    async with caller(gateway, scopes) as http, http.stream("GET", f"/sse{query}") as stream:
        lines = (line async for line in stream.aiter_lines() if line.startswith("data: "))
        messages = (await anext(lines)).removeprefix("data: ")
        await http.post(messages, json=HELLO)
        await anext(lines)
        for variant in VARIANTS:
            posted = await http.post(messages, json=variant)
            answers.append((answer(posted), await anext(lines)))
    return answers


@pytest.mark.parametrize("scopes", SCOPES)
@pytest.mark.parametrize("query", ADDRESSES)
@pytest.mark.parametrize("way", [in_a_session, alone, discovered, over_a_stream])
async def test_a_list_is_the_same_on_both_ways(
    way: Any, query: str, scopes: str, both: tuple[Process, Process]
) -> None:
    short, fastmcp = [await way(gateway, query, scopes) for gateway in both]
    assert short == fastmcp


async def test_scopes_and_addresses_do_not_share_a_list(both: tuple[Process, Process]) -> None:
    seen = set()
    for query in ADDRESSES:
        for scopes in SCOPES:
            content = (await in_a_session(both[0], query, scopes))[0]
            assert isinstance(content, tuple)
            seen.add(tuple(tool["name"] for tool in json.loads(content[2])["result"]["tools"]))
    assert len(seen) == len(ADDRESSES) * len(SCOPES)


@pytest.mark.parametrize(
    "content",
    [
        b'{"jsonrpc":"2.0","method":"tools/list"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{},"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{},"id":2}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{},"id":true}',
    ],
)
async def test_a_message_that_only_begins_like_a_request_for_the_list_gets_none(
    content: bytes, both: tuple[Process, Process]
) -> None:
    answers = []
    for gateway in both:
        async with caller(gateway, "read") as http:
            http.headers["Content-Type"] = "application/json"
            opened = await http.post("/mcp", json=HELLO)
            http.headers["Mcp-Session-Id"] = opened.headers["Mcp-Session-Id"]
            answers.append(answer(await http.post("/mcp", content=content)))
    assert answers[0] == answers[1]
