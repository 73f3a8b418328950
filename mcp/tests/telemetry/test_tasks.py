"""Runs of calls: when they end, how they ended, and what they cost in memory."""

from toolbridge_mcp.telemetry.tasks import MAX_RUNS, QUIET_SECONDS, Tasks

ANN, BOB = ("issuer", "ann", "client"), ("issuer", "bob", "client")


def test_a_run_ends_after_a_minute_of_quiet_and_is_as_good_as_its_last_call() -> None:
    tasks = Tasks()
    tasks.called(ANN, "search", True, 0)
    tasks.called(BOB, "search", True, 1)
    tasks.called(ANN, "get_note", True, QUIET_SECONDS)
    tasks.called(BOB, "get_note", False, QUIET_SECONDS)
    tasks.sweep(QUIET_SECONDS + 1)
    assert (tasks.succeeded, tasks.failed) == (0, 0)
    tasks.sweep(2 * QUIET_SECONDS + 1)
    assert (tasks.succeeded, tasks.failed) == (1, 1)
    assert (sum(tasks.turns), tasks.turns[1], tasks.turns_in_all) == (2, 2, 4)


def test_a_call_after_the_quiet_begins_another_run() -> None:
    tasks = Tasks()
    for minute in range(3):
        tasks.called(ANN, "search", True, minute * (QUIET_SECONDS + 1))
    assert (tasks.succeeded, tasks.turns[0]) == (2, 2)


def test_a_correction_is_a_call_of_the_same_tool_after_one_that_failed() -> None:
    tasks = Tasks()
    for tool, is_good in (("a", False), ("b", True), ("a", False), ("a", True), ("a", True), ("b", False)):
        tasks.called(ANN, tool, is_good, 0)
    tasks.called(BOB, "b", True, 0)
    assert tasks.corrections == {("a", "failed"): 1, ("a", "recovered"): 1}
    tasks.called(ANN, "b", True, QUIET_SECONDS + 1)
    assert tasks.corrections.total() == 2


def test_many_users_are_not_kept() -> None:
    tasks = Tasks()
    for number in range(MAX_RUNS + 10):
        tasks.called(("issuer", str(number), "client"), "a", True, 0)
    assert tasks.succeeded == 10
    assert len(tasks._runs) == MAX_RUNS
