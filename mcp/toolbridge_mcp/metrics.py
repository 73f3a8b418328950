"""What can be measured, in the text format of Prometheus. No label holds a user, a tenant or a uid."""

from collections.abc import Callable
from functools import cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from toolbridge_mcp.telemetry import Operation

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})

disable_created_metrics()  # type: ignore[no-untyped-call]
_calls = Counter("toolbridge_calls", "Tool calls: ok, the kind of error, or cancelled.", ("tool", "outcome"))
_seconds = Histogram("toolbridge_call_seconds", "Time from call to answer.", ("tool",), buckets=BUCKETS)
_other_names = Counter(
    "toolbridge_arguments_by_other_names", "Arguments taken under a name not declared.", ("tool", "name")
)
_running = Gauge("toolbridge_calls_running", "Tool calls at work, or with an answer that is not read.")
_waiting = Gauge("toolbridge_calls_waiting", "Tool calls that wait for a place.")
_requests = Counter("toolbridge_api_requests", "Requests to the API, each attempt counted.", ("outcome",))
_retries = Counter("toolbridge_api_retries", "Repeated attempts, by what they repeat.", ("reason",))
_circuit = Gauge("toolbridge_api_circuit_state", "0: calls go to the API. 1: one tries. 2: they are refused.")
_refused = Counter("toolbridge_refused", "Requests and connections refused or ended, by reason.", ("reason",))
_held = Gauge("toolbridge_held", "What callers occupy, by kind.", ("kind",))
_replaced = Gauge("toolbridge_processes_replaced", "Serving processes that ended and were replaced.")
_sessions = Gauge("toolbridge_sessions", "Sessions of clients.", ("transport",))


_calls_of = cache(_calls.labels)
_seconds_of = cache(_seconds.labels)
_requests_of = cache(_requests.labels)
"""The library looks labels up under a lock, which costs more than the count. There are only so many tools and
outcomes."""


def count_call(operation: Operation) -> None:
    """Counts a call and its time. A message that is no call is not counted."""
    if operation.name:
        _calls_of(operation.name, operation.outcome).inc()
        _seconds_of(operation.name).observe(operation.seconds)


def count_other_name(tool: str, name: str) -> None:
    """Counts an argument that was taken under another name. `name` is one of the gateway's own table."""
    _other_names.labels(tool, name).inc()


def count_request(outcome: str) -> None:
    """Counts one request to the API. `outcome` is `2xx` to `5xx`, or why there was no answer."""
    _requests_of(outcome).inc()


def count_retry(reason: str) -> None:
    """Counts one more attempt of a call. `reason` is the name of the error that made it necessary."""
    _retries.labels(reason).inc()


def count_refusal(reason: str) -> None:
    """Counts something of a caller that was refused or ended. `reason` is one of a few names."""
    _refused.labels(reason).inc()


def watch_held(kind: str, amount: Callable[[], float]) -> None:
    """`amount` is called whenever somebody reads the metrics, as are the functions of the next four."""
    _held.labels(kind).set_function(amount)


def watch_calls(running: Callable[[], float], waiting: Callable[[], float]) -> None:
    _running.set_function(running)
    _waiting.set_function(waiting)


def watch_circuit(state: Callable[[], float]) -> None:
    _circuit.set_function(state)


def watch_replaced(number: Callable[[], float]) -> None:
    _replaced.set_function(number)


def watch_sessions(transport: str, count: Callable[[], float]) -> None:
    _sessions.labels(transport).set_function(count)


def metrics_route() -> Route:
    """`/metrics` for callers on this machine; for others it does not exist.

    Leave it out where a proxy on this machine may stand in front: then every caller comes from this machine.
    """

    async def metrics(request: Request) -> Response:
        forwarded = {"x-forwarded-for", "forwarded"} & set(request.headers)
        if forwarded or request.client is None or request.client.host not in LOOPBACK:
            return PlainTextResponse("Not Found", status_code=404)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics, methods=["GET"])
