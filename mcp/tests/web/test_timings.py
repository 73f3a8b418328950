"""Where the time of a message went, as its sender learns it: in a header of HTTP, and in the result."""

import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from tests.harness.clients import HELLO, META, text_of, token
from tests.harness.processes import Process, gateway_process, running
from tests.web.test_transports import Connect, each_transport

pytestmark = pytest.mark.anyio

OF_A_CALL = ["verify", "admit", "sign", "upstream", "shape", "total"]
OF_ANOTHER = ["verify", "total"]
BOTH = "application/json, text/event-stream"
PAGE = "https://app.example"
MISSING = "00000000-0000-4000-8000-000000000000"
ASKED = {"toolbridge/timings": True}


@pytest.fixture(scope="module", params=["true", "false"], ids=["short way", "FastMCP"])
def timed(
    request: pytest.FixtureRequest, api: Process, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    settings = {"TOOLBRIDGE_SHORT_WAY": request.param, "TOOLBRIDGE_ALLOWED_ORIGINS": PAGE}
    with running(gateway_process(api.url, tmp_path_factory.mktemp("timed"), **settings)) as process:
        yield process


@pytest.fixture
async def http(timed: Process, bearer: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {bearer}", "Accept": BOTH}
    async with httpx.AsyncClient(base_url=timed.url, trust_env=False, headers=headers) as client:
        yield client


def times(answer: httpx.Response) -> dict[str, float]:
    """The header, read as W3C Server Timing says."""
    (value,) = answer.headers.get_list("Server-Timing")
    entries = [re.fullmatch(r"(\w+);dur=(\d+\.\d{3})", entry) for entry in value.split(", ")]
    return {entry[1]: float(entry[2]) for entry in entries if entry}


def request(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def newest(method: str, **params: Any) -> dict[str, Any]:
    """A request of revision 2026-07-28, with its headers."""
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
    if "name" in params:
        headers["Mcp-Name"] = params["name"]
    meta = {**META, **params.pop("_meta", {})}
    return {"json": request(method, **params, _meta=meta), "headers": headers}


async def session(http: httpx.AsyncClient) -> dict[str, str]:
    opened = await http.post("/mcp", json=HELLO)
    assert list(times(opened)) == OF_ANOTHER
    headers = {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}
    initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    accepted = await http.post("/mcp", json=initialized, headers=headers)
    assert accepted.status_code == 202
    assert list(times(accepted)) == OF_ANOTHER
    return headers


def assert_plausible(found: dict[str, float], waited: float) -> None:
    """The stages are the whole, as far as rounding allows, and no more than the client waited."""
    *stages, total = found.values()
    assert found["sign"] < found["upstream"]
    assert sum(stages) == pytest.approx(total, abs=0.005)
    assert 0 < total < waited * 1e3


async def test_an_answer_says_where_its_time_went(http: httpx.AsyncClient) -> None:
    in_session = {"json": request("tools/call", name="list_notes"), "headers": await session(http)}
    for call in (in_session, newest("tools/call", name="list_notes")):
        began = time.perf_counter()
        answer = await http.post("/mcp", **call)
        waited = time.perf_counter() - began
        assert "error" not in answer.json()
        found = times(answer)
        assert list(found) == OF_A_CALL
        assert_plausible(found, waited)


async def test_the_time_of_the_api_is_that_of_the_api(http: httpx.AsyncClient) -> None:
    """A write takes longer than its signature, and the whole longer than both."""
    call = newest("tools/call", name="create_note", arguments={"title": "t", "content": "c"})
    found = times(await http.post("/mcp", **call))
    assert found["upstream"] > found["sign"] > 0
    assert found["total"] > found["upstream"]


async def test_other_messages_have_the_times_that_are_known(http: httpx.AsyncClient) -> None:
    headers = await session(http)
    for message in (request("tools/list"), request("ping"), request("no/such")):
        assert list(times(await http.post("/mcp", json=message, headers=headers))) == OF_ANOTHER
    for method in ("tools/list", "server/discover"):
        assert list(times(await http.post("/mcp", **newest(method)))) == OF_ANOTHER
    unknown = newest("tools/call", name="no_such_tool")
    assert list(times(await http.post("/mcp", **unknown))) == OF_ANOTHER


async def test_refusals_have_them_too(http: httpx.AsyncClient) -> None:
    ping = request("ping")
    asked = {
        400: http.post("/mcp", content=b"{"),
        404: http.post("/mcp", json=ping, headers={"Mcp-Session-Id": "0" * 32}),
        413: http.post("/mcp", content=b" " * (5 << 20)),
    }
    for status, answering in asked.items():
        answer = await answering
        assert answer.status_code == status
        assert list(times(answer)) == OF_ANOTHER


async def test_a_stranger_learns_no_times(timed: Process) -> None:
    ping = request("ping")
    good = {"Authorization": f"Bearer {token('timings')}"}
    asked: dict[int, dict[str, str]] = {
        401: {"Authorization": "Bearer x"},
        403: {"Authorization": f"Bearer {token('timings', scope='other')}"},
        421: {**good, "Host": "evil.example"},
    }
    async with httpx.AsyncClient(base_url=timed.url, trust_env=False) as http:
        for status, headers in asked.items():
            answer = await http.post("/mcp", json=ping, headers=headers)
            assert answer.status_code == status
            assert "Server-Timing" not in answer.headers
        for path in ("/readyz", "/healthz", "/.well-known/oauth-protected-resource", "/nothing"):
            assert "Server-Timing" not in (await http.get(path)).headers


async def test_only_an_allowed_page_may_read_them(http: httpx.AsyncClient) -> None:
    call = newest("tools/call", name="list_notes")
    answer = await http.post("/mcp", json=call["json"], headers={**call["headers"], "Origin": PAGE})
    assert list(times(answer)) == OF_A_CALL
    assert answer.headers["Timing-Allow-Origin"] == PAGE
    assert "Server-Timing" in answer.headers["Access-Control-Expose-Headers"]
    plain = await http.post("/mcp", **call)
    assert "Timing-Allow-Origin" not in plain.headers
    foreign = await http.post(
        "/mcp", json=call["json"], headers={**call["headers"], "Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403
    assert not {"Timing-Allow-Origin", "Server-Timing"} & foreign.headers.keys()


async def test_a_large_answer_has_them(http: httpx.AsyncClient) -> None:
    """It is written in another way."""
    text = "x" * 200_000
    created = newest("tools/call", name="create_note", arguments={"title": "t", "content": text})
    uid = (await http.post("/mcp", **created)).json()["result"]["structuredContent"]["uid"]
    read = newest("tools/call", name="get_note", arguments={"uid": uid})
    answer = await http.post("/mcp", **read)
    assert len(answer.content) > len(text)
    assert list(times(answer)) == OF_A_CALL


async def test_the_acceptance_of_a_message_for_a_stream_has_none(http: httpx.AsyncClient) -> None:
    """It is sent before the work."""
    async with http.stream("GET", "/sse") as stream:
        lines = stream.aiter_lines()
        path = await anext(line.removeprefix("data: ") async for line in lines if "data: " in line)
        for message in (HELLO, request("tools/call", name="list_notes")):
            answer = await http.post(path, json=message)
            assert answer.status_code == 202
            assert "Server-Timing" not in answer.headers


def shown(result: Any, names: list[str]) -> dict[str, Any]:
    """The times in a result."""
    found: dict[str, Any] = dict(result.meta["toolbridge/timings"])
    correlation_id = found.pop("correlation_id")
    assert re.fullmatch("[0-9a-f]{32}", correlation_id)
    found.pop("trace_id", None)
    assert list(found) == [f"{name}_ms" for name in names]
    assert all(type(value) is float and value == round(value, 3) for value in found.values())
    *stages, total = found.values()
    assert sum(stages) == pytest.approx(total, abs=0.005)
    return {**found, "correlation_id": correlation_id}


@each_transport
async def test_a_result_has_the_times_if_its_request_asks(
    connect: Connect, timed: Process, bearer: str
) -> None:
    async with connect(timed.url, bearer) as tools:
        result = await tools.client.call_tool_mcp("list_notes", {}, meta=ASKED)
        found = shown(result, OF_A_CALL)
        assert found["upstream_ms"] > found["sign_ms"] > 0
        refused = await tools.client.call_tool_mcp("get_note", {"uid": MISSING}, meta=ASKED)
        assert refused.is_error
        assert shown(refused, OF_A_CALL)["correlation_id"] in text_of(refused)
        values: list[object] = [False, 1, "true", None, {}, [True]]
        for value in values:
            other = await tools.client.call_tool_mcp("list_notes", {}, meta={"toolbridge/timings": value})
            assert "toolbridge/timings" not in (other.meta or {})
        assert "toolbridge/timings" not in ((await tools.client.call_tool_mcp("list_notes", {})).meta or {})


@each_transport
async def test_so_have_resources_and_prompts(connect: Connect, timed: Process, bearer: str) -> None:
    async with connect(timed.url, bearer) as tools:
        read = await tools.client.read_resource_mcp("toolbridge://notes", meta=ASKED)
        shown(read, OF_A_CALL)
        got = await tools.client.get_prompt_mcp("weekly_review", {}, meta=ASKED)
        assert "total_ms" in (got.meta or {})["toolbridge/timings"]
        listed = await tools.client.list_tools_mcp()
        assert "toolbridge/timings" not in (listed.meta or {})


async def test_the_times_name_the_trace_that_the_call_belongs_to(http: httpx.AsyncClient) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    meta = {**ASKED, "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    call = newest("tools/call", name="list_notes", _meta=meta)
    shown = (await http.post("/mcp", **call)).json()["result"]["_meta"]["toolbridge/timings"]
    assert shown["trace_id"] == trace


async def test_the_times_stand_beside_what_the_protocol_has_there(http: httpx.AsyncClient) -> None:
    call = newest("tools/call", name="list_notes", _meta=ASKED)
    meta = (await http.post("/mcp", **call)).json()["result"]["_meta"]
    assert meta.keys() == {"toolbridge/timings", "io.modelcontextprotocol/serverInfo"}
