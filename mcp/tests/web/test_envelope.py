"""What a posted message is, and how much there is in it."""

import json

import pytest

from toolbridge_mcp.web.envelope import (
    Envelope,
    NotAMessage,
    envelope_of,
    has_more_values,
    method_at_start,
    request_id_at_start,
)

PARAMS = {"name": "x", "arguments": {"id": 9, "method": "other", "jsonrpc": "1.0", "text": '"},"id":8}'}}
PYTHON = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": PARAMS}
TYPESCRIPT = {"method": "tools/call", "params": PARAMS, "jsonrpc": "2.0", "id": 7}
OTHER = {"id": 7, "params": PARAMS, "method": "tools/call", "jsonrpc": "2.0"}


def compact(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


@pytest.mark.parametrize("encode", [compact, lambda message: json.dumps(message, indent=2).encode()])
@pytest.mark.parametrize("message", [PYTHON, TYPESCRIPT, OTHER], ids=["Python", "TypeScript", "other"])
def test_id_and_method_are_found_wherever_they_are(message: object, encode: object) -> None:
    body = encode(message)  # type: ignore[operator]
    assert envelope_of(body) == Envelope(7, "tools/call")
    assert envelope_of(body.replace(b"7", b'"a-b"')) == Envelope("a-b", "tools/call")


def test_the_official_clients_messages_need_no_parsing() -> None:
    python, typescript, other = (
        compact(message).replace(b'"arguments":', b'"arguments"=') for message in (PYTHON, TYPESCRIPT, OTHER)
    )
    assert envelope_of(python) == envelope_of(typescript) == Envelope(7, "tools/call")
    with pytest.raises(NotAMessage):
        envelope_of(other)


@pytest.mark.parametrize("request_id", ["null", "1.5", "true", "[1]", "{}", "1e3", "01", '"a', "-"])
@pytest.mark.parametrize(
    "form",
    [
        '{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{}}',
        '{"method":"tools/call","params":{},"jsonrpc":"2.0","id":%s}',
    ],
)
def test_a_request_whose_id_is_none_is_no_message(form: str, request_id: str) -> None:
    body = (form % request_id).encode()
    with pytest.raises(NotAMessage):
        envelope_of(body)


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
        {"jsonrpc": "2.0", "method": "notifications/initialized", "params": None},
        {"jsonrpc": "2.0", "id": 3, "result": {}},
        {"jsonrpc": "2.0", "id": "a", "error": {"code": 1, "message": "m"}},
        {"jsonrpc": "2.0", "id": None, "error": {"code": 1, "message": "m"}},
    ],
)
def test_notifications_and_responses_are_messages(message: object) -> None:
    envelope_of(compact(message))


def test_of_a_beginning_only_what_stands_before_the_parameters_is_known() -> None:
    assert request_id_at_start(compact(PYTHON)[:70]) == 7
    assert method_at_start(compact(PYTHON)[:70]) == "tools/call"
    assert request_id_at_start(compact(TYPESCRIPT)[:70]) is None
    assert method_at_start(compact(TYPESCRIPT)[:70]) == "tools/call"
    assert method_at_start(b"") is None


@pytest.mark.parametrize(
    ("value", "has_many"),
    [
        ("x" * 1_000_000, False),
        ("1,2,[3],{4}" * 100_000, False),
        ('"a","b\\"' * 100_000, False),
        ("\\" * 100_001 + ",", False),
        ([1] * 90, False),
        ([1] * 10_000, True),
        (["\\"] * 10_000, True),
        ([[]] * 10_000, True),
        ({str(number): {} for number in range(10_000)}, True),
        ([[[[[[[[[[1]]]]]]]]]] * 50, True),
    ],
)
def test_values_are_counted_outside_of_texts(value: object, has_many: bool) -> None:
    assert has_more_values(compact({"x": value}), 100) is has_many
