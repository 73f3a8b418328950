"""Every place where the gateway relies on the inside of a library, rather than on what it documents.

`SEEN_IN` names the minor series of the libraries in which all of this was seen. When a lock file moves to
another one, `tests/test_library_seams.py` says which of it is still true.

What follows is in the order of `SEEN_IN`.
"""

import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import fastmcp
import httptools
import uvicorn
from fastmcp import FastMCP
from mcp import MCPError
from mcp.server import NotificationOptions
from mcp.server.context import CallNext, ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.streamable_http import GET_STREAM_KEY, check_accept_headers
from mcp.server.streamable_http import REQUEST_CANCELLED as REQUEST_CANCELLED_CODE
from mcp.server.transport_security import DEFAULT_MAX_REQUEST_BODY_SIZE
from mcp.shared._stream_protocols import WriteStream
from mcp.shared.dispatcher import coerce_request_id
from mcp.shared.inbound import MCP_METHOD_HEADER, MCP_NAME_HEADER
from mcp.shared.message import SessionMessage
from mcp.types import INTERNAL_ERROR as INTERNAL_ERROR_CODE
from mcp.types import (
    INVALID_PARAMS,
    DiscoverResult,
    Implementation,
    ListToolsResult,
    RequestId,
    ServerCapabilities,
    Tool,
)
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    LOG_LEVEL_META_KEY,
    PROTOCOL_VERSION_META_KEY,
    SERVER_INFO_META_KEY,
)
from mcp_types.methods import serialize_server_result, validate_client_request
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from sse_starlette import EventSourceResponse
from sse_starlette.sse import AppStatus
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from fastmcp.server.auth.cimd import CIMDFetcher

MessageStream = WriteStream[SessionMessage]
"""Where the SDK sends the messages of a session."""

SEEN_IN = {"fastmcp": "4.1", "mcp": "2.3", "sse-starlette": "3.7", "uvicorn": "0.54"}


# FastMCP


def turn_off_telemetry() -> None:
    """FastMCP makes an OpenTelemetry span for every message, also when nothing collects them: 2 to 8 % of a
    call's processor time. Its setting is read at each message, so it can be changed after the import."""
    fastmcp.settings.telemetry_mode = "off"


def publish_input_schemas(server: FastMCP, schema: Callable[[str], Mapping[str, Any] | None]) -> None:
    """Gives the SDK the input schema of the tool that a name means for the client of the message at hand. It
    checks the headers of each call of revision 2026-07-28 against it, and lists all tools for each call if it
    has no such function: 6 ms instead of 0.5. FastMCP sets none, and has no public way to its SDK server."""
    server._mcp_server.get_tool_input_schema = schema


def advertise_what_is_there(server: FastMCP) -> None:
    """Removes from the capabilities what the gateway does not do: it never says that a list has changed,
    sends no logs, and has no pages to show. FastMCP advertises all three whatever the server does. A client
    that sets the level of logs all the same gets its answer, as the conformance suite demands."""
    inner = server._mcp_server
    inner.notification_options = NotificationOptions()
    get_capabilities = inner.get_capabilities

    def those_that_are_true(*options: Any, **named: Any) -> ServerCapabilities:
        return get_capabilities(*options, **named).model_copy(update={"extensions": None, "logging": None})

    inner.get_capabilities = those_that_are_true  # type: ignore[method-assign]


def withdraw(server: FastMCP, *, resources: bool, prompts: bool) -> None:
    """Takes back that the server has resources or prompts. FastMCP answers for both, also if it has none, and
    the SDK advertises what is answered."""
    handlers = server._mcp_server._request_handlers
    gone = {"resources": resources, "prompts": prompts}
    for method in [method for method in handlers if gone.get(method.partition("/")[0])]:
        del handlers[method]


def stamp(server: FastMCP) -> Mapping[str, Any]:
    """What the SDK adds to the results of revision 2026-07-28."""
    info = server._mcp_server.server_info_stamp
    return {"resultType": "complete", "_meta": {SERVER_INFO_META_KEY: info}}


def written_tools(stamp: Mapping[str, Any], tools: Sequence[Tool], revision: str) -> bytes:
    """The result of `tools/list` as the SDK writes it for a client of that revision: in ASCII where there are
    no sessions."""
    shaped = _shaped("tools/list", ListToolsResult(tools=list(tools)), revision)
    return to_json(shaped) if has_sessions(revision) else _ascii({**shaped, **stamp})


def written_discovery(server: FastMCP, stamp: Mapping[str, Any], instructions: str, revision: str) -> bytes:
    """The result of `server/discover` as the SDK writes it when FastMCP's middleware has changed it: it goes
    through the model twice, which knows no `resultType`."""
    capabilities = server._mcp_server.get_capabilities(protocol_version=revision)
    versions = list(MODERN_PROTOCOL_VERSIONS)
    first = DiscoverResult(supported_versions=versions, capabilities=capabilities, instructions=instructions)
    shaped = _shaped("server/discover", first, revision)
    second = DiscoverResult.model_validate({**shaped, **stamp}, by_name=False)
    return _ascii({**_dumped(second), "resultType": stamp["resultType"]})


def _shaped(method: str, result: BaseModel, revision: str) -> dict[str, Any]:
    return serialize_server_result(method, revision, _dumped(result))


def _dumped(result: BaseModel) -> dict[str, Any]:
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


def _ascii(result: Mapping[str, Any]) -> bytes:
    return json.dumps(result, separators=(",", ":")).encode()


def keeps_document(fetcher: "CIMDFetcher", url: str) -> bool:
    """Whether FastMCP's fetcher of client ID metadata documents would return what it has, without asking the
    client's site."""
    kept = fetcher._cache.get(url)
    return kept is not None and not kept.must_revalidate and time.time() < kept.expires_at


# The MCP SDK: SSE

MAX_BODY_BYTES = DEFAULT_MAX_REQUEST_BODY_SIZE
"""The largest message that the SDK takes, over every transport."""

MESSAGE_EVENT = b"event: message\r\n"
"""How an event with a message begins. The SDK sends each in one piece."""

_SESSION_ID = re.compile(rb"session_id=([0-9a-f]{32})")
_INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'


def session_id_in_endpoint_event(message: Message) -> bytes | None:
    """The id of a new SSE session, if `message` is the event that sends its address to the client.

    The SDK makes the id and publishes it nowhere else. It sends the whole event in one message.
    """
    found = _SESSION_ID.search(message.get("body", b""))
    return found[1] if found else None


def initialized_notification(scope: Scope, path: str, session_id: bytes) -> tuple[Scope, Receive, Send]:
    """A request that makes a new session ready for calls, as the sender of `scope`; its answer is dropped.

    The SDK serves calls once `notifications/initialized` has come, also without `initialize`. It answers a
    post as soon as the message is handed over, so it can be awaited before the stream has begun.
    """
    post = {
        **scope,
        "method": "POST",
        "path": path,
        "query_string": b"session_id=" + session_id,
        "headers": [
            *(
                line for line in scope["headers"] if line[0] != b"content-type"
            ),  # some proxies add one to a GET
            (b"content-type", b"application/json"),
        ],
    }
    return post, _initialized, _drop


async def _initialized() -> Message:
    return {"type": "http.request", "body": _INITIALIZED, "more_body": False}


async def _drop(_: Message) -> None: ...


# The MCP SDK: what it cannot parse

UNREADABLE_ANSWERS = (b"Could not parse message", b'"code":-32700')
"""The bodies with status 400 to messages that the SDK cannot parse: over SSE, and over Streamable HTTP."""


# The MCP SDK: requests


def correlation_key(request_id: RequestId) -> RequestId:
    """What the SDK takes for one id: 7 and "7" are the same. It neither refuses nor separates two requests
    with the same id in one session: it mixes up their answers."""
    return coerce_request_id(request_id)


class Peer:
    """The other end of a session, as far as the SDK knows it at the moment."""

    __slots__ = ("_connection",)

    def __init__(self, session: ServerSession) -> None:
        self._connection = session._connection

    @property
    def takes_calls(self) -> bool:
        """Whether the SDK would serve a tool call now, by a revision that has sessions."""
        connection = self._connection
        return connection.initialize_accepted and connection.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS

    @property
    def revision(self) -> str:
        """The revision of MCP that it speaks."""
        return self._connection.protocol_version

    @property
    def info(self) -> Implementation | None:
        """The client as it named itself, if it did."""
        params = self._connection.client_params
        return params.client_info if params else None


def begin_messages(
    server: FastMCP,
    begin: Callable[[str | None, Peer, Mapping[str, Any] | None], Awaitable[None]],
    failed: Callable[[int], None],
    more: Callable[[str, Mapping[str, Any]], Mapping[str, Any]],
) -> None:
    """Calls `begin` for each message that the SDK handles, in the task that handles it, with the method of a
    request, and without one for a notification, and with its `_meta` if it has one. Calls `failed` with the
    code of the JSON-RPC error that the message is answered with, if it is. If it has a `_meta`, its result
    gets what `more` returns for the method and that, before what else is in `_meta` of the result."""

    async def middleware(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> Any:
        try:
            given = ctx.params.get("_meta") if ctx.params else None
            meta = given if isinstance(given, Mapping) else None
            method = ctx.method if ctx.request_id is not None else None
            await begin(method, Peer(ctx.session), meta)
            result: Any = await call_next(ctx)
        except MCPError as error:
            failed(error.error.code)
            raise
        except ValidationError:
            failed(INVALID_PARAMS)
            raise
        added = more(method, meta) if method and meta else None
        return {**result, "_meta": {**added, **result.get("_meta", {})}} if added else result

    server._mcp_server.middleware.append(middleware)


def send_through(server: FastMCP, wrap: Callable[[MessageStream], MessageStream]) -> None:
    """Sends the messages of each SSE session through what `wrap` makes of the SDK's stream. The SDK sends one
    message at a time, in the task that handles the request, and waits until the writer of the session takes
    it. A cancelled request may end without a message."""
    run = server._mcp_server.run

    async def run_through(read: Any, write: MessageStream, *rest: Any, **options: Any) -> None:
        await run(read, wrap(write), *rest, **options)

    server._mcp_server.run = run_through  # type: ignore[method-assign, assignment]


# The MCP SDK: Streamable HTTP

SESSION_HEADER = "mcp-session-id"
VERSION_HEADER = "mcp-protocol-version"
LAST_EVENT_HEADER = "last-event-id"
"""A GET with it is never answered when FastMCP has no event store."""


RESERVED_ID = GET_STREAM_KEY
"""The SDK keeps the stream of a session under this key, beside the ids of requests."""


def accepts_events(scope: Scope) -> bool:
    """Whether the SDK answers a GET with a stream, rather than with status 406."""
    return check_accept_headers(Request(scope))[1]


INTERNAL_ERROR = INTERNAL_ERROR_CODE
REQUEST_CANCELLED = REQUEST_CANCELLED_CODE
SESSION_TERMINATED = "Session terminated before the request completed"
"""What the SDK says to a request whose session ends."""

HEADERS_IN_SESSION = (b"content-type", b"content-length")
HEADERS_WITHOUT_SESSION = (b"content-length", b"content-type")
"""The headers of an answer, in the order in which the SDK writes them."""

METHOD_HEADER, NAME_HEADER = MCP_METHOD_HEADER, MCP_NAME_HEADER
PARAMETER_HEADERS = "mcp-param-"
RESERVED_META = "io.modelcontextprotocol/"
"""How the keys in `_meta` begin that revisions of MCP define."""


@lru_cache(256)
def accepts_json(accept: bytes | None) -> bool:
    """Whether the SDK answers a request with this `Accept`, of which there is one."""
    if accept is None or len(accept) > MAX_REMEMBERED_BYTES:
        return False
    return check_accept_headers(Request({"type": "http", "headers": [(b"accept", accept)]}))[0]


def is_json(content_type: bytes | None) -> bool:
    """Whether the SDK certainly reads a message of this content type."""
    return content_type is not None and content_type.partition(b";")[0].strip() == b"application/json"


def client_in_envelope(reserved: Mapping[str, Any], version: str) -> tuple[str, str] | tuple[()] | None:
    """The name and version of the client in the reserved keys of a request's `_meta`, empty if they are not
    there. None if the SDK would refuse the request, whose header names this revision."""
    if reserved.get(PROTOCOL_VERSION_META_KEY) != version or version not in MODERN_PROTOCOL_VERSIONS:
        return None
    if not reserved.keys() <= _KEYS_OF_ENVELOPES:
        return None
    try:
        validate_client_request("tools/call", version, {"name": "", "_meta": reserved})
        info = reserved.get(CLIENT_INFO_META_KEY)
        named = Implementation.model_validate(info, by_name=False) if info is not None else None
    except (ValidationError, KeyError, ValueError):
        return None
    return (named.name, named.version) if named else ()


_KEYS_OF_ENVELOPES = {
    *(PROTOCOL_VERSION_META_KEY, CLIENT_INFO_META_KEY, CLIENT_CAPABILITIES_META_KEY),
    LOG_LEVEL_META_KEY,  # for logs, which the gateway does not send
}
MAX_REMEMBERED_BYTES = 1_024


def has_sessions(version: str | None) -> bool:
    """Whether the SDK serves requests of this protocol version in sessions. Clients of the oldest revisions
    name no version."""
    return version is None or version in HANDSHAKE_PROTOCOL_VERSIONS


# sse-starlette


def keep_streams_open(ping_seconds: float) -> None:
    """Sends a comment on every stream each `ping_seconds`, and leaves it to the gateway to end streams at a
    stop. The SDK passes no options on to sse-starlette, which would end them at the signal, before the
    answers of running calls."""
    EventSourceResponse.DEFAULT_PING_INTERVAL = ping_seconds  # type: ignore[assignment]
    AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]


# uvicorn

UvicornServer = uvicorn.Server
"""Its `shutdown` closes all connections. The gateway overrides it to end calls and streams first, and reads
`force_exit`, which a second SIGINT sets."""

UvicornConnection = HttpToolsProtocol
"""One connection. `connections.py` overrides what asyncio, the parser and a complete response call, reads
`cycle`, `headers` and `pipeline`, extends `_start_asgi_task` and `send_400_response`, and sets `disconnected`
and `message_event` of a cycle. uvicorn has no timer for a head, for the rest of a body or for an answer that
is not read, and no limit on connections or on requests that wait. It keeps trailers as headers."""


class RequestParser(httptools.HttpRequestParser):
    """The parser of a connection. At the end of a head that offers another protocol it stops, although the
    body follows, and reports the end of the message; uvicorn would answer 400 to the body."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self._connection = connection
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._connection.continue_in_http(data[offer.args[0] :])


# What the libraries log

LOG_LEVELS = {
    "fastmcp": logging.WARNING,
    "fastmcp.server.auth": logging.ERROR,  # its warnings quote the claims of refused tokens
    "fastmcp.server.auth.oauth_proxy": logging.CRITICAL,  # its errors quote codes, and what strangers send
    "mcp": logging.WARNING,
    "mcp.server.runner": logging.ERROR,  # its warnings are about what clients sent, as often as they send it
    "mcp.server.sse": logging.CRITICAL,  # its errors are all about what clients sent
    "uvicorn": logging.WARNING,
    "uvicorn.error": logging.ERROR,  # as for the SDK's; what is no HTTP is counted as a refusal
    "opentelemetry": logging.CRITICAL + 1,
    "urllib3": logging.CRITICAL
    + 1,  # only the exporter of traces uses it; both name addresses in their lines
}
"""The least level of each library's loggers. At debug, FastMCP and the SDK write whole messages."""

DISCONNECT_LOGGERS = ("uvicorn.error", "mcp.server.streamable_http")
"""The loggers that report a client's disconnect as an error of the server."""

DISCONNECT_ERRORS = frozenset({"ClosedResourceError", "BrokenResourceError", "ClientDisconnect"})
"""The exceptions of such reports, by name: two of anyio, one of Starlette."""
