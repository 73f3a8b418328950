"""What the log says of calls that came over real sockets."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.clients import over_http, over_sse, token
from tests.harness.processes import TENANT_ID, Process, gateway_process, running
from tests.harness.raw_http import raw_request
from tests.telemetry.raw_clients import session

pytestmark = pytest.mark.anyio

FIELDS = [
    *["time", "level", "logger", "message", "tool", "outcome", "ms", "correlation_id"],
    *["tenant", "subject", "client", "transport", "revision"],
    *["verify_ms", "admit_ms", "sign_ms", "upstream_ms", "shape_ms", "bytes_in", "bytes_out", "result_bytes"],
]


def entries(gateway: Process) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gateway.log.read_text().splitlines()]


def calls(gateway: Process) -> list[dict[str, Any]]:
    return [entry for entry in entries(gateway) if entry["message"] == "tool call"]


async def test_a_line_says_who_called_what_how_long_it_took_and_how_much_it_was(
    api: Process, tmp_path: Path
) -> None:
    with running(gateway_process(api.url, tmp_path)) as gateway:
        async with over_http(gateway.url, token("ann")) as tools:
            await tools.call("create_note", title="a title", content="a content")
            await tools.refusal("get_note", uid="a-uid")
            await tools.refusal("make_tea", milk="some milk")
        async with over_sse(gateway.url, token("bea")) as tools:
            await tools.call("list_notes")
    created, refused, unknown, listed = calls(gateway)
    assert [*created] == [*listed] == FIELDS
    assert (refused["outcome"], unknown["outcome"]) == ("InvalidArguments", "UnknownTool")
    assert unknown["tool"] == "unknown"
    assert [created["subject"], listed["subject"]] == ["ann", "bea"]
    assert {entry["tenant"] for entry in calls(gateway)} == {TENANT_ID}
    assert [created["transport"], listed["transport"]] == ["streamable-http", "sse"]
    assert created["client"].startswith("mcp/")
    assert created["bytes_in"] > len("a title" + "a content")
    assert created["bytes_out"] > created["result_bytes"] > 0
    stages = [created[name] for name in FIELDS if name.endswith("_ms")]
    assert sum(stages) == pytest.approx(created["ms"], abs=0.01)
    assert 0 < created["upstream_ms"] < created["ms"]
    text = gateway.log.read_text()
    assert not any(said in text for said in ("a title", "a content", "a-uid", "make_tea", "some milk"))


async def test_a_call_of_a_trace_has_its_id(api: Process, tmp_path: Path) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    traced = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    with running(gateway_process(api.url, tmp_path)) as gateway:
        async with over_http(gateway.url, token("ann")) as tools:
            await tools.client.call_tool_mcp("list_notes", {}, meta=traced)
    (line,) = calls(gateway)
    assert line["trace_id"] == trace_id


async def test_what_strangers_send_wrong_has_no_line_each(api: Process, tmp_path: Path) -> None:
    with running(gateway_process(api.url, tmp_path)) as gateway:
        before = len(entries(gateway))
        for _ in range(20):
            assert (await raw_request(gateway.port, "no request")).status == 400
        async with session(gateway.url, token("ann")) as client:
            for _ in range(20):
                await client.notify("notifications/progress", {"progress": "none"})
        assert len(entries(gateway)) - before < 20
    assert [entry["count"] for entry in entries(gateway) if entry.get("reason") == "no_http"] == [20]


async def test_the_log_can_name_users_by_what_says_nothing_about_them(api: Process, tmp_path: Path) -> None:
    with running(gateway_process(api.url, tmp_path, LOG_SUBJECTS="hashed")) as gateway:
        async with over_http(gateway.url, token("ann@example.com")) as tools:
            await tools.call("list_notes")
    (line,) = calls(gateway)
    assert line["subject"] == hashlib.sha256(f"{TENANT_ID}\nann@example.com".encode()).hexdigest()[:16]
    assert "ann@example.com" not in gateway.log.read_text()


async def test_refusals_are_summed_up(api: Process, tmp_path: Path) -> None:
    with running(gateway_process(api.url, tmp_path)) as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
            for _ in range(3):
                await http.post("/mcp", headers={"Authorization": "Bearer worthless"})
            await http.post("/mcp", headers={"Host": "elsewhere.example"})
    refused = [entry for entry in entries(gateway) if entry["message"] == "refused"]
    assert {entry["reason"]: entry["count"] for entry in refused} == {"token_invalid": 3, "foreign_host": 1}
    assert "worthless" not in gateway.log.read_text()


async def test_people_can_read_the_log_of_a_gateway(api: Process, tmp_path: Path) -> None:
    with running(gateway_process(api.url, tmp_path, LOG_FORMAT="text")) as gateway:
        async with over_http(gateway.url, token("ann")) as tools:
            await tools.call("list_notes")
    (line,) = (line for line in gateway.log.read_text().splitlines() if "list_notes" in line)
    assert " info  list_notes ok " in line
    assert "  ann  cid=" in line
