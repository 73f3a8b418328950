"""Why a tool call goes FastMCP's way, for the table of those that do."""

from typing import Any

from pydantic_core import from_json

from tests.harness.both_ways.records import Transport
from toolbridge_mcp.library_seams import (
    METHOD_HEADER,
    NAME_HEADER,
    PARAMETER_HEADERS,
    RESERVED_META,
    Peer,
    accepts_json,
    client_in_envelope,
    is_json,
)
from toolbridge_mcp.web.head import Head

TOOL_CALL = b"tools/call"
_NAMES = ("protocolVersion", "clientInfo", "clientCapabilities", "logLevel")
ENVELOPE = {f"{RESERVED_META}{name}" for name in _NAMES}
CANCELLATION = b"notifications/cancelled"


def reason(transport: Transport, body: bytes, head: Head, peer: Peer | None) -> str:
    """The first thing about a message that the short way does not take; empty if it is no tool call."""
    try:
        message = from_json(body)
    except ValueError:
        return "the message is not JSON"
    if not isinstance(message, dict) or message.get("method") != TOOL_CALL.decode():
        return ""
    return (
        _of_headers(transport, head)
        or (_of_session(peer) if transport is not Transport.ALONE else "")
        or _of_message(message)
        or _of_meta(transport, message["params"].get("_meta", {}), head)
        or "it is not known why"
    )


def _of_session(peer: Peer | None) -> str:
    if peer is None:
        return "nothing has been heard in the session yet"
    return "" if peer.takes_calls else "the session is not initialized"


def _of_headers(transport: Transport, head: Head) -> str:
    content_type = head.raw(b"content-type")
    if not is_json(content_type):
        return f"Content-Type: {content_type!r}"
    if transport is Transport.SSE:
        return ""
    accept = head.raw(b"accept")
    if not accepts_json(accept):
        return f"Accept: {accept!r}"
    if transport is Transport.SESSION:
        return ""
    if head.raw(METHOD_HEADER.encode()) != TOOL_CALL:
        return f"{METHOD_HEADER} is not that of the message"
    if head.has_any(PARAMETER_HEADERS.encode()):
        return f"a header {PARAMETER_HEADERS}"
    name = head.raw(NAME_HEADER.encode())
    return f"{NAME_HEADER} is not plain" if name is None or not name.isascii() or name[:2] == b"=?" else ""


def _of_message(message: dict[str, Any]) -> str:
    if extra := message.keys() - {"jsonrpc", "id", "method", "params"}:
        return f"members of the message: {_few(extra)}"
    if type(message.get("id")) not in (int, str):
        return f"an id that is {_kind(message.get('id'))}"
    params = message.get("params")
    if not isinstance(params, dict):
        return f"params that are {_kind(params)}"
    if extra := params.keys() - {"name", "arguments", "_meta"}:
        return f"members of the params: {_few(extra)}"
    if not isinstance(params.get("name"), str):
        return f"a name that is {_kind(params.get('name'))}"
    if not isinstance(params.get("arguments"), dict | None):
        return f"arguments that are {_kind(params['arguments'])}"
    if not isinstance(params.get("_meta", {}), dict):
        return f"_meta that is {_kind(params['_meta'])}"
    return ""


def _of_meta(transport: Transport, meta: dict[str, Any], head: Head) -> str:
    if "fastmcp" in meta:
        return "_meta has fastmcp"
    if type(meta.get("progressToken", "")) not in (int, str):
        return f"_meta has a progressToken that is {_kind(meta['progressToken'])}"
    reserved = {key: value for key, value in meta.items() if key.startswith(RESERVED_META)}
    if transport is not Transport.ALONE:
        return f"_meta has {_few(reserved.keys())}" if reserved else ""
    if other := reserved.keys() - ENVELOPE:
        return f"_meta has {_few(other)}"
    if client_in_envelope(reserved, head.get(b"mcp-protocol-version")) is None:
        return f"the SDK would refuse _meta with {_few(reserved)}"
    return f"{NAME_HEADER} is not that of the message"


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _few(names: Any) -> str:
    return ", ".join(sorted(name[:40] for name in names)[:3])
