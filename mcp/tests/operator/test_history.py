"""The last hour: what is kept of it, how much at most, and what that costs a call."""

import time

import pytest
from fastmcp.server.auth import AccessToken

from toolbridge_mcp.operator import history, state
from toolbridge_mcp.operator.history import (
    MOST_CALLERS,
    MOST_MINUTES,
    MOST_SLOW,
    OTHERS,
    Counts,
    History,
    Hour,
)
from toolbridge_mcp.sender import Sender
from toolbridge_mcp.telemetry import OK, Operation
from toolbridge_mcp.telemetry.tallies import SECONDS, tallies


def sender(name: str) -> Sender:
    claims = {"iss": "issuer"}
    return Sender.of(AccessToken(token="t", client_id="tests", subject=name, scopes=[], claims=claims))


def call(name: str = "ann", seconds: float = 0.004, tool: str = "get_note", outcome: str = OK) -> Operation:
    operation = Operation("tools/call", sender=sender(name), transport="sse")
    operation.name, operation.outcome = tool, outcome
    operation.correlation_id = f"id-{name}"
    operation.begin()
    operation.answered_at = operation.arrived_at + seconds
    operation.result_bytes = 100
    return operation


def finished(kept: History, *operations: Operation) -> None:
    for operation in operations:
        tallies.add(operation)
        kept.note(operation)


def test_a_minute_has_what_was_added_in_it() -> None:
    kept = History()
    finished(kept, call(), call(outcome="NotFound"), call("bob", tool="list_notes"))
    kept.end_minute()
    finished(kept, call("bob"))
    first, present = kept.minutes()
    assert (first.all.calls, first.all.failed, first.all.result_bytes) == (3, 1, 300)
    assert first.outcomes == {("get_note", OK): 1, ("get_note", "NotFound"): 1, ("list_notes", OK): 1}
    assert first.callers == {("issuer", "ann"): (2, 1, 200), ("issuer", "bob"): (1, 0, 100)}
    assert (present.all.calls, list(present.tools)) == (1, ["get_note"])
    assert Hour([first, present]).callers()["issuer", "bob"] == (2, 0, 200)


def test_what_is_older_than_an_hour_is_forgotten() -> None:
    kept = History()
    finished(kept, call())
    for _ in range(MOST_MINUTES + 1):
        kept.end_minute()
    assert len(kept.minutes()) == MOST_MINUTES + 1
    assert Hour(kept.minutes()).all.calls == 0
    assert Hour(kept.minutes()).callers() == {}


def test_many_callers_take_no_more_room() -> None:
    kept = History()
    for number in range(MOST_CALLERS * 4):
        kept.note(call(f"user-{number}"))
    (present,) = kept.minutes()
    assert len(present.callers) == MOST_CALLERS + 1
    assert present.callers[OTHERS] == (MOST_CALLERS * 3, 0, 100 * MOST_CALLERS * 3)


def test_only_the_slowest_calls_of_a_minute_are_kept() -> None:
    kept = History()
    for number in (5, 1, 9, 3, *range(20, 40), 2):
        kept.note(call(str(number), seconds=number / 100))
    (present,) = kept.minutes()
    assert len(present.slow) == MOST_SLOW
    assert [slow.correlation_id for slow in Hour([present]).slowest(3)] == ["id-39", "id-38", "id-37"]


def test_what_a_caller_named_is_cut() -> None:
    kept = History()
    operation = call()
    operation.client = "c" * 5000
    operation.correlation_id = "i" * 5000
    kept.note(operation)
    (slow,) = kept.minutes()[0].slow
    assert (len(slow.client), len(slow.correlation_id)) == (history.LONGEST_TEXT, history.LONGEST_TEXT)


@pytest.mark.parametrize(
    ("part", "least", "most"), [(0.5, 0.0025, 0.005), (0.95, 0.2, 0.25), (1.0, 0.2, 0.25)]
)
def test_times_lie_between_the_edges_they_were_counted_in(part: float, least: float, most: float) -> None:
    counts = Counts()
    counts.durations[SECONDS.index(0.005)] = 90
    counts.durations[SECONDS.index(0.25)] = 10
    seconds = counts.seconds(part)
    assert seconds is not None
    assert least <= seconds <= most
    assert Counts().seconds(part) is None


def test_noting_a_call_costs_less_than_a_microsecond() -> None:
    kept = History()
    operations = [call(str(number % 20)) for number in range(1_000)]
    best = float("inf")
    for _ in range(30):
        began_at = time.process_time()
        for operation in operations:
            kept.note(operation)
        best = min(best, (time.process_time() - began_at) / len(operations))
    assert best < 1e-6


def test_failures_that_are_not_the_callers_are_said_on_top() -> None:
    kept = History()
    finished(kept, *(call() for _ in range(50)), *(call(outcome="NotFound") for _ in range(50)))
    assert state.failures(kept.minutes()) == []
    finished(kept, *(call(outcome="TimedOut") for _ in range(20)))
    assert state.failures(kept.minutes()) == ["20 of the last 120 calls failed (TimedOut 20)"]
