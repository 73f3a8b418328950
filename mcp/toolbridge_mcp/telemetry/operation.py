"""One message of a client, as it is measured: from its arrival until its answer is made."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from time import perf_counter
from typing import Any, Protocol, TypeAlias

from toolbridge_mcp.sender import Sender
from toolbridge_mcp.telemetry.trace_context import TraceContext, context_in

SSE, STREAMABLE_HTTP = "sse", "streamable-http"

OK, CANCELLED = "ok", "cancelled"

STAGES = ("verify", "admit", "sign", "upstream", "shape")
"""The parts of the time of a call: to verify the token; until the call was admitted; to sign; until the API
had answered; and the rest, in which the result was made."""

_TIMES_OF_A_CALL, _TIMES = "%.3f %.3f %.3f %.3f %.3f %.3f", "%.3f %.3f"
"""Formatting all at once costs a third of formatting each."""

Observer: TypeAlias = "Callable[[Operation], None]"

_observers: list[Observer] = []


class ApiRequest(Protocol):
    """A request to the API, as far as a trace shows it."""

    method: str
    route: str
    """The path as the API declares it, without ids of items; empty if that is not known."""
    resends: int
    """How often it has been sent before."""
    headers: MutableMapping[str, str]


class RequestSpan(Protocol):
    """The span of a request to the API, which ends in one of two ways."""

    def answered(self, status: int) -> None: ...

    def failed(self, kind: type[BaseException]) -> None: ...


class Tracer(Protocol):
    """What makes spans."""

    def begin(self, operation: "Operation", named: TraceContext | None) -> None:
        """Gives the operation its place in the trace that its message names, or in that of the request which
        brought it, or in a new one."""

    def end(self, operation: "Operation") -> None:
        """The operation has finished."""

    def begin_request(self, operation: "Operation", request: ApiRequest) -> tuple[RequestSpan, TraceContext]:
        """A request to the API is about to be sent. The context is what the API gets to know."""


_tracer: Tracer | None = None


def trace_with(tracer: Tracer | None) -> None:
    """Makes `tracer` the one that gets to know of all operations; None stops that. Like an observer, it must
    not raise."""
    global _tracer
    _tracer = tracer


def observe(observer: Observer) -> None:
    """Calls `observer` with every operation, when it has finished. What it does is done on the way of each
    call, and it must not raise."""
    if observer not in _observers:
        _observers.append(observer)


class Operation:
    """One message of a client, or one call where no message is known.

    It is filled on its way, and finished exactly once. Times are seconds of `time.perf_counter`, 0 for what
    has not happened. `name` is that of the tool, or of another kind of call that `Guarded` surrounds; empty
    for a message that is none. `outcome` is "ok", "cancelled" or the name of an error class; empty until it
    is known. `error_code` is the code of a JSON-RPC error, 0 for none.
    """

    __slots__ = (
        *("_is_finished", "_times", "answered_at", "arrived_at", "begun_at", "bytes_in", "bytes_out"),
        *("client", "context", "correlation_id", "error_code", "fault", "method", "name", "outcome"),
        *("request_id", "result_bytes", "revision", "sender", "session_id", "sign_seconds", "span"),
        *("transport", "upstream_seconds", "verified_at"),
    )

    def __init__(
        self,
        method: str | None = None,
        *,
        sender: Sender | None = None,
        transport: str = "",
        arrived_at: float = 0.0,
        verified_at: float = 0.0,
        bytes_in: int = 0,
        context: TraceContext | None = None,
        request_id: str | int | None = None,
        session_id: str = "",
    ) -> None:
        self.method = method
        self.sender = sender
        self.transport = transport
        """Empty where no message is known."""
        self.arrived_at = arrived_at or perf_counter()
        self.verified_at = verified_at or self.arrived_at
        self.begun_at = self.answered_at = 0.0
        self.sign_seconds = self.upstream_seconds = 0.0
        """All requests to the API together."""
        self.bytes_in = bytes_in
        self.bytes_out = 0
        """The size of the answer as it is sent."""
        self.result_bytes = 0
        """The size of the texts that a model reads, in UTF-8."""
        self.client: str | None = None
        """The client and its version, as it calls itself; None while only the SDK knows."""
        self.revision = ""
        """The revision of MCP that the client speaks; empty while only the SDK knows."""
        self.name = self.outcome = self.correlation_id = ""
        self.error_code = 0
        self.fault: Exception | None = None
        """What nobody expected."""
        self.context = context
        """Its place in a trace: that of the request which brought it, or the one that it names itself. What
        it asks the API for belongs there, too."""
        self.request_id = request_id
        """None if the message is no request."""
        self.session_id = session_id
        """Whoever knows it and has the user's token can use the session."""
        self.span: Any = None
        """What the tracer makes of it: None as long as there is nothing, False if it is not sampled."""
        self._is_finished = False
        self._times: Sequence[str] = ()

    def read_meta(self, meta: Mapping[str, Any] | None) -> None:
        """Takes the trace that the message names in its `_meta`, if it names one: that is closer to what its
        sender does than the trace of the request which brought it."""
        named = context_in(meta) if meta else None
        if _tracer is not None:
            _tracer.begin(self, named)
        elif named:
            self.context = named

    def begin(self) -> None:
        """The call has its place, and is carried out from now on."""
        self.begun_at = perf_counter()

    def begin_request(self, request: ApiRequest) -> RequestSpan | None:
        """Adds to the headers of a request to the API which trace it belongs to. Its span has to be ended, if
        it has one."""
        span, context = None, self.context
        if self.span and _tracer is not None:
            span, context = _tracer.begin_request(self, request)
        if context is not None:
            request.headers.update(context.headers())
        return span

    def requested(self, sign_seconds: float, upstream_seconds: float) -> None:
        """A request was made to the API."""
        self.sign_seconds += sign_seconds
        self.upstream_seconds += upstream_seconds

    def ended(self, outcome: str, fault: Exception | None = None) -> None:
        """The call has an outcome. The answer remains to be made, if there is a message to answer."""
        self.outcome = outcome
        self.fault = fault
        if not self.transport:
            self.finish()

    def answered(self, size: int = 0) -> None:
        """The answer is made; its `size` may not be known yet."""
        self.answered_at = perf_counter()
        self.bytes_out = size

    def finish(self) -> None:
        """All is known, or will never be. Nothing is observed twice."""
        if self._is_finished:
            return
        self._is_finished = True
        if not self.answered_at:
            self.answered_at = perf_counter()
        if _tracer is not None:
            _tracer.end(self)
        for observer in _observers:
            observer(self)
        self.fault = None

    @property
    def trace_id(self) -> str:
        """The id of its trace, empty if it belongs to none."""
        return self.context.trace_id if self.context else ""

    @property
    def seconds(self) -> float:
        """From the arrival until the answer was made."""
        return self.answered_at - self.arrived_at

    def stages(self) -> Iterator[tuple[str, float]]:
        """The parts of the time that are known, with their seconds."""
        return zip(STAGES, self.stage_seconds(), strict=False)

    def times(self) -> Sequence[str]:
        """The times of `stages` and the whole, as milliseconds are written: once for all who write them. The
        answer must have been made."""
        if not self._times:
            seconds = self.stage_seconds()
            total = (self.answered_at - self.arrived_at) * 1e3
            if len(seconds) == 1:
                written = _TIMES % (seconds[0] * 1e3, total)
            else:
                verify, admit, sign, upstream, shape = seconds
                given = (verify * 1e3, admit * 1e3, sign * 1e3, upstream * 1e3, shape * 1e3, total)
                written = _TIMES_OF_A_CALL % given
            self._times = written.split()
        return self._times

    def stage_seconds(self, now: float = 0.0) -> tuple[float, ...]:
        """The seconds of `STAGES`: of all, or of the first alone for a message that is no call. Without an
        answer they are those until `now`."""
        verify = self.verified_at - self.arrived_at
        if not (begun := self.begun_at):
            return (verify,)
        sign, upstream = self.sign_seconds, self.upstream_seconds
        shape = (self.answered_at or now or perf_counter()) - begun - sign - upstream
        return verify, begun - self.verified_at, sign, upstream, max(0.0, shape)
