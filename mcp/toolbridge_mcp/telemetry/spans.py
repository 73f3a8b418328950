"""What traces show: a span of each message that is a request, and one of each request to the API for it.

Names and attributes are those of OpenTelemetry's conventions for MCP and HTTP clients. Those of the gateway
itself begin with `toolbridge.`. Nothing that belongs to a user is among them: no argument, no text, no id of
an item.
"""

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from time import perf_counter
from typing import Any

from mcp_types.methods import SPEC_CLIENT_METHODS
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    set_span_in_context,
)

from toolbridge_mcp.telemetry.labels import UNKNOWN
from toolbridge_mcp.telemetry.operation import CANCELLED, OK, ApiRequest, Operation
from toolbridge_mcp.telemetry.trace_context import TraceContext

OTHER = "_OTHER"
"""What the conventions call a value that is none of the known ones."""

TOOL_CALL, PROMPT = "tools/call", "prompts/get"
PROMPT_NAME = "prompt_"
"""How the names of operations on prompts begin."""

UNANSWERED = "unanswered"
"""The error of a request that ended without an answer of the protocol: its client cancelled it or left, or it
was refused with a status of HTTP."""

REQUEST_ID = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")

_ERROR = Status(StatusCode.ERROR)
_FIXED: Mapping[str, str] = {"network.transport": "tcp", "network.protocol.name": "http"}
_NOWHERE = Context()


class Spans:
    """Makes the spans. `api` is the host and the port of the API; `resources` the URIs of resources, or their
    templates, by the names of the operations that read them."""

    def __init__(self, tracer: Tracer, api: tuple[str, int], resources: Mapping[str, str]) -> None:
        self._tracer = tracer
        self._resources = resources
        self._server = {"server.address": api[0], "server.port": api[1]}

    def begin(self, operation: Operation, named: TraceContext | None) -> None:
        """Begins the span of an operation, once. The context that the message names is the parent, and the
        one of the request that brought it is a link then; else that is the parent."""
        if operation.request_id is None or operation.span is not None:
            return
        brought = operation.context
        parent = named or brought
        span = self._tracer.start_span(
            operation.method or OTHER,
            _remote(parent) if parent else _NOWHERE,
            SpanKind.SERVER,
            links=[Link(_span_context(brought))] if named and brought else None,
            start_time=time.time_ns() - int((perf_counter() - operation.arrived_at) * 1e9),
        )
        operation.context = _context_of(span)
        operation.span = span if span.is_recording() else False

    def end(self, operation: Operation) -> None:
        """Ends the span of an operation that has finished."""
        if operation.request_id is None:
            return
        if operation.span is None:
            self.begin(operation, None)
        span = operation.span
        if not span:
            return
        attributes = self._attributes(operation)
        target = attributes.get("gen_ai.tool.name") or attributes.get("gen_ai.prompt.name")
        method = attributes["mcp.method.name"]
        span.update_name(f"{method} {target}" if target else method)
        span.set_attributes(attributes)
        if "error.type" in attributes:
            span.set_status(_ERROR)
        span.end(span.start_time + int(operation.seconds * 1e9))

    def begin_request(self, operation: Operation, request: ApiRequest) -> tuple["RequestSpan", TraceContext]:
        attributes: dict[str, Any] = {
            **self._server,
            "http.request.method": request.method,
        }
        if request.route:
            attributes["url.template"] = request.route
        if request.resends:
            attributes["http.request.resend_count"] = request.resends
        span = self._tracer.start_span(
            f"{request.method} {request.route}" if request.route else request.method,
            set_span_in_context(operation.span, _NOWHERE),
            SpanKind.CLIENT,
            attributes,
        )
        return RequestSpan(span), _context_of(span)

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
        elif method == PROMPT:
            attributes["gen_ai.prompt.name"] = name.removeprefix(PROMPT_NAME)
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

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    def answered(self, status: int) -> None:
        self._span.set_attribute("http.response.status_code", status)
        if status >= 400:
            self._fail(str(status))
        self._span.end()

    def failed(self, kind: type[BaseException]) -> None:
        self._fail(kind.__name__)
        self._span.end()

    def _fail(self, error: str) -> None:
        self._span.set_attribute("error.type", error)
        self._span.set_status(_ERROR)


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


def _span_context(context: TraceContext) -> SpanContext:
    return SpanContext(
        int(context.trace_id, 16),
        int(context.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(context.flags),
        trace_state=TraceState.from_header([context.state]) if context.state else None,
    )


def _remote(context: TraceContext) -> Context:
    return set_span_in_context(NonRecordingSpan(_span_context(context)), _NOWHERE)


def _context_of(span: Span) -> TraceContext:
    context = span.get_span_context()
    state = context.trace_state
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    return TraceContext(parent, state.to_header() if state else "")
