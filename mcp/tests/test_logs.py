"""Log lines: one JSON object each, nothing secret."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator

import anyio
import pytest
from starlette.requests import ClientDisconnect

from tests.harness.clients import Tools, in_memory, settings_for, token
from tests.harness.misbehaving import misbehaving, silent
from tests.harness.recording import failing_api
from toolbridge_mcp import logs
from toolbridge_mcp.app import create_server
from toolbridge_mcp.telemetry import SSE, Operation


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_one_json_object_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logging.getLogger("toolbridge_mcp.x").info("two\nlines", extra={"tool": "get_note"})
    (line,) = lines(capsys)
    assert line["message"] == "two\nlines"
    assert line["tool"] == "get_note"
    assert line["level"] == "info"
    assert str(line["time"]).endswith("+00:00")


def test_an_exceptions_text_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    try:
        raise ValueError("token abc")
    except ValueError:
        logging.getLogger("mcp.server.runner").exception("Failed to parse message")
    (line,) = lines(capsys)
    assert line["exception"] == "ValueError"
    assert "test_logs.py" in str(line["at"])
    assert "abc" not in json.dumps(line)


@pytest.mark.parametrize("library", ["uvicorn.error", "mcp.server.streamable_http"])
def test_clients_that_left_are_no_errors(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    for fault in (anyio.ClosedResourceError(), ClientDisconnect(), KeyError("k")):
        logging.getLogger(library).error("Exception in ASGI application", exc_info=fault)
    assert [line["exception"] for line in lines(capsys)] == ["KeyError"]


def test_claims_of_refused_tokens_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logging.getLogger("fastmcp.server.auth.providers.jwt").warning("rejected for client ann@example.com")
    assert lines(capsys) == []


@pytest.mark.parametrize("library", ["fastmcp.server", "mcp.server", "uvicorn", "httpx", "asyncio"])
def test_libraries_never_log_below_warnings(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug")
    logging.getLogger(library).info("Received JSON: payload")
    logging.getLogger(library).debug("Received JSON: payload")
    logging.getLogger(library).warning("kept")
    assert [line["message"] for line in lines(capsys)] == ["kept"]


@pytest.mark.anyio
async def test_a_call_has_one_line_whether_it_succeeds_or_not(
    tools: Tools, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info")
    await tools.call("create_note", title="a payload", content="a payload")
    refusal = await tools.refusal("get_note", uid="a payload")
    text = capsys.readouterr().out
    written, refused = map(json.loads, text.splitlines())
    assert (written["message"], written["level"]) == (refused["message"], refused["level"])
    assert (written["tool"], written["outcome"]) == ("create_note", "ok")
    assert (refused["tool"], refused["outcome"]) == ("get_note", "InvalidArguments")
    assert refused["correlation_id"] in refusal
    assert refused["correlation_id"] != written["correlation_id"]
    assert 0 < written["ms"] < 60_000
    assert "a payload" not in text


def call(tool: str, outcome: str, correlation_id: str = "c") -> Operation:
    operation = Operation(transport=SSE)
    operation.name, operation.correlation_id = tool, correlation_id
    operation.begin()
    operation.ended(outcome)
    operation.answered()
    return operation


@pytest.mark.anyio
async def test_a_fault_that_nobody_expected_has_the_same_line_as_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    upstream = failing_api([KeyError("a token")])
    async with in_memory(create_server(settings_for("http://127.0.0.1:1"), transport=upstream), "t") as tools:
        logs.configure("info")
        refusal = await tools.refusal("list_notes")
        logs.log_call(call("list_notes", "ok"))
    failed, usual = lines(capsys)
    assert [*failed] == [*usual, "exception", "at"]
    assert (failed["level"], failed["message"], failed["outcome"]) == (
        "error",
        "tool call",
        "ToolBridgeError",
    )
    assert failed["exception"] == "KeyError"
    assert str(failed["correlation_id"]) in refusal
    assert len(str(failed["time"])) == len(str(usual["time"]))


@pytest.mark.anyio
async def test_a_cancelled_call_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    async with (
        misbehaving(silent) as api,
        in_memory(create_server(settings_for(api.url)), token("ann")) as tools,
    ):
        logs.configure("info")
        with anyio.move_on_after(0.3):
            await tools.result("list_notes")
        with anyio.fail_after(5):
            await api.until(lambda: api.closed == api.opened)
    assert [line["outcome"] for line in lines(capsys)] == ["cancelled"]


def test_the_level_decides_whether_calls_have_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    logs.log_call(call("get_note", "ok"))
    assert lines(capsys) == []


def test_what_the_api_calls_a_request_cannot_break_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logs.log_call(call("get_note", "NotFound", 'c"\n}\u202e'))
    (line,) = lines(capsys)
    assert line["correlation_id"] == 'c"\n}\u202e'


def test_what_a_client_calls_itself_cannot_break_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "acme")
    operation = call("get_note", "ok")
    operation.client = 'a"b\\/1'
    logs.log_call(operation)
    (line,) = lines(capsys)
    assert line["client"] == 'a"b\\/1'
    assert line["tenant"] == "acme"


def test_people_get_text_with_everything_in_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "acme", as_text=True)
    operation = call("get_note", "ok", "cid-1")
    operation.client = "claude-code/2.1"
    logs.log_call(operation)
    logging.getLogger("toolbridge_mcp.x").warning("two\nlines", extra={"count": 3})
    called, warned = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3} info  get_note ok {25} {4,}0\.\d ms  claude-code/2\.1  cid=cid-1", called
    )
    assert warned.endswith(r" warn  toolbridge_mcp.x  two\nlines  count=3")


@pytest.mark.anyio
async def test_refusals_have_a_line_each_time_there_were_some(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    totals = {"bodies": 2.0, "late": 0.0}
    async with logs.telling_refusals(lambda: totals, 0.01):
        await anyio.sleep(0.05)
        totals["late"] = 3.0
        await anyio.sleep(0.05)
        totals |= {"late": 4.0, "new": 1.0}
    told = [(line["message"], line["reason"], line["count"]) for line in lines(capsys)]
    assert told == [("refused", "late", 3), ("refused", "late", 1), ("refused", "new", 1)]


def test_a_call_goes_on_when_its_line_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    logs.configure("info")
    logs.log_call(call("get_note", "ok"))
    assert "Logging error" in capsys.readouterr().err
