"""What a model reads when the API refuses, fails or is not there."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

import toolbridge_mcp.tools
from tests.harness.clients import Tools, in_memory, settings_for, token
from tests.harness.processes import Process
from tests.harness.recording import INFO, Answer, failing_api
from toolbridge_mcp.app import create_server
from toolbridge_mcp.client import ITEM
from toolbridge_mcp.entities import NOTE
from toolbridge_mcp.tools.operations import OPERATIONS

pytestmark = pytest.mark.anyio
API = "http://127.0.0.1:8081"
UID = str(uuid4())
GET = ("get_note", {"uid": UID})
PATCH = ("patch_note", {"uid": UID, "updates": {"title": "x"}})


def refused(
    status: int, code: str = "", message: str = "The API's sentence", **headers: str
) -> httpx.Response:
    body = {"error": message, "code": code, "correlation_id": "c-1"}
    return httpx.Response(status, json=body, headers={"X-Correlation-ID": "c-1", **headers})


async def refusal_of(call: tuple[str, dict[str, Any]], *answers: Answer) -> tuple[str, int]:
    """What the model reads, and how many requests were made for the call."""
    upstream = failing_api(answers)
    async with in_memory(create_server(settings_for(API), transport=upstream), token("ann")) as tools:
        text = await tools.refusal(call[0], **call[1])
    return text, len(upstream.calls)


@pytest.mark.parametrize(
    ("answer", "says", "advises"),
    [
        (refused(400, "invalid_json"), "did not accept the request", "Correct what the message names"),
        (refused(401, "unauthorized"), "did not accept the user's sign-in", "Ask the user to sign in"),
        (refused(401, "invalid_tenant"), "does not accept this gateway", "operator"),
        (refused(403), "may not do this", "Do not repeat it"),
        (refused(404, "not_found"), "has no note with this uid", "list_notes"),
        (refused(404), "has no note with this uid", "list_notes"),
        (refused(404, "route_not_found"), "has no such operation; nothing was done", "only the operator"),
        (refused(405, "method_not_allowed"), "has no such operation; nothing was done", "only the operator"),
        (refused(409, "parent_not_found"), "belong to does not exist", "Look up an existing one"),
        (refused(409, "uid_exists"), "already exists", "patch_note"),
        (refused(409, "something_new"), "does not fit the present state of the note", "get_note"),
        (refused(410, "deleted"), "has been deleted", "include_deleted"),
        (refused(412, "version_mismatch"), "has changed since that version", "if_match"),
        (refused(507, "quota_exceeded"), "as much as one user may have", "Delete or shorten"),
        (refused(507, "disk_full"), "disk of the service is full", "Do not repeat the call"),
        (refused(413, "body_too_large"), "larger than the API takes", "Send less"),
        (refused(422, "invalid_field"), "did not accept the request", "Correct what the message names"),
        (refused(429, "rate_limited", **{"Retry-After": "7"}), "too many calls", "Wait 7 seconds"),
        (refused(418), "did not accept the request", "Correct"),
    ],
    ids=lambda value: str(value.status_code) if isinstance(value, httpx.Response) else None,
)
async def test_a_refusal_says_what_happened_why_and_what_next(
    answer: httpx.Response, says: str, advises: str
) -> None:
    text, requests = await refusal_of(PATCH, answer)
    assert says in text
    assert 'The API says: "The API\'s sentence".' in text
    assert advises in text
    assert text.endswith("Correlation id: c-1.")
    looks_again = answer.status_code == httpx.codes.PRECONDITION_FAILED
    assert requests == 1 + looks_again


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(404, text="404 page not found\n"), httpx.Response(405)],
    ids=["unknown path", "unknown method"],
)
async def test_a_route_that_the_first_generation_lacks_is_no_missing_item(answer: httpx.Response) -> None:
    """That API answers in plain text or with an empty body, and in JSON if an item is missing."""
    text, requests = await refusal_of(PATCH, answer)
    assert text.startswith("This API has no such operation; nothing was done. Do not repeat it")
    assert requests == 1


async def test_an_operation_that_the_real_api_lacks_is_told_as_that(
    api: Process, bearer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = next(operation for operation in OPERATIONS if operation.verb == "archive")
    newer = replace(archive, verb="fold", route=f"{ITEM}/fold")
    monkeypatch.setattr(toolbridge_mcp.tools, "OPERATIONS", (*OPERATIONS, newer))
    async with in_memory(create_server(settings_for(api.url)), bearer) as tools:
        uid = (await tools.create(NOTE))["uid"]
        text = await tools.refusal("fold_note", uid=uid)
    assert text.startswith("This API has no such operation; nothing was done.")


async def test_the_words_of_the_api_are_cut_and_a_date_is_no_number_of_seconds() -> None:
    date = {"Retry-After": "Fri, 20 Nov 2026 10:00:00 GMT"}
    text, _ = await refusal_of(PATCH, refused(429, message="x" * 10_000 + ".", **date))
    assert len(text) < 1_000
    assert "Wait 2 seconds" in text


def plain(status: int, text: str, kind: str = "text/plain; charset=utf-8") -> httpx.Response:
    return httpx.Response(status, text=text, headers={"Content-Type": kind})


def said(error: object, status: int = 400) -> httpx.Response:
    """As the first generation says it: in `error`, and without a code."""
    return httpx.Response(status, json={"error": error, "correlation_id": "c-1"})


@pytest.mark.parametrize(
    ("answer", "quoted"),
    [
        (said("version mismatch: expected 9, actual 1", 412), "version mismatch: expected 9, actual 1"),
        (said("invalid action: fold"), "invalid action: fold"),
        (
            said("  two\n lines\t\x1b[31m and \u2028 more\u202e.  "),
            r"two lines \u001b[31m and \u2028 more\u202e",
        ),
        (said("x" * 10_000), f"{'x' * 299}…"),
        (plain(401, "unauthorized\n"), "unauthorized"),
        (plain(429, "slow down\n"), "slow down"),
        (plain(403, "forbidden\n"), "forbidden"),
    ],
    ids=["version", "action", "lines", "long", "401", "429", "403"],
)
async def test_a_sentence_without_a_code_arrives_on_one_line(answer: httpx.Response, quoted: str) -> None:
    text, _ = await refusal_of(PATCH, answer)
    assert f'The API says: "{quoted}".' in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "answer",
    [
        said("token eyJhbGciOiJIUzI1NiJ9.e30.abc is expired", 401),
        said("signature 49e7327127fb7f90c419753a21d3cee94dbc4a04edfb209e4f94499031a6a88b is wrong", 401),
        said("Bearer abcdefghijklmnopqrstuvwxyz was refused", 401),
        said("dial tcp 10.0.0.7: refused"),
        said("see https://internal.example/help"),
        said("no route to db.internal:5432"),
        said({"nested": "object"}),
        said(None),
        plain(400, "<html>a page</html>", "text/html"),
        plain(400, "x" * 2_000),
        plain(404, "404 page not found\n"),
        httpx.Response(400, json=[{"uid": "", "error": "invalid json"}]),
    ],
    ids=lambda answer: answer.text[:40],
)
async def test_what_is_private_or_no_sentence_is_not_quoted(answer: httpx.Response) -> None:
    text, _ = await refusal_of(PATCH, answer)
    assert "The API says" not in text


@pytest.mark.parametrize(
    "answer",
    [
        plain(401, "Unauthorized: invalid tenant headers\n"),
        plain(401, "Unauthorized: missing tenant header\n"),
        plain(403, "Unauthorized: not authorized for requested tenant\n"),
        refused(401, "invalid_tenant", "Unauthorized: invalid tenant headers"),
    ],
    ids=lambda answer: answer.text[:40],
)
async def test_a_refused_gateway_is_the_operators_matter(answer: httpx.Response) -> None:
    text, requests = await refusal_of(PATCH, answer)
    assert text.startswith("The API does not accept this gateway: tenant, secret or clock disagree.")
    assert "sign in" not in text
    assert requests == 1


@pytest.mark.parametrize("status", [500, 501, 503])
async def test_the_words_of_a_failing_api_stay_inside(status: int) -> None:
    text, _ = await refusal_of(PATCH, refused(status, message="dial tcp 10.0.0.7:5432: refused"))
    assert "10.0.0.7" not in text
    assert "Correlation id: c-1" in text


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, text=""),
        httpx.Response(200, text="[1]"),
        httpx.Response(200, text="null"),
        httpx.Response(200, text='{"a":' * 5_000 + "1" + "}" * 5_000),
        httpx.Response(307, headers={"Location": "http://example.com"}),
        httpx.Response(200, content=b'{"a":"\xff"}', headers={"Content-Type": "application/json"}),
    ],
    ids=["html", "empty", "array", "null", "deep", "redirect", "bytes"],
)
async def test_an_answer_outside_the_contract_is_an_error_of_its_own(answer: httpx.Response) -> None:
    text, _ = await refusal_of(GET, answer)
    assert "could not be understood" in text
    assert "Correlation id: " in text


async def test_a_lost_read_may_be_repeated_and_a_lost_write_must_be_looked_at() -> None:
    lost = httpx.ReadError("connection reset by 127.0.0.1:8081")
    read, _ = await refusal_of(GET, lost)
    write, _ = await refusal_of(PATCH, lost)
    assert "not available" in read
    assert "may or may not have been made" in write
    assert "127.0.0.1" not in read + write


async def test_a_write_that_the_api_itself_is_unsure_of_is_sent_once_more_where_that_is_safe() -> None:
    unsure = refused(503, "outcome_unknown")
    text, requests = await refusal_of(PATCH, unsure)
    assert "may or may not have been made" in text
    assert requests == 1
    done = httpx.Response(200, json={"uid": UID})
    upstream = failing_api([unsure, done], {**INFO, "idempotency": {"header": "Idempotency-Key"}})
    async with in_memory(create_server(settings_for(API), transport=upstream), token("ann")) as tools:
        assert await tools.call(PATCH[0], **PATCH[1]) == {"uid": UID}


async def test_an_api_that_is_not_there_is_said_to_be_away() -> None:
    text, _ = await refusal_of(PATCH, httpx.ConnectError("refused"))
    assert "not available at the moment; nothing was done. Wait " in text


async def test_a_refused_session_is_opened_anew_once() -> None:
    text, requests = await refusal_of(PATCH, refused(428), refused(428))
    assert "did not accept a fresh sync session" in text
    assert requests == 2


async def test_a_call_goes_on_after_a_refused_session() -> None:
    upstream = failing_api([refused(428), httpx.Response(200, json={"uid": UID})])
    async with in_memory(create_server(settings_for(API), transport=upstream), token("ann")) as tools:
        assert await tools.call(PATCH[0], **PATCH[1]) == {"uid": UID}


@pytest.mark.parametrize(
    "body", [{"error": "epoch_mismatch", "epoch": 2}, {"error": "x", "code": "epoch_mismatch"}]
)
async def test_after_a_wipe_a_read_is_repeated_and_a_write_reported(body: dict[str, Any]) -> None:
    wiped = httpx.Response(409, json=body)
    text, requests = await refusal_of(PATCH, wiped)
    assert "wiped in the meantime; nothing was written" in text
    assert requests == 1
    upstream = failing_api([wiped, httpx.Response(200, json={"uid": UID})])
    async with in_memory(create_server(settings_for(API), transport=upstream), token("ann")) as tools:
        assert await tools.call(GET[0], **GET[1]) == {"uid": UID}


async def test_numbers_no_json_can_hold_are_refused_before_sending() -> None:
    upstream = failing_api([])
    async with in_memory(create_server(settings_for(API), transport=upstream), token("ann")) as tools:
        text = await tools.refusal("patch_note", uid=UID, updates='{"n": 1e999}')
    assert "not finite" in text
    assert upstream.calls == []


async def test_an_unexpected_fault_says_nothing_of_the_inside() -> None:
    text, _ = await refusal_of(GET, KeyError("secret-payload"))
    assert "secret-payload" not in text
    assert "failed inside the gateway" in text


async def test_each_call_carries_its_own_correlation_id(tools: Tools, upstream: Any) -> None:
    await tools.call("list_notes")
    await tools.call("list_notes")
    one, two = (request.headers["X-Correlation-ID"] for request in upstream.calls)
    assert one
    assert two
    assert one != two
