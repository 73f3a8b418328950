"""What is sent of FastMCP's answers: no end of a line inside JSON, and a session id only where one opens."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
from starlette.types import Message

from tests.harness.clients import HELLO, META, whole
from tests.harness.processes import Process
from toolbridge_mcp.web.wire import SEPARATORS, JsonAnswer, without_separators

pytestmark = pytest.mark.anyio
ENDS_OF_LINES = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
"""All characters at which Python's `splitlines` splits, but those at which clients must split."""

TEXT = ENDS_OF_LINES.join("a\u201cb\u00c2c\U0001f600d")
ACCEPT = {"Accept": "application/json, text/event-stream"}


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": tool, "arguments": {**whole(tool), **arguments}}
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}


@asynccontextmanager
async def caller(gateway: Process, bearer: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {bearer}", **ACCEPT}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, headers=headers, timeout=10) as http:
        yield http


@asynccontextmanager
async def over_sse(http: httpx.AsyncClient) -> AsyncIterator[Any]:
    """Asks over SSE, and reads as httpx-sse 0.4.1 does, which splits lines like Python."""
    async with http.stream("GET", "/sse") as stream:
        lines = stream.aiter_lines()
        data = (line.removeprefix("data: ") async for line in lines if line.startswith("data: "))
        messages = await anext(data)

        async def ask(message: dict[str, Any]) -> Any:
            assert (await http.post(messages, json=message)).status_code == 202
            with anyio.fail_after(5):
                return json.loads(await anext(data))

        yield ask


@asynccontextmanager
async def over_http(http: httpx.AsyncClient) -> AsyncIterator[Any]:
    opened = await http.post("/mcp", json=HELLO)
    session = {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}

    async def ask(message: dict[str, Any]) -> Any:
        answer = await http.post("/mcp", json=message, headers=session)
        assert len(answer.text.splitlines()) == 1
        return answer.json()

    yield ask


@asynccontextmanager
async def over_http_without_session(http: httpx.AsyncClient) -> AsyncIterator[Any]:
    async def ask(message: dict[str, Any]) -> Any:
        headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": message["method"]}
        headers["Mcp-Name"] = message["params"]["name"]
        params = {**message["params"], "_meta": META}
        answer = await http.post("/mcp", json={**message, "params": params}, headers=headers)
        assert len(answer.text.splitlines()) == 1
        return answer.json()

    yield ask


def text_in(answer: dict[str, Any]) -> str:
    """The text of a tool's result."""
    text: str = answer["result"]["content"][0]["text"]
    return text


@pytest.mark.parametrize("connect", [over_sse, over_http, over_http_without_session])
async def test_a_client_that_splits_lines_like_python_gets_every_answer(
    connect: Any, gateway: Process, bearer: str
) -> None:
    async with caller(gateway, bearer) as http, connect(http) as ask:
        created = json.loads(text_in(await ask(call("create_note", title=TEXT, content=TEXT))))
        assert (created["payload"]["title"], created["payload"]["content"]) == (TEXT, TEXT)
        assert json.loads(text_in(await ask(call("list_notes"))))["items"] == [created]
        assert (await ask(call("get_note", uid=TEXT)))["result"]["isError"]


def test_json_keeps_its_meaning_without_separators() -> None:
    document = {TEXT: [TEXT, json.dumps(TEXT, ensure_ascii=False)]}
    body = json.dumps(document, ensure_ascii=False).encode()
    assert len(body.decode().splitlines()) > 1
    changed = without_separators(body)
    assert json.loads(changed) == document
    assert len(changed.decode().splitlines()) == 1


def test_other_characters_are_left_alone() -> None:
    every = "".join(chr(code) for code in range(0x20, 0x3000) if chr(code) not in ENDS_OF_LINES)
    body = every.encode()
    assert without_separators(body) is body


@pytest.mark.parametrize("separator", [separator for separator, _ in SEPARATORS])
async def test_the_length_of_an_answer_is_that_of_what_is_sent(separator: bytes) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    answer = JsonAnswer(send)
    body = b'"' + separator * 3 + b'"'
    headers = [(b"content-length", b"%d" % len(body))]
    await answer.send({"type": "http.response.start", "status": 200, "headers": headers})
    await answer.send({"type": "http.response.body", "body": body})
    assert sent[0]["headers"] == [(b"content-length", b"%d" % len(sent[1]["body"]))]


PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
WITH_SESSION: dict[str, tuple[str, dict[str, Any]]] = {
    "a result": ("POST", {"json": PING}),
    "an error of JSON-RPC": ("POST", {"json": PING | {"method": "none"}}),
    "a notification": ("POST", {"json": {"jsonrpc": "2.0", "method": "notifications/initialized"}}),
    "no JSON": ("POST", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
    "no message": ("POST", {"json": {}}),
    "another type": ("POST", {"content": b"{}", "headers": {"Content-Type": "text/plain"}}),
    "nothing acceptable": ("POST", {"json": PING, "headers": {"Accept": "image/png"}}),
    "a GET that accepts no events": ("GET", {"headers": {"Accept": "image/png"}}),
    "an unknown method": ("PUT", {"json": PING}),
    "a second opening": ("POST", {"json": HELLO}),
    "a refused second opening": ("POST", {"json": HELLO | {"params": {}}}),
    "an end": ("DELETE", {}),
}


REFUSED_OPENINGS: dict[str, dict[str, Any]] = {
    "an error of JSON-RPC": {"json": HELLO | {"params": {}}},
    "no session": {"json": PING},
    "no message": {"json": {}},
    "nothing acceptable": {"json": HELLO, "headers": {"Accept": "image/png"}},
    "too large": {"content": b" " * 5_000_000, "headers": {"Content-Type": "application/json"}},
}


@pytest.mark.parametrize("what", WITH_SESSION)
async def test_only_the_answer_that_opens_a_session_names_it(
    what: str, gateway: Process, bearer: str
) -> None:
    """The TypeScript SDK remembers every id that it sees, and does not initialize again while it has one."""
    method, request = WITH_SESSION[what]
    async with caller(gateway, bearer) as http:
        opened = await http.post("/mcp", json=HELLO)
        session = {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}
        headers = {**session, **request.get("headers", {})}
        answer = await http.request(method, "/mcp", **{**request, "headers": headers})
        assert "Mcp-Session-Id" not in answer.headers
        await http.delete("/mcp", headers=session)
        gone = await http.request(method, "/mcp", **{**request, "headers": headers})
        assert (gone.status_code, "Mcp-Session-Id" in gone.headers) == (404, False)


@pytest.mark.parametrize("what", REFUSED_OPENINGS)
async def test_an_opening_that_is_refused_names_no_session(what: str, gateway: Process, bearer: str) -> None:
    async with caller(gateway, bearer) as http:
        refused = await http.post("/mcp", **REFUSED_OPENINGS[what])
    assert "Mcp-Session-Id" not in refused.headers


async def test_a_stream_names_no_session(gateway: Process, bearer: str) -> None:
    async with caller(gateway, bearer) as http:
        opened = await http.post("/mcp", json=HELLO)
        session = {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}
        async with http.stream("GET", "/mcp", headers=session) as stream:
            assert (stream.status_code, "Mcp-Session-Id" in stream.headers) == (200, False)
