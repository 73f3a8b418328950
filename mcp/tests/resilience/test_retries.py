"""Which calls are repeated, how often, and what the model reads if that did not help."""

import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.harness.clients import in_memory, settings_for, token
from tests.harness.recording import INFO, Answer, Recording, failing_api
from toolbridge_mcp.app import create_server
from toolbridge_mcp.resilience.retries import MAX_ATTEMPTS

pytestmark = pytest.mark.anyio
API = "http://127.0.0.1:8081"
UID = str(uuid4())
READ: tuple[str, dict[str, Any]] = ("get_note", {"uid": UID})
WRITE: tuple[str, dict[str, Any]] = ("patch_note", {"uid": UID, "updates": {"title": "x"}})
DONE = httpx.Response(200, json={"uid": UID})
NOT_REACHED = httpx.ConnectError("refused")
LOST = httpx.ReadError("reset")
IDEMPOTENT = {**INFO, "idempotency": {"header": "Idempotency-Key"}}


def refused(status: int, code: str = "", **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"error": "no", "code": code}, headers=headers)


BUSY = refused(503, "busy", **{"Retry-After": "1"})
LIMITED = refused(429, "rate_limited", **{"Retry-After": "1"})


async def outcome(
    call: tuple[str, dict[str, Any]], *answers: Answer, info: object = INFO, **settings: Any
) -> tuple[str, Recording]:
    """What the model reads, "done" or the text of the error, and what was sent."""
    upstream = failing_api(answers, info)
    server = create_server(settings_for(API, **settings), transport=upstream)
    async with in_memory(server, token("ann")) as tools:
        result = await tools.result(call[0], **call[1])
    return (result.content[0].text if result.is_error else "done"), upstream  # type: ignore[union-attr]


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize("failure", [NOT_REACHED, refused(503)], ids=["not reached", "503"])
async def test_what_was_surely_not_done_is_tried_again(
    call: tuple[str, dict[str, Any]], failure: Answer
) -> None:
    said, upstream = await outcome(call, failure, failure, DONE)
    assert said == "done"
    assert len(upstream.calls) == 3


async def test_attempts_are_bounded() -> None:
    said, upstream = await outcome(READ, LOST)
    assert "not available" in said
    assert len(upstream.calls) == MAX_ATTEMPTS


async def test_a_lost_write_is_repeated_only_with_a_key_that_the_api_knows() -> None:
    said, upstream = await outcome(WRITE, LOST, DONE)
    assert "may or may not have been made" in said
    assert len(upstream.calls) == 1
    said, upstream = await outcome(WRITE, LOST, DONE, info=IDEMPOTENT)
    assert said == "done"
    assert len({request.headers["Idempotency-Key"] for request in upstream.calls}) == 1


@pytest.mark.parametrize(
    "later",
    [NOT_REACHED, LOST, refused(500), refused(429), refused(401), refused(428), refused(504)],
    ids=["not reached", "lost", "500", "429", "401", "428", "504"],
)
async def test_a_write_that_may_have_been_made_stays_so_whatever_comes_later(later: Answer) -> None:
    said, _ = await outcome(WRITE, LOST, later, info=IDEMPOTENT)
    assert "may or may not have been made" in said


async def test_an_answer_that_settles_a_lost_write_is_told() -> None:
    said, _ = await outcome(WRITE, LOST, refused(412, "version_mismatch"), info=IDEMPOTENT)
    assert "has changed since that version" in said


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize("failure", [BUSY, LIMITED], ids=["503", "429"])
async def test_a_short_retry_after_is_waited_for(
    call: tuple[str, dict[str, Any]], failure: httpx.Response
) -> None:
    begun = time.monotonic()
    said, upstream = await outcome(call, failure, DONE)
    assert said == "done"
    assert len(upstream.calls) == 2
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize(
    ("failure", "seconds", "settings"),
    [
        (refused(429, **{"Retry-After": "60"}), 60, {}),
        (refused(503, **{"Retry-After": "9"}), 9, {}),
        (LIMITED, 1, {"call_seconds": 0.5}),
        (refused(429), 2, {}),
    ],
    ids=["429 long", "503 long", "beyond the deadline", "429 without seconds"],
)
async def test_any_other_retry_after_is_told_at_once(
    failure: httpx.Response, seconds: int, settings: dict[str, Any]
) -> None:
    said, upstream = await outcome(READ, failure, **settings)
    assert f"Wait {seconds} seconds" in said
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 412, 413, 500, 501, 502, 307])
async def test_other_answers_are_not_asked_for_twice(status: int) -> None:
    _, upstream = await outcome(READ, refused(status))
    assert len(upstream.calls) == 1
