"""The routes of a running gateway."""

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp import MCPError

from tests.harness.clients import Tools, over_sse, text_of, token
from tests.harness.processes import Process, api_process, free_port, gateway_process, running
from tests.harness.published import TOOLS

pytestmark = pytest.mark.anyio


async def test_the_official_route_works_end_to_end(gateway: Process, bearer: str) -> None:
    async with over_sse(gateway.url, bearer) as tools:
        assert len(await tools.client.list_tools()) == len(TOOLS)
        created = await tools.call("create_note", title="t", content="c")
        result = await tools.result("get_note", uid=created["uid"])
        assert created["uid"] in text_of(result)
        assert result.structured_content == created


async def test_the_server_introduces_itself(gateway: Process, bearer: str) -> None:
    async with over_sse(gateway.url, bearer) as tools:
        hello = tools.client.initialize_result
        assert hello is not None
        assert hello.server_info.name == "ToolBridge"
        assert "if_match" in (hello.instructions or "")


async def test_an_idle_stream_gets_a_comment_within_15_seconds(gateway: Process, bearer: str) -> None:
    headers = {"Authorization": f"Bearer {bearer}"}
    async with (
        httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=20) as http,
        http.stream("GET", "/sse", headers=headers) as stream,
    ):
        lines = stream.aiter_lines()
        opened = time.monotonic()
        with anyio.fail_after(15):
            while not (await anext(lines)).startswith(":"):
                pass
        assert time.monotonic() - opened < 15


@pytest.mark.parametrize("added", [{}, {"Content-Type": "application/octet-stream"}], ids=["", "by a proxy"])
async def test_a_session_that_was_not_initialized_serves_calls(
    added: dict[str, str], gateway: Process, bearer: str
) -> None:
    """The TypeScript SDK relies on it after a stream was cut."""
    headers = {"Authorization": f"Bearer {bearer}"}
    async with (
        httpx.AsyncClient(base_url=gateway.url, trust_env=False, headers=headers) as http,
        http.stream("GET", "/sse", headers=added) as stream,
    ):
        data = (
            line.removeprefix("data: ") async for line in stream.aiter_lines() if line.startswith("data: ")
        )
        endpoint = await anext(data)
        params = {"name": "list_notes", "arguments": {"view": "full"}}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        assert (await http.post(endpoint, json=call)).status_code == 202
        assert json.loads(await anext(data))["result"]["structuredContent"] == {"items": []}


async def test_posting_to_the_stream_makes_clients_fall_back(gateway: Process, bearer: str) -> None:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        answer = await http.post("/sse", headers={"Authorization": f"Bearer {bearer}"}, json={})
    assert answer.status_code == 405


async def test_health_is_open_and_tells_nothing(gateway: Process) -> None:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        health, ready = await http.get("/healthz"), await http.get("/readyz")
    assert (health.status_code, health.text) == (200, "ok")
    assert (ready.status_code, ready.json()) == (200, {"ready": True})


async def test_without_an_api_the_gateway_lives_but_is_not_ready(tmp_path: Path, bearer: str) -> None:
    settings = {"TOOLBRIDGE_API_WAIT_SECONDS": "0"}
    process = gateway_process(f"http://127.0.0.1:{free_port()}", tmp_path, **settings)
    process.ready_path = "/healthz"
    with running(process):
        async with httpx.AsyncClient(base_url=process.url, trust_env=False) as http:
            ready = await http.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["ready"] is False
        assert ready.json()["problems"][0] == "The API does not answer or is not ready."
        async with over_sse(process.url, bearer) as tools:
            refusal = await tools.refusal("list_notes")
    assert "not available at the moment; nothing was done. Wait " in refusal
    assert "127.0.0.1" not in refusal


@pytest.mark.parametrize("how", ["through MCP", "through MCP, one session each"])
async def test_forty_parallel_patches_lose_nothing(how: str, gateway: Process, bearer: str) -> None:
    async def patch(tools: Tools, uid: str, number: int) -> None:
        await tools.call("patch_note", uid=uid, updates={f"key{number}": number})

    async def patch_alone(uid: str, number: int) -> None:
        async with over_sse(gateway.url, bearer) as own:
            await patch(own, uid, number)

    async with over_sse(gateway.url, bearer) as tools:
        uid = (await tools.call("create_note", title="t", content="c"))["uid"]
        async with anyio.create_task_group() as group:
            for number in range(40):
                if how == "through MCP":
                    group.start_soon(patch, tools, uid, number)
                else:
                    group.start_soon(patch_alone, uid, number)
        note = await tools.call("get_note", uid=uid)
    assert note["version"] == 41
    assert {f"key{number}": number for number in range(40)}.items() <= note["payload"].items()


async def test_of_twenty_conditional_writes_one_wins(gateway: Process, bearer: str) -> None:
    outcomes: list[bool] = []

    async def write(tools: Tools, uid: str, number: int) -> None:
        result = await tools.result("update_note", uid=uid, title=str(number), content="c", if_match=1)
        outcomes.append(not result.is_error)

    async with over_sse(gateway.url, bearer) as tools:
        uid = (await tools.call("create_note", title="t", content="c"))["uid"]
        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(write, tools, uid, number)
    assert sorted(outcomes) == [False] * 19 + [True]


async def test_an_unknown_tool_is_an_error_of_that_call_alone(gateway: Process, bearer: str) -> None:
    async with over_sse(gateway.url, bearer) as tools:
        refusal = await tools.refusal("no_such_tool")
        assert "Unknown tool" in refusal
        assert (await tools.call("list_notes"))["items"] == []


@pytest.mark.parametrize("path", ["/sse/", "/mcp/", "/messages", "/healthz/", "/", "//sse", "/nothing"])
async def test_nothing_is_redirected(path: str, gateway: Process) -> None:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        answer = await http.get(path)
    assert answer.status_code in (401, 404)
    assert "location" not in answer.headers


async def test_large_answers_keep_the_session_alive(gateway: Process, bearer: str) -> None:
    """The official client ends its session at an event above 1 MiB."""
    async with over_sse(gateway.url, bearer) as tools:
        text = 'a "quoted" line\n' * 20_000
        middle = await tools.result("create_note", title="text only", content=text, return_item=True)
        assert not middle.is_error
        assert json.loads(text_of(middle))["payload"]["content"] == text
        written = await tools.result("create_note", title="huge", content="x" * 1_500_000, return_item=True)
        large = written.structured_content or {}
        assert large.keys() == {"uid", "version", "updatedAt"}
        refusal = await tools.refusal("get_note", uid=large["uid"])
        assert "too large for an AI client" in refusal
        patched = await tools.call("patch_note", uid=large["uid"], if_match=1, updates={"content": "small"})
        assert patched["payload"]["content"] == "small"


async def test_a_list_of_large_items_comes_in_pages_that_fit(gateway: Process, bearer: str) -> None:
    async with over_sse(gateway.url, bearer) as tools:
        for number in range(10):
            await tools.call("create_note", title=str(number), content="x" * 90_000)
        titles: list[str] = []
        page: dict[str, Any] = {"nextCursor": None}
        while "nextCursor" in page:
            page = await tools.call("list_notes", cursor=page["nextCursor"])
            titles += [item["payload"]["title"] for item in page["items"]]
            assert len(page["items"]) < 10
    assert titles == [str(number) for number in range(10)]


async def test_a_frozen_api_is_noticed_within_seconds(own_stack: tuple[Process, Process]) -> None:
    api, gateway = own_stack
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=20) as http:
        api.signal(signal.SIGSTOP)
        try:
            with anyio.fail_after(8):
                while (await http.get("/readyz")).status_code != 503:
                    await asyncio.sleep(0.1)
                assert (await http.get("/healthz")).status_code == 200
        finally:
            api.signal(signal.SIGCONT)


async def test_a_proxy_of_the_environment_is_not_used(
    own_stack: tuple[Process, Process], bearer: str
) -> None:
    """Its gateway was started with a proxy that does not exist."""
    async with over_sse(own_stack[1].url, bearer) as tools:
        assert (await tools.call("list_notes"))["items"] == []


@pytest.fixture(scope="module")
def own_stack(
    api_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Process, Process]]:
    """An API that may be frozen, and a gateway in front of it."""
    folder = tmp_path_factory.mktemp("own_stack")
    dead = f"http://127.0.0.1:{free_port()}"
    proxies = {"HTTP_PROXY": dead, "http_proxy": dead, "ALL_PROXY": dead}
    api = api_process(api_binary, folder)
    with running(api), running(gateway_process(api.url, folder, **proxies)) as gateway:
        yield api, gateway


async def test_a_message_that_is_too_large_ends_its_call_alone(gateway: Process, bearer: str) -> None:
    async with over_sse(gateway.url, bearer) as tools:
        with anyio.fail_after(10), pytest.raises(MCPError, match="too large; nothing was done"):
            await tools.result("create_note", title="t", content="c" * 5_000_000)
        assert (await tools.call("list_notes"))["items"] == []


@pytest.mark.parametrize("head", ['{"method":"tools/call","id":1,', '{"params":{"id":1},"id":2,', "x"])
async def test_a_message_that_does_not_begin_with_its_id_is_413(
    head: str, gateway: Process, bearer: str
) -> None:
    headers = {"Authorization": f"Bearer {bearer}"}
    async with (
        httpx.AsyncClient(base_url=gateway.url, trust_env=False, headers=headers) as http,
        http.stream("GET", "/sse") as stream,
    ):
        lines = stream.aiter_lines()
        data = (line.removeprefix("data: ") async for line in lines if line.startswith("data: "))
        answer = await http.post(await anext(data), content=head + " " * 5_000_000)
    assert answer.status_code == 413


async def test_a_taken_port_is_said(gateway: Process, tmp_path: Path, api: Process) -> None:
    process = gateway_process(api.url, tmp_path, TOOLBRIDGE_PORT=str(gateway.port))
    process.port = free_port()
    with pytest.raises(AssertionError, match=r"TOOLBRIDGE_PORT: cannot listen there: Address already in use"):
        process.start()
    assert process.wait() != 0


async def test_tokens_never_reach_the_log(gateway: Process, user: str) -> None:
    bearer = token(user)
    async with over_sse(gateway.url, bearer) as tools:
        await tools.refusal("get_note", uid="not-a-uuid-secret")
        await tools.refusal("create_comment", content="payload-secret", parent_type="x", parent_uid="y")
    log = gateway.log.read_text()
    assert '"outcome": "InvalidArguments"' in log
    for secret in (bearer, bearer[:20], "payload-secret", "not-a-uuid-secret"):
        assert secret not in log
