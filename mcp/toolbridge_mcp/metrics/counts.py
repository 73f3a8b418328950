"""What is counted where it happens: refusals, requests to the API, what is occupied."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TypeAlias

from prometheus_client import (
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

Secrets: TypeAlias = Sequence[tuple[tuple[str, ...], float]]
"""Amounts by the values of labels."""

RATES = ("message_rate", "byte_rate")

REFUSALS = (
    *("answers_unread", "bodies", "byte_rate", "connections", "foreign_host", "foreign_page", "framing"),
    *("half_heads", "id_in_flight", "idle_connection", "invalid", "large_body", "late", "malformed_host"),
    *(
        "message_rate",
        "no_http",
        "oauth_client",
        "oauth_limit",
        "oauth_request",
        "page_form",
        "scope_insufficient",
        "session_not_found",
        "sessions",
        "slow_body",
    ),
    *("slow_head", "stopping", "token_invalid", "token_missing", "token_revoked", "token_unverifiable"),
    *("unknown_toolset", "unread_answer", "unreadable"),
)
"""All reasons for which something of a caller is refused or ended outside of a call."""

REPEATED = ("EpochChanged", "NotReached", "OutcomeUnknown", "RateLimited", "SessionRefused", "Unavailable")
"""The errors after which an attempt is repeated."""

LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
OUTCOMES = ("2xx", "3xx", "4xx", "5xx", "not reached", "timed out", "answer lost", "bad answer", "other")

disable_created_metrics()  # type: ignore[no-untyped-call]
_other_names = Counter(
    "toolbridge_arguments_by_other_names", "Arguments taken under a name not declared.", ("tool", "name")
)
_running = Gauge("toolbridge_calls_running", "Tool calls at work, or with an answer that is not read.")
_waiting = Gauge("toolbridge_calls_waiting", "Tool calls that wait for a place.")
_requests = Counter("toolbridge_api_requests", "Requests to the API, each attempt counted.", ("outcome",))
_retries = Counter("toolbridge_api_retries", "Repeated attempts, by what they repeat.", ("reason",))
_clock = Gauge(
    "toolbridge_clock_difference_seconds",
    "How far this clock is ahead of the API's, looked at once a minute; not a number while unknown.",
)
_circuit = Gauge("toolbridge_api_circuit_state", "0: calls go to the API. 1: one tries. 2: they are refused.")
_refused = Counter("toolbridge_refused", "Requests and connections refused or ended, by reason.", ("reason",))
_held = Gauge("toolbridge_held", "What callers occupy, by kind.", ("kind",))
_limit = Gauge("toolbridge_limit", "What callers may occupy, of the same kinds.", ("kind",))
_replaced = Gauge("toolbridge_processes_replaced", "Serving processes that ended and were replaced.")
_sessions = Gauge("toolbridge_sessions", "Sessions of clients.", ("transport",))
_keys = Gauge("toolbridge_keys", "Keys that tokens are checked with.")
_keys_age = Gauge(
    "toolbridge_keys_age_seconds",
    "Time since they were read; without any, since the start. 0 for a shared secret.",
)
_login_age: list[Callable[[], float]] = [lambda: 0.0]
_build = Gauge("toolbridge_build_info", "The version of the gateway; always 1.", ("version",))
_lag = Histogram(
    "toolbridge_event_loop_lag_seconds",
    "How late the event loop was, looked at twice a second.",
    buckets=LAG_BUCKETS,
)
_limited = Gauge("mcp_rate_limit_active", "Users who may not make another call at this moment.")

_requests_of = cache(_requests.labels)
"""The library looks labels up under a lock, which costs more than the count. There are only so many."""

_refusals_by_code: dict[int, int] = defaultdict(int)
_retries_by_tool: dict[tuple[str, str], int] = defaultdict(int)
_hidden_in: dict[str, int] = defaultdict(int)
_secrets: list[tuple[Callable[[], Secrets], Callable[[], Secrets]]] = []

for _reason in REFUSALS:
    _refused.labels(_reason)
for _outcome in OUTCOMES:
    _requests_of(_outcome)
for _reason in REPEATED:
    _retries.labels(_reason)


def count_other_name(tool: str, name: str) -> None:
    """Counts an argument that was taken under another name. `name` is one of the gateway's own table."""
    _other_names.labels(tool, name).inc()


def count_request(outcome: str) -> None:
    """Counts one request to the API. `outcome` is one of `OUTCOMES`."""
    _requests_of(outcome).inc()


def count_retry(reason: str, tool: str, attempt: int) -> None:
    """Counts one more attempt of a call. `reason` is the name of the error that made it necessary, and
    `attempt` the number of the new one."""
    _retries.labels(reason).inc()
    _retries_by_tool[tool, str(attempt)] += 1


def count_refusal(reason: str, code: int = 0) -> None:
    """Counts something of a caller that was refused or ended. `reason` is one of `REFUSALS`, and `code` that
    of the error of JSON-RPC, if the caller got one."""
    _refused.labels(reason).inc()
    if code:
        _refusals_by_code[code] += 1


def count_hidden(resource: str) -> None:
    """Counts a resource that was read and had hidden characters. `resource` is a kind of items."""
    _hidden_in[resource] += 1


def count_lateness(seconds: float) -> None:
    """Counts by how much the event loop was late."""
    _lag.observe(max(0.0, seconds))


def refusals_by_code() -> Sequence[tuple[int, int]]:
    """The errors of JSON-RPC that messages got which went no further."""
    return list(_refusals_by_code.items())


def retries_by_tool() -> Sequence[tuple[tuple[str, str], int]]:
    return list(_retries_by_tool.items())


def hidden_in() -> Sequence[tuple[str, int]]:
    return list(_hidden_in.items())


def refusals() -> Mapping[str, float]:
    """How many there were, by reason."""
    samples = (sample for family in _refused.collect() for sample in family.samples)
    return {sample.labels["reason"]: sample.value for sample in samples}


def rates_exceeded() -> float:
    """How many messages came too often, or were too much."""
    return sum(number for reason, number in refusals().items() if reason in RATES)


def describe_build(version: str) -> None:
    _build.labels(version).set(1)


def watch_held(kind: str, amount: Callable[[], float], most: float) -> None:
    """`amount` is called whenever somebody reads the metrics, as are the functions of those that follow.
    `most` is how much it may be."""
    _held.labels(kind).set_function(amount)
    _limit.labels(kind).set(most)


def watch_calls(running: Callable[[], float], waiting: Callable[[], float]) -> None:
    _running.set_function(running)
    _waiting.set_function(waiting)


def watch_secrets(ages: Callable[[], Secrets], problems: Callable[[], Secrets]) -> None:
    """`ages` are by the use and the id of each key, in seconds, and `problems` by the use: 1 or 0."""
    _secrets[:] = [(ages, problems)]


def key_ages() -> Secrets:
    return [row for ages, _ in _secrets for row in ages()]


def key_problems() -> Secrets:
    return [row for _, problems in _secrets for row in problems()]


def watch_circuit(state: Callable[[], float]) -> None:
    _circuit.set_function(state)


def watch_clock(ahead: Callable[[], float | None]) -> None:
    """`ahead` is None while it is not known."""
    _clock.set_function(lambda: math.nan if (seconds := ahead()) is None else seconds)


def watch_replaced(number: Callable[[], float]) -> None:
    _replaced.set_function(number)


def watch_sessions(transport: str, count: Callable[[], float]) -> None:
    _sessions.labels(transport).set_function(count)


def watch_keys(number: Callable[[], float], age: Callable[[], float]) -> None:
    _keys.set_function(number)
    _keys_age.set_function(age)


def watch_login(age: Callable[[], float]) -> None:
    """`age` is in seconds."""
    _login_age[:] = [age]


def login_age() -> Secrets:
    """0 where the gateway has no sign-in of its own."""
    return [((), age()) for age in _login_age]


def watch_limited(users: Callable[[], float]) -> None:
    _limited.set_function(users)
