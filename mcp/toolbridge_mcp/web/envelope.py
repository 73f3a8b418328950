"""What a posted message is, as far as JSON-RPC says it: a request, a notification or a response."""

import re
from typing import Any, NamedTuple, TypeAlias

from pydantic_core import from_json

RequestId: TypeAlias = str | int

INVALID = -32600
UNREADABLE = -32700

_ID = rb'"id"\s*:\s*("(?:[^"\\\x00-\x1f]){1,200}"|-?(?:0|[1-9]\d{0,17}))'
_VERSION = rb'"jsonrpc"\s*:\s*"2\.0"'
_METHOD = rb'"method"\s*:\s*"([a-zA-Z/_]{1,64})"'
_PARAMS = rb'(?:,\s*"params"\s*:\s*\{|\})'
_BEFORE = re.compile(rb"\s*\{\s*%s\s*,\s*%s\s*,\s*%s\s*%s" % (_VERSION, _ID, _METHOD, _PARAMS))
_METHOD_FIRST = re.compile(rb"\s*\{\s*%s\s*%s" % (_METHOD, _PARAMS))
_BEHIND = re.compile(rb",\s*%s\s*,\s*%s\s*\}\s*\Z" % (_VERSION, _ID))
"""The members as the official SDKs write them: before the parameters (Python), or around them."""

END_BYTES = 300

_SEPARATORS = b",[{"
"""One of them stands before almost every value."""


class NotAMessage(ValueError):
    """The body is no message of JSON-RPC 2.0. `code` is the error code, and the text says why."""

    def __init__(self, code: int, says: str, request_id: RequestId | None = None) -> None:
        super().__init__(says)
        self.code = code
        self.request_id = request_id


class Envelope(NamedTuple):
    """The members of a message beside its parameters. A notification has no id, and a response no method."""

    request_id: RequestId | None
    method: str | None


def envelope_of(body: bytes) -> Envelope:
    """Raises `NotAMessage`. The parameters of a message as the official SDKs write it are not parsed."""
    if found := _BEFORE.match(body):
        return Envelope(from_json(found[1]), found[2].decode())
    first, behind = _METHOD_FIRST.match(body), _BEHIND.search(body, len(body) - END_BYTES)
    if first and behind:
        return Envelope(from_json(behind[1]), first[1].decode())
    return _checked(_parsed(body))


def method_at_start(start: bytes) -> str | None:
    """The method, if a message names it before its parameters."""
    if found := _BEFORE.match(start):
        return found[2].decode()
    found = _METHOD_FIRST.match(start)
    return found[1].decode() if found else None


def request_id_at_start(start: bytes) -> RequestId | None:
    """The id, if a message names it before its parameters."""
    found = _BEFORE.match(start)
    return from_json(found[1]) if found else None


def has_more_values(body: bytes, most: int) -> bool:
    """Whether a JSON text has more than about `most` values. They are what makes a message slow to parse: a
    megabyte of text takes a millisecond, a megabyte of small numbers a hundred."""
    if _count(_SEPARATORS, body) <= most:
        return False
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if _count(b'"', unescaped) > 4 * most:
        return True
    outside_strings = b"".join(unescaped.split(b'"')[::2])
    return _count(_SEPARATORS, outside_strings) > most


def _count(characters: bytes, text: bytes) -> int:
    return len(text) - len(text.translate(None, characters))


def _parsed(body: bytes) -> Any:
    try:
        return from_json(body)
    except ValueError as error:
        raise NotAMessage(UNREADABLE, "The body is not JSON.") from error


def _checked(message: Any) -> Envelope:
    if isinstance(message, list):
        raise NotAMessage(INVALID, "Batches are not served: send each message in a request of its own.")
    if not isinstance(message, dict):
        raise NotAMessage(INVALID, "A message is a JSON object.")
    given = message.get("id")
    request_id = given if isinstance(given, str) or type(given) is int else None
    if message.get("jsonrpc") != "2.0":
        raise NotAMessage(INVALID, 'A message has "jsonrpc": "2.0".', request_id)
    if "method" in message:
        if not isinstance(message["method"], str):
            raise NotAMessage(INVALID, "The method of a message is a string.", request_id)
        if "id" in message and request_id is None:
            raise NotAMessage(INVALID, "The id of a request is a string or a whole number.")
        if not isinstance(message.get("params"), dict | None):
            raise NotAMessage(INVALID, "The params of a message are an object.", request_id)
        return Envelope(request_id, message["method"])
    if not {"result", "error"} & message.keys() or "id" not in message:
        raise NotAMessage(INVALID, "A message has a method, or a result or an error with an id.", request_id)
    return Envelope(request_id, None)
