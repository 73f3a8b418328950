"""Tool calls on the short way: from the bytes of a message to the bytes of its answer, without FastMCP.

FastMCP's way is the definition. The short way takes only calls whose meaning there is certain, runs the same
function, and gives the same bytes; whatever else comes, good or bad, goes to FastMCP.
"""

import json
import logging
from collections.abc import Awaitable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeGuard

from pydantic_core import from_json, to_json
from starlette.types import Message

from toolbridge_mcp.identity import client_as_named
from toolbridge_mcp.library_seams import (
    HEADERS_IN_SESSION,
    HEADERS_WITHOUT_SESSION,
    INTERNAL_ERROR,
    METHOD_HEADER,
    NAME_HEADER,
    PARAMETER_HEADERS,
    REQUEST_CANCELLED,
    RESERVED_META,
    SESSION_TERMINATED,
    VERSION_HEADER,
    Peer,
    accepts_json,
    client_in_envelope,
    is_json,
)
from toolbridge_mcp.message import current_operation
from toolbridge_mcp.telemetry import asks_for_timings, timings
from toolbridge_mcp.web.answers import Answer
from toolbridge_mcp.web.envelope import RequestId
from toolbridge_mcp.web.head import Head
from toolbridge_mcp.web.messages import PostedMessage
from toolbridge_mcp.web.wire import without_separators

TOOL_CALL = "tools/call"
PREPARED_IN_SESSIONS = frozenset({"tools/list"})
PREPARED = PREPARED_IN_SESSIONS | {"server/discover"}
CANCELLED = "notifications/cancelled"
ACCEPTANCE = Answer(202, ((b"content-length", b"8"),), b"Accepted")
"""The SDK's answer to a message for a stream."""

MAX_ENVELOPE_BYTES = 4_096
REMEMBERED_ENVELOPES = 512

_METHOD, _NAME, _PARAMETERS = METHOD_HEADER.encode(), NAME_HEADER.encode(), PARAMETER_HEADERS.encode()
_VERSION = VERSION_HEADER.encode()

_NONE: dict[str, Any] = {}
"""Stands for an object that is not there."""

logger = logging.getLogger(__name__)


class Result(Protocol):
    """What a tool call results in: texts, and the same as a structure if there is one."""

    @property
    def texts(self) -> Sequence[str]: ...

    @property
    def structure(self) -> Mapping[str, Any] | None: ...

    @property
    def is_error(self) -> bool: ...


class RunTool(Protocol):
    """Runs a tool by its name, as FastMCP does."""

    def __call__(self, name: str, arguments: dict[str, Any]) -> Awaitable[Result]: ...


class Prepared(Protocol):
    """Results that are the same for many clients."""

    def text(self, method: str, revision: str) -> bytes | None:
        """The result of `method` for the message at hand, as JSON; None if only FastMCP can make it."""


class ToolCall(NamedTuple):
    """A call that may go the short way."""

    request_id: RequestId
    name: str
    arguments: dict[str, Any]
    meta: Mapping[str, Any]


class ShortWay:
    """Reads, runs and answers tool calls, and answers `PREPARED` methods. Switched off, it takes no message.

    `stamp` is what the results of revision 2026-07-28 have in addition.
    """

    def __init__(
        self, run: RunTool, stamp: Mapping[str, Any], prepared: Prepared | None = None, *, is_on: bool = True
    ) -> None:
        self._run = run
        self._is_on = is_on
        self._result_type = {"resultType": stamp["resultType"]}
        self._meta = stamp["_meta"]
        self._prepared = prepared

    def call_over_sse(self, body: bytes, head: Head, peer: Peer | None) -> ToolCall | None:
        """The call in a message that was posted for a stream, whose other end the SDK knows as `peer`."""
        if not (self._is_on and peer and peer.takes_calls and is_json(head.raw(b"content-type"))):
            return None
        return _with_usual_meta(_call_in(body))

    def call_in_session(self, body: bytes, head: Head, peer: Peer | None) -> ToolCall | None:
        """The call in a message to a session of Streamable HTTP."""
        if not accepts_json(head.raw(b"accept")):
            return None
        return self.call_over_sse(body, head, peer)

    def call_alone(self, body: bytes, head: Head) -> tuple[ToolCall, str] | None:
        """The call in a message of revision 2026-07-28, and its client."""
        name = head.raw(_NAME)
        if (
            not self._is_on
            or name is None
            or name.startswith(b"=?")  # in base64
            or not name.isascii()
            or head.raw(_METHOD) != TOOL_CALL.encode()
            or head.has_any(_PARAMETERS)
            or not is_json(head.raw(b"content-type"))
            or not accepts_json(head.raw(b"accept"))
        ):
            return None
        call = _call_in(body)
        if call is None or call.name.encode() != name:
            return None
        client = _client_of(call.meta, head)
        return None if client is None else (call, client)

    def prepared_over_sse(self, message: PostedMessage, head: Head, peer: Peer | None) -> bytes | None:
        """The answer to a message of `PREPARED_IN_SESSIONS`, if nothing in it changes that. Has to be called
        while the message is handled."""
        if not (
            self._is_on
            and message.method in PREPARED_IN_SESSIONS
            and peer
            and peer.takes_calls
            and is_json(head.raw(b"content-type"))
        ):
            return None
        meta = _meta_alone_in(message)
        if meta is None or any(key.startswith(RESERVED_META) for key in meta) or not _is_usual(meta):
            return None
        return self._result_text(message.method, to_json(message.request_id), peer.revision, meta)

    def prepared_in_session(self, message: PostedMessage, head: Head, peer: Peer | None) -> bytes | None:
        """The same in a session of Streamable HTTP."""
        return self.prepared_over_sse(message, head, peer) if accepts_json(head.raw(b"accept")) else None

    def prepared_alone(self, message: PostedMessage, head: Head) -> bytes | None:
        """The same of a message of `PREPARED`, in revision 2026-07-28."""
        if (
            not self._is_on
            or message.method not in PREPARED
            or head.raw(_METHOD) != message.method.encode()
            or head.has(_NAME)
            or not is_json(head.raw(b"content-type"))
            or not accepts_json(head.raw(b"accept"))
        ):
            return None
        meta = _meta_alone_in(message)
        client = _client_of(meta, head) if meta else None
        if not meta or client is None:
            return None
        current_operation().client = client
        request_id = json.dumps(message.request_id).encode()
        return self._result_text(message.method, request_id, head.get(_VERSION), meta)

    def _result_text(
        self, method: str, request_id: bytes, revision: str, meta: Mapping[str, Any]
    ) -> bytes | None:
        text = self._prepared.text(method, revision) if self._prepared else None
        if text is None:
            return None
        operation = current_operation()
        operation.revision = revision
        operation.read_meta(meta)
        return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (request_id, text)

    async def answer(self, call: ToolCall) -> bytes:
        """The message with the result, in a session."""
        result = await self._result(call)
        return to_json({"jsonrpc": "2.0", "id": call.request_id, **result})

    async def answer_alone(self, call: ToolCall) -> bytes:
        """The message with the result, in revision 2026-07-28. The SDK writes it in ASCII."""
        result = await self._result(call, self._result_type)
        if shown := result.get("result"):
            shown["_meta"] = {**shown["_meta"], **self._meta} if "_meta" in shown else self._meta
        return json.dumps({"jsonrpc": "2.0", "id": call.request_id, **result}, separators=(",", ":")).encode()

    async def _result(self, call: ToolCall, kind: Mapping[str, Any] = _NONE) -> dict[str, dict[str, Any]]:
        try:
            return {"result": _shown(await self._run(call.name, call.arguments), kind, call.meta)}
        except Exception:
            logger.exception("a tool call failed outside of its tool", extra={"tool": call.name})
            current_operation().error_code = INTERNAL_ERROR
            return {"error": {"code": INTERNAL_ERROR, "message": "Internal error"}}


def request_in_cancellation(body: bytes) -> RequestId | None:
    """The id of the request that a `notifications/cancelled` is about."""
    try:
        request_id = from_json(body)["params"]["requestId"]
    except (ValueError, LookupError, TypeError):
        return None
    return request_id if _is_request_id(request_id) else None


def cancelled(request_id: RequestId) -> bytes:
    """The answer to a request that its client has cancelled. Over Streamable HTTP every POST gets one."""
    error = {"code": REQUEST_CANCELLED, "message": "Request cancelled"}
    return to_json({"jsonrpc": "2.0", "id": request_id, "error": error})


def terminated() -> bytes:
    """The answer to a request whose session has ended."""
    error = {"code": INTERNAL_ERROR, "message": SESSION_TERMINATED}
    return to_json({"jsonrpc": "2.0", "id": None, "error": error})


def event(message: bytes) -> Message:
    """A message of JSON-RPC as an event of a stream."""
    body = b"event: message\r\ndata: " + message + b"\r\n\r\n"
    return {"type": "http.response.body", "body": body, "more_body": True}


def answer_in_session(body: bytes, status: int = 200) -> Answer:
    """An answer of Streamable HTTP to a request in a session."""
    return _json(status, HEADERS_IN_SESSION, body)


def answer_without_session(body: bytes) -> Answer:
    """An answer to a request of revision 2026-07-28."""
    return _json(200, HEADERS_WITHOUT_SESSION, body)


def _json(status: int, names: tuple[bytes, bytes], body: bytes) -> Answer:
    body = without_separators(body)
    values = {b"content-type": b"application/json", b"content-length": b"%d" % len(body)}
    return Answer(status, tuple((name, values[name]) for name in names), body)


def _call_in(body: bytes) -> ToolCall | None:
    """The tool call in a message, if it has the members of one and no others."""
    try:
        message = from_json(body)
    except ValueError:
        return None
    if not isinstance(message, dict) or len(message) != 4 or message.get("jsonrpc") != "2.0":
        return None
    request_id, params = message.get("id"), message.get("params")
    if message.get("method") != TOOL_CALL or not _is_request_id(request_id) or not isinstance(params, dict):
        return None
    name, arguments, meta = params.get("name"), params.get("arguments", _NONE), params.get("_meta", _NONE)
    known = 1 + (arguments is not _NONE) + (meta is not _NONE)
    if not isinstance(name, str) or not isinstance(arguments, dict | None) or not isinstance(meta, dict):
        return None
    if len(params) != known:
        return None
    return ToolCall(request_id, name, arguments or {}, meta)


def _is_request_id(value: object) -> TypeGuard[RequestId]:
    return type(value) is int or type(value) is str


def _with_usual_meta(call: ToolCall | None) -> ToolCall | None:
    if call is None or not call.meta:
        return call
    has_reserved = any(key.startswith(RESERVED_META) for key in call.meta)
    return None if has_reserved or not _is_usual(call.meta) else call


def _is_usual(meta: Mapping[str, Any]) -> bool:
    """Whether neither the SDK nor FastMCP would refuse or obey what is in `_meta`."""
    token = meta.get("progressToken", "")
    return "fastmcp" not in meta and _is_request_id(token)


def _meta_alone_in(posted: PostedMessage) -> dict[str, Any] | None:
    """The `_meta` of a request, empty if it has none; None if it has other parameters, or is no request. Of a
    member that comes twice the last counts, here as with the SDK."""
    try:
        message = from_json(posted.body)
    except ValueError:
        return None
    if not isinstance(message, dict) or not message.keys() <= {"jsonrpc", "id", "method", "params"}:
        return None
    request_id = message.get("id")
    if not _is_request_id(request_id) or request_id != posted.request_id:
        return None
    if message.get("method") != posted.method or message.get("jsonrpc") != "2.0":
        return None
    params = message.get("params", _NONE)
    if not isinstance(params, dict) or not params.keys() <= {"_meta"}:
        return None
    meta = params.get("_meta", _NONE)
    return meta if isinstance(meta, dict) else None


def _client_of(meta: Mapping[str, Any], head: Head) -> str | None:
    """The client of a message of revision 2026-07-28; None if the SDK or FastMCP would refuse its `_meta`, or
    obey it."""
    reserved = {key: value for key, value in meta.items() if key.startswith(RESERVED_META)}
    client = _client(to_json(reserved), head.raw(_VERSION) or b"")
    return client if _is_usual(meta) else None


@lru_cache(REMEMBERED_ENVELOPES)
def _client(reserved: bytes, version: bytes) -> str | None:
    """The client that the reserved keys of `_meta` name; None if the SDK would refuse them."""
    if len(reserved) > MAX_ENVELOPE_BYTES:
        return None
    named = client_in_envelope(from_json(reserved), version.decode("latin-1"))
    return None if named is None else client_as_named(*named) if named else ""


def _shown(result: Result, kind: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """A result as the SDK writes it, member by member. `kind` is its type, in revisions that have one, and
    `asked` the `_meta` of its request."""
    content = [{"text": text, "type": "text"} for text in result.texts]
    shown: dict[str, Any] = {"content": content, "isError": result.is_error, **kind}
    if result.structure is not None:
        shown["structuredContent"] = result.structure
    if asks_for_timings(asked):
        shown["_meta"] = timings(current_operation())
    return shown
