"""What traces show: a span of each message that is a request, and one of each request to the API for it.

Names and attributes are those of OpenTelemetry's conventions for MCP and HTTP clients. Those of the gateway
itself begin with `toolbridge.`. Nothing that belongs to a user is among them: no argument, no text, no id of
an item.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from time import perf_counter
from typing import Any

from mcp_types.methods import SPEC_CLIENT_METHODS
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from toolbridge_mcp.telemetry.labels import UNKNOWN
from toolbridge_mcp.telemetry.operation import CANCELLED, OK, ApiRequest, Operation
from toolbridge_mcp.telemetry.tallies import PROMPT
from toolbridge_mcp.telemetry.trace_context import TraceContext

OTHER = "_OTHER"
"""What the conventions call a value that is none of the known ones."""

TOOL_CALL, PROMPT_REQUEST = "tools/call", "prompts/get"

UNANSWERED = "unanswered"
"""The error of a request that ended without an answer of the protocol: its client cancelled it or left, or it
was refused with a status of HTTP."""

REQUEST_ID = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")

_FINE, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)
_RANDOM = TraceFlags.RANDOM_TRACE_ID
_FIXED: Mapping[str, str] = {"network.transport": "tcp", "network.protocol.name": "http"}
_NOWHERE = Context()


@dataclass(frozen=True, slots=True)
class Origin:
    """Who makes the spans, and what takes those that have ended."""

    sampler: Sampler
    processor: SpanProcessor
    resource: Resource
    scope: InstrumentationScope


class _Begun:
    """A span from its beginning to its end, when it is made.

    The span that the SDK would make at the beginning can be changed by any thread until it ends, which costs
    several times as much as all that is in it. The SDK wants nobody else to make a `ReadableSpan`; the tests
    with a collector show that it is complete.
    """

    __slots__ = ("context", "links", "parent", "started_at")

    def __init__(self, context: SpanContext, parent: SpanContext | None, started_at: int) -> None:
        self.context = context
        self.parent = parent
        self.links: tuple[Link, ...] = ()
        self.started_at = started_at

    def end(
        self, origin: Origin, name: str, kind: SpanKind, attributes: Mapping[str, Any], ended_at: int
    ) -> None:
        span = ReadableSpan(
            name,
            self.context,
            self.parent,
            origin.resource,
            attributes,
            links=self.links,
            kind=kind,
            status=_ERROR if "error.type" in attributes else _FINE,
            start_time=self.started_at,
            end_time=ended_at,
            instrumentation_scope=origin.scope,
        )
        origin.processor.on_end(span)


class Spans:
    """Makes the spans. `api` is the host and the port of the API; `resources` the URIs of resources, or their
    templates, by the names of the operations that read them."""

    def __init__(self, origin: Origin, api: tuple[str, int], resources: Mapping[str, str]) -> None:
        self._origin = origin
        self._ids = RandomIdGenerator()
        self._resources = resources
        self._server = {"server.address": api[0], "server.port": api[1]}

    def begin(self, operation: Operation, named: TraceContext | None) -> None:
        """Begins the span of an operation, once. The context that the message names is the parent, and the
        one of the request that brought it is a link then; else that is the parent."""
        if operation.request_id is None or operation.span is not None:
            return
        brought = operation.context
        parent = _span_context(named or brought)
        trace_id = parent.trace_id if parent else self._ids.generate_trace_id()
        span_id = self._ids.generate_span_id()
        state = parent.trace_state if parent else None
        method = operation.method or OTHER
        sampled = self._origin.sampler.should_sample(_remote(parent), trace_id, method, SpanKind.SERVER)
        flags = parent.trace_flags & _RANDOM if parent else 0
        if sampled.decision is not Decision.RECORD_AND_SAMPLE:
            operation.context = _context_of(trace_id, span_id, flags, state)
            operation.span = False
            return
        flags |= TraceFlags.SAMPLED
        operation.context = _context_of(trace_id, span_id, flags, state)
        started_at = time.time_ns() - int((perf_counter() - operation.arrived_at) * 1e9)
        context = SpanContext(
            trace_id, span_id, is_remote=False, trace_flags=TraceFlags(flags), trace_state=state
        )
        operation.span = begun = _Begun(context, parent, started_at)
        if named and (link := _span_context(brought)):
            begun.links = (Link(link),)

    def end(self, operation: Operation) -> None:
        """Ends the span of an operation that has finished."""
        if operation.request_id is None:
            return
        if operation.span is None:
            self.begin(operation, None)
        begun = operation.span
        if not begun:
            return
        attributes = self._attributes(operation)
        target = attributes.get("gen_ai.tool.name") or attributes.get("gen_ai.prompt.name")
        method = attributes["mcp.method.name"]
        name = f"{method} {target}" if target else method
        ended_at = begun.started_at + int(operation.seconds * 1e9)
        begun.end(self._origin, name, SpanKind.SERVER, attributes, ended_at)

    def begin_request(self, operation: Operation, request: ApiRequest) -> tuple["RequestSpan", TraceContext]:
        parent: SpanContext = operation.span.context
        trace_id, state = parent.trace_id, parent.trace_state
        span_id = self._ids.generate_span_id()
        flags = parent.trace_flags
        context = SpanContext(trace_id, span_id, is_remote=False, trace_flags=flags, trace_state=state)
        attributes: dict[str, Any] = {**self._server, "http.request.method": request.method}
        name = request.method
        if request.route:
            name = f"{name} {request.route}"
            attributes["url.template"] = request.route
        if request.resends:
            attributes["http.request.resend_count"] = request.resends
        begun = _Begun(context, parent, time.time_ns())
        span = RequestSpan(self._origin, begun, name, attributes)
        return span, _context_of(trace_id, span_id, flags, state)

    def _attributes(self, operation: Operation) -> dict[str, Any]:
        method = operation.method if operation.method in SPEC_CLIENT_METHODS else OTHER
        name = "" if operation.name == UNKNOWN else operation.name
        error = _error(operation)
        attributes = {
            **_FIXED,
            "mcp.method.name": method,
            "jsonrpc.request.id": _shown(operation.request_id),
            "mcp.protocol.version": operation.revision,
            "mcp.session.id": _hashed(operation.session_id) if operation.session_id else "",
            "mcp.resource.uri": self._resources.get(name, ""),
            "error.type": error,
            "rpc.response.status_code": str(operation.error_code) if operation.error_code else "",
            "toolbridge.transport": operation.transport,
            "toolbridge.client": operation.client or "",
            "toolbridge.outcome": operation.outcome,
            "toolbridge.correlation_id": operation.correlation_id,
        }
        if method == TOOL_CALL:
            attributes["gen_ai.operation.name"] = "execute_tool"
            attributes["gen_ai.tool.name"] = name
        elif method == PROMPT_REQUEST:
            attributes["gen_ai.prompt.name"] = name.removeprefix(PROMPT)
        present: dict[str, Any] = {key: value for key, value in attributes.items() if value}
        for stage, seconds in operation.stages():
            present[f"toolbridge.{stage}_ms"] = round(seconds * 1000, 3)
        present["toolbridge.bytes_in"] = operation.bytes_in
        present["toolbridge.bytes_out"] = operation.bytes_out
        if operation.result_bytes:
            present["toolbridge.result_bytes"] = operation.result_bytes
        return present


class RequestSpan:
    """The span of one request to the API."""

    __slots__ = ("_attributes", "_begun", "_name", "_origin")

    def __init__(self, origin: Origin, begun: _Begun, name: str, attributes: dict[str, Any]) -> None:
        self._origin = origin
        self._begun = begun
        self._name = name
        self._attributes = attributes

    def answered(self, status: int) -> None:
        self._attributes["http.response.status_code"] = status
        self._end(str(status) if status >= 400 else "")

    def failed(self, kind: type[BaseException]) -> None:
        self._end(kind.__name__)

    def _end(self, error: str) -> None:
        if error:
            self._attributes["error.type"] = error
        self._begun.end(self._origin, self._name, SpanKind.CLIENT, self._attributes, time.time_ns())


def _error(operation: Operation) -> str:
    """The kind of failure, as the conventions name it; empty if it is none."""
    if operation.error_code:
        return str(operation.error_code)
    if operation.outcome in (OK, ""):
        return "" if operation.bytes_out else UNANSWERED
    return CANCELLED if operation.outcome == CANCELLED else "tool_error"


def _shown(request_id: str | int | None) -> str:
    """The id of a request, unless its client put something else into it than an id."""
    text = str(request_id)
    return text if REQUEST_ID.fullmatch(text) else OTHER


@lru_cache(1_024)
def _hashed(session_id: str) -> str:
    return sha256(session_id.encode()).hexdigest()[:16]


def _span_context(context: TraceContext | None) -> SpanContext | None:
    if context is None:
        return None
    return SpanContext(
        int(context.trace_id, 16),
        int(context.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(context.flags),
        trace_state=TraceState.from_header([context.state]) if context.state else None,
    )


def _remote(parent: SpanContext | None) -> Context:
    return set_span_in_context(NonRecordingSpan(parent), _NOWHERE) if parent else _NOWHERE


def _context_of(trace_id: int, span_id: int, flags: int, state: TraceState | None) -> TraceContext:
    return TraceContext(f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}", state.to_header() if state else "")
