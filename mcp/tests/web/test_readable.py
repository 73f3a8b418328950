"""Messages whose arguments the SDK cannot parse: the call gets an answer that says why."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.harness.clients import CALL_SECONDS, HELLO
from tests.harness.processes import Process

pytestmark = pytest.mark.anyio
Answer = Callable[[str], Awaitable[dict[str, Any]]]

ARGUMENTS = {
    "half of a surrogate pair": r'{"title": "\ud83d", "content": "c"}',
    "a number of 5,000 digits": f'{{"title": "t", "content": {"9" * 5_000}}}',
    "300 levels": f'{{"title": "t", "content": {"[" * 300}{"]" * 300}}}',
    "half of JSON": '{"title": ',
}
PYTHON = '{"jsonrpc": "2.0", "id": ID, "method": "tools/call", "params": PARAMS}'
TYPESCRIPT = '{"method": "tools/call", "params": PARAMS, "jsonrpc": "2.0", "id": ID}'


@asynccontextmanager
async def over_sse(http: httpx.AsyncClient) -> AsyncIterator[Answer]:
    async with http.stream("GET", "/sse") as stream:
        lines = stream.aiter_lines()
        data = (line.removeprefix("data: ") async for line in lines if line.startswith("data: "))
        path = await anext(data)

        async def answer(message: str) -> dict[str, Any]:
            assert (await http.post(path, content=message)).status_code == 202
            return dict(json.loads(await anext(data)))

        yield answer


@asynccontextmanager
async def over_mcp(http: httpx.AsyncClient) -> AsyncIterator[Answer]:
    opened = await http.post("/mcp", json=HELLO)
    http.headers["Mcp-Session-Id"] = opened.headers["Mcp-Session-Id"]

    async def answer(message: str) -> dict[str, Any]:
        return dict((await http.post("/mcp", content=message)).json())

    yield answer


@pytest.mark.parametrize("written", [PYTHON, TYPESCRIPT], ids=["Python", "TypeScript"])
@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
@pytest.mark.parametrize("connect", [over_sse, over_mcp])
async def test_what_the_sdk_cannot_parse_is_an_error_of_the_call(
    connect: Any, arguments: str, written: str, gateway: Process, bearer: str
) -> None:
    logged = gateway.log.stat().st_size
    headers = {
        "Authorization": f"Bearer {bearer}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
    }
    async with (
        httpx.AsyncClient(
            base_url=gateway.url, trust_env=False, headers=headers, timeout=CALL_SECONDS
        ) as http,
        connect(http) as answer,
    ):
        for request_id in (5, "six"):
            call = written.replace("PARAMS", f'{{"name": "create_note", "arguments": {arguments}}}')
            refused = await answer(call.replace("ID", json.dumps(request_id)))
            assert refused["id"] == request_id
            assert refused["error"]["message"].startswith("The arguments do not fit: ")
            assert "half of an emoji" in refused["error"]["message"]
        call = written.replace("PARAMS", '{"name": "list_notes", "arguments": {"view": "full"}}')
        listed = await answer(call.replace("ID", "7"))
        assert listed["result"]["structuredContent"]["items"] == []
    log = gateway.log.read_bytes()[logged:].decode()
    assert "Traceback" not in log
    assert '"level": "error"' not in log
