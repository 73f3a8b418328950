"""Log lines: one JSON object each, nothing secret."""

import json
import logging
from collections.abc import Iterator

import anyio
import pytest
from starlette.requests import ClientDisconnect

from toolbridge_mcp import logs


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


@pytest.mark.parametrize("library", ["fastmcp.server", "mcp.server", "uvicorn.error", "httpx", "asyncio"])
def test_libraries_never_log_below_warnings(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug")
    logging.getLogger(library).info("Received JSON: payload")
    logging.getLogger(library).debug("Received JSON: payload")
    logging.getLogger(library).warning("kept")
    assert [line["message"] for line in lines(capsys)] == ["kept"]
