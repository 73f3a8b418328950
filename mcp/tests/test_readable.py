"""Log lines for people."""

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolbridge_mcp.readable import has_colours, readable, wants_text

WRITTEN = {"time": "2026-01-02T03:04:05.678+00:00", "level": "info", "logger": "toolbridge_mcp.calls"}
WHO = {"subject": "ann", "client": "claude-code/2.1", "correlation_id": "c1"}


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def shown(**fields: object) -> str:
    return readable(json.dumps({**WRITTEN, **fields}))


def said(**fields: object) -> str:
    """What follows the head of the line."""
    moment, level, rest = re.split(" +", shown(**fields), maxsplit=2)
    assert (moment, level) == ("04:04:05.678", "info")
    return rest


def test_times_of_calls_and_requests_are_below_each_other() -> None:
    call = said(message="tool call", tool="get_note", outcome="ok", ms=3.214, **WHO)
    request = said(message="request", method="GET", route="/v1/notes/{uid}", status=404, ms=12.25, **WHO)
    assert call == "get_note ok                             3.2 ms  claude-code/2.1  ann  cid=c1"
    assert request == "GET /v1/notes/{uid} 404                12.2 ms  claude-code/2.1  ann  cid=c1"


def test_every_other_line_shows_all_of_its_fields() -> None:
    text = said(message="it failed", pid=7, exception="KeyError", at=["a.py:1 f", "b.py:2 g"])
    assert text == "toolbridge_mcp.calls  it failed  pid=7  exception=KeyError\n    a.py:1 f\n    b.py:2 g"


def test_no_field_can_end_a_line_or_reach_the_terminal() -> None:
    fields = {**WHO, "subject": "a\n\x1b[2J\u202e"}
    text = said(message="tool call", tool="t", outcome="ok", ms=1, **fields)
    assert text.isprintable()
    assert r"a\n\u001b[2J\u202e" in text


@pytest.mark.parametrize(
    "line", ["", "Traceback", "{}", "[1]", '{"time": "x", "level": "info"}', '{"time": 1, "level": 2}']
)
def test_what_is_no_line_of_ours_passes_as_it_is(line: str) -> None:
    assert readable(line) == line


def test_only_what_is_wrong_has_a_colour() -> None:
    usual, failed = (json.dumps({**WRITTEN, "message": "m", "level": level}) for level in ("info", "error"))
    assert readable(usual, coloured=True) == readable(usual)
    assert readable(failed, coloured=True) == f"\x1b[31m{readable(failed)}\x1b[0m"


def test_colours_are_for_terminals_of_people_who_want_them() -> None:
    primary, secondary = os.openpty()
    with os.fdopen(primary), os.fdopen(secondary, "w") as terminal, Path(os.devnull).open("w") as file:
        assert has_colours(terminal, {})
        assert has_colours(terminal, {"NO_COLOR": ""})
        assert not has_colours(terminal, {"NO_COLOR": "1"})
        assert not has_colours(file, {})


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({}, False),
        ({"LOG_FORMAT": "json"}, False),
        ({"LOG_FORMAT": "Text"}, True),
        ({"TOOLBRIDGE_LOG_FORMAT": "text"}, True),
    ],
)
def test_a_variable_asks_for_text(variables: dict[str, str], text: bool) -> None:
    assert wants_text(variables) is text
