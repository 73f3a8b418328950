"""Ids of requests: one that is under way in a session is not given to a second request."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from tests.harness.clients import HELLO, whole
from tests.harness.processes import Process, api_process, gateway_process, running

pytestmark = pytest.mark.anyio
ACCEPT = {"Accept": "application/json, text/event-stream"}


def call(request_id: object, tool: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": tool, "arguments": {**whole(tool), **arguments}}
    return {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}


def cancelled(request_id: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": request_id}}


@pytest.fixture(scope="module")
def own_stack(
    api_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Process, Process]]:
    """An API that may be frozen, and a gateway in front of it whose calls end soon."""
    folder = tmp_path_factory.mktemp("own_stack")
    api = api_process(api_binary, folder)
    with running(api), running(gateway_process(api.url, folder, TOOLBRIDGE_CALL_SECONDS="4")) as gateway:
        yield api, gateway


@contextmanager
def frozen(api: Process) -> Iterator[None]:
    api.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        api.signal(signal.SIGCONT)


@asynccontextmanager
async def caller(gateway: Process, bearer: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {bearer}", **ACCEPT}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, headers=headers, timeout=20) as http:
        yield http


@asynccontextmanager
async def session(gateway: Process, bearer: str) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(gateway, bearer) as http:
        opened = await http.post("/mcp", json=HELLO)
        http.headers["Mcp-Session-Id"] = opened.headers["Mcp-Session-Id"]
        yield http


def title_of(answer: dict[str, Any]) -> str:
    title: str = answer["result"]["structuredContent"]["payload"]["title"]
    return title


@pytest.mark.parametrize(("first", "second"), [(7, 7), (7, "7"), ("7", 7), ("a", "a"), (0, 0), ("", "")])
async def test_the_second_is_refused_and_the_first_is_answered(
    first: object, second: object, own_stack: tuple[Process, Process], bearer: str
) -> None:
    api, gateway = own_stack
    async with session(gateway, bearer) as http:
        with frozen(api):
            one = asyncio.create_task(
                http.post("/mcp", json=call(first, "create_note", title="1", content=""))
            )
            await asyncio.sleep(0.3)
            two = await http.post("/mcp", json=call(second, "create_note", title="2", content=""))
            assert (two.status_code, two.json()["id"]) == (400, None)
            assert "under way in the session; nothing was done" in two.json()["error"]["message"]
        answer = (await one).json()
        assert (answer["id"], title_of(answer)) == (first, "1")
        again = (await http.post("/mcp", json=call(second, "create_note", title="3", content=""))).json()
        assert (again["id"], title_of(again)) == (second, "3")
        page = (await http.post("/mcp", json=call(1, "list_notes"))).json()
    items = page["result"]["structuredContent"]["items"]
    assert sorted(item["payload"]["title"] for item in items) == ["1", "3"]


async def test_many_at_once_with_one_id_get_one_answer_and_refusals(gateway: Process, bearer: str) -> None:
    async with session(gateway, bearer) as http:
        for _ in range(5):
            answers = await asyncio.gather(
                *(http.post("/mcp", json=call(1, "create_note", title=str(n), content="")) for n in range(20))
            )
            for number, answer in enumerate(answers):
                assert answer.status_code in (200, 400)
                if answer.status_code == 200:
                    assert title_of(answer.json()) == str(number)
            assert 200 in [answer.status_code for answer in answers]


async def test_the_key_of_the_sdks_own_stream_is_no_id(gateway: Process, bearer: str) -> None:
    async with session(gateway, bearer) as http, http.stream("GET", "/mcp") as stream:
        refused = await http.post("/mcp", json=call("_GET_stream", "list_notes"))
        assert refused.status_code == 400
        with pytest.raises(TimeoutError), anyio.fail_after(0.5):
            await stream.aread()


async def test_other_sessions_may_use_the_same_id(own_stack: tuple[Process, Process], bearer: str) -> None:
    api, gateway = own_stack
    async with session(gateway, bearer) as one, session(gateway, bearer) as other:
        with frozen(api):
            calls = [
                asyncio.create_task(http.post("/mcp", json=call(1, "list_notes"))) for http in (one, other)
            ]
            await asyncio.sleep(0.3)
        assert [(await answer).status_code for answer in calls] == [200, 200]


async def test_the_id_of_a_cancelled_request_is_free_again(
    own_stack: tuple[Process, Process], bearer: str
) -> None:
    api, gateway = own_stack
    async with session(gateway, bearer) as http:
        with frozen(api):
            one = asyncio.create_task(http.post("/mcp", json=call(1, "list_notes")))
            await asyncio.sleep(0.3)
            assert (await http.post("/mcp", json=cancelled(1))).status_code == 202
            assert "cancelled" in (await one).json()["error"]["message"]
        again = await http.post("/mcp", json=call(1, "list_notes"))
        assert again.json()["result"]["structuredContent"] == {"items": []}


@pytest.mark.parametrize("meta", [{}, {"fastmcp": {}}], ids=["short way", "FastMCP"])
async def test_the_id_of_a_request_whose_client_left_is_free_when_its_call_has_ended(
    meta: dict[str, Any], own_stack: tuple[Process, Process], bearer: str
) -> None:
    """Until then FastMCP would give its answer to the next request with this id. A client that disconnects
    cancels nothing in a session (MCP 2025-11-25, transports, sending messages)."""
    api, gateway = own_stack
    left = call(1, "create_note", title="1", content="")
    left["params"]["_meta"] = meta
    async with session(gateway, bearer) as http:
        with frozen(api):
            with pytest.raises(httpx.ReadTimeout):
                await http.post("/mcp", json=left, timeout=0.3)
            assert (await http.post("/mcp", json=call(1, "list_chats"))).status_code == 400
        with anyio.fail_after(10):
            while (answer := await http.post("/mcp", json=call(1, "list_chats"))).status_code == 400:
                await asyncio.sleep(0.05)
        assert answer.json()["result"]["structuredContent"] == {"items": []}


@asynccontextmanager
async def on_stream(gateway: Process, bearer: str) -> AsyncIterator[tuple[Any, AsyncIterator[Any]]]:
    """Posts a message to an SSE session; and what comes on the stream."""
    async with caller(gateway, bearer) as http, http.stream("GET", "/sse") as stream:
        lines = stream.aiter_lines()
        data = (line.removeprefix("data: ") async for line in lines if line.startswith("data: "))
        messages = await anext(data)

        async def post(message: dict[str, Any]) -> int:
            return (await http.post(messages, json=message)).status_code

        yield post, (json.loads(message) async for message in data)


@pytest.mark.parametrize(("first", "second"), [(7, 7), (7, "7"), ("a", "a")])
async def test_on_a_stream_the_second_gets_an_error_that_is_not_the_firsts(
    first: object, second: object, own_stack: tuple[Process, Process], bearer: str
) -> None:
    """With an HTTP status other than 2xx the official Python client would send nothing more."""
    api, gateway = own_stack
    async with on_stream(gateway, bearer) as (post, answers):
        with frozen(api):
            assert await post(call(first, "create_note", title="1", content="")) == 202
            assert await post(call(second, "create_note", title="2", content="")) == 202
            refused = await anext(answers)
            assert (refused["id"], refused["error"]["code"]) == (None, -32600)
        answer = await anext(answers)
        assert (answer["id"], title_of(answer)) == (first, "1")
        with anyio.fail_after(10):
            for number in range(3):
                assert await post(call(second, "create_note", title=f"again {number}", content="")) == 202
                answer = await anext(answers)
                assert (answer["id"], title_of(answer)) == (second, f"again {number}")


async def test_on_a_stream_the_id_of_a_cancelled_request_is_free_again(
    own_stack: tuple[Process, Process], bearer: str
) -> None:
    api, gateway = own_stack
    async with on_stream(gateway, bearer) as (post, answers):
        with frozen(api):
            assert await post(call(1, "list_notes")) == 202
            await asyncio.sleep(0.3)
            assert await post(cancelled(1)) == 202
            await asyncio.sleep(0.3)
        assert await post(call(1, "list_chats")) == 202
        with anyio.fail_after(10):
            assert (await anext(answers))["result"]["structuredContent"] == {"items": []}


REFUSED: list[dict[str, Any]] = [
    {"jsonrpc": "2.0", "id": 1, "method": "none"},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": 5}},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": []},
    {"jsonrpc": "2.0", "id": 1, "method": "ping"},
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}},
    {"jsonrpc": "2.0", "id": 1, "method": 5},
    {"jsonrpc": "2.0", "id": 1, "result": {"method": "x"}},
    {"jsonrpc": "1.0", "id": 1, "method": "ping"},
]


@pytest.mark.parametrize("message", REFUSED, ids=str)
async def test_an_id_is_free_after_every_kind_of_answer(
    message: dict[str, Any], gateway: Process, bearer: str
) -> None:
    list_notes = call(1, "list_notes")
    async with session(gateway, bearer) as http:
        for _ in range(2):
            await http.post("/mcp", json=message)
            assert (await http.post("/mcp", json=list_notes)).json()["result"]["isError"] is False
    async with on_stream(gateway, bearer) as (post, answers):
        with anyio.fail_after(10):
            for _ in range(2):
                await post(message)
                await asyncio.sleep(0.1)
                assert await post(list_notes) == 202
                while "structuredContent" not in (await anext(answers)).get("result", {}):
                    pass


async def test_a_post_ends_when_its_calls_time_is_up_whatever_the_session_does(
    own_stack: tuple[Process, Process], bearer: str
) -> None:
    """A session that was ended under a request; and one whose API is frozen."""
    api, gateway = own_stack
    async with session(gateway, bearer) as http:
        with frozen(api), anyio.fail_after(8):
            posts = [
                asyncio.create_task(http.post("/mcp", json=call(number, "list_notes"))) for number in range(5)
            ]
            await asyncio.sleep(0.3)
            assert (await http.delete("/mcp")).status_code == 200
            posts += [
                asyncio.create_task(http.post("/mcp", json=call(number, "list_notes"))) for number in range(5)
            ]
            statuses = [(await post).status_code for post in posts]
    assert statuses == [500] * 5 + [404] * 5


async def in_halves(
    message: object, has_begun: asyncio.Event, goes_on: asyncio.Event
) -> AsyncIterator[bytes]:
    content = json.dumps(message).encode()
    yield content[:20]
    has_begun.set()
    await goes_on.wait()
    yield content[20:]


@asynccontextmanager
async def a_stream(http: httpx.AsyncClient) -> AsyncIterator[str]:
    """Where to post the messages of a new session on a stream."""
    async with http.stream("GET", "/sse") as stream:
        yield await anext(line[6:] async for line in stream.aiter_lines() if line.startswith("data: "))


@pytest.mark.parametrize("over_sse", [True, False], ids=["SSE", "Streamable HTTP"])
async def test_a_call_that_arrives_whole_after_the_end_of_its_session_is_not_made(
    over_sse: bool, gateway: Process, bearer: str
) -> None:
    """Its client may repeat it in a new session: nobody could read the answer to this one."""
    has_begun, goes_on = asyncio.Event(), asyncio.Event()
    content = in_halves(call(1, "create_note", title="late", content=""), has_begun, goes_on)
    async with session(gateway, bearer) as http, session(gateway, bearer) as other, AsyncExitStack() as stack:
        http.headers["Content-Type"] = "application/json"
        messages = await stack.enter_async_context(a_stream(other)) if over_sse else "/mcp"
        late = asyncio.create_task(http.post(messages, content=content))
        await has_begun.wait()
        await asyncio.sleep(0.3)
        await (stack.aclose() if over_sse else http.delete("/mcp"))
        await asyncio.sleep(0.3)
        goes_on.set()
        assert (await late).status_code == 404
        page = (await other.post("/mcp", json=call(2, "list_notes"))).json()
    assert page["result"]["structuredContent"] == {"items": []}
