"""A model does everyday jobs in few calls and few tokens, and is right."""

import pytest

from tests.harness.clients import Rest
from tests.harness.processes import Process
from tests.work.counts import ADVICE, changes, counted
from tests.work.journeys import JOURNEYS, Journey
from tests.work.life import ROOF
from tests.work.measure import TOOLSETS, travel
from tests.work.person import Person

MOST_CALLS = 25
MOST_TOKENS = {"all": 16_000, "work": 10_000}
"""For what a model is told at first, and all jobs."""


@pytest.mark.anyio
@pytest.mark.slow
@pytest.mark.parametrize("toolset", TOOLSETS)
@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.name)
async def test_a_model_does_the_job_at_the_cost_that_is_written_down(
    journey: Journey, toolset: str, api: Process, gateway: Process
) -> None:
    cost = await travel(journey, api.url, gateway.url, toolset)
    assert not changes(vars(cost), counted()["journeys"][journey.name][toolset]), ADVICE


def test_the_counts_are_of_these_jobs() -> None:
    assert list(counted()["journeys"]) == [journey.name for journey in JOURNEYS]


@pytest.mark.parametrize("toolset", TOOLSETS)
def test_all_jobs_together_cost_little(toolset: str) -> None:
    costs = [journey[toolset] for journey in counted()["journeys"].values()]
    assert sum(cost["calls"] for cost in costs) <= MOST_CALLS
    told = counted()["at first"][toolset]
    first = told["tokens of their list"] + told["tokens of the instructions"]
    assert first + sum(cost["tokens"] for cost in costs) <= MOST_TOKENS[toolset]


@pytest.mark.anyio
async def test_whatever_else_a_job_changes_is_found(rest: Rest) -> None:
    person = Person(rest)
    await person.store()
    note, chat = person.items[0], person.one("chat", title=ROOF)
    extra = {"op": "create", "kind": "note", "payload": {"title": "Extra", "content": ""}}
    patch = {"op": "patch", "kind": "note", "uid": note.uid, "payload": {"tags": ["other"]}}
    await person.batch([extra, patch, {"op": "delete", "kind": "chat", "uid": chat.uid}])
    with pytest.raises(AssertionError) as found:
        person.compare(await person.stored())
    lines = str(found.value).splitlines()
    assert lines[0] == "3 items are not as they must be:"
    assert any("'Extra': must not be there" in line for line in lines)
    assert any(note.uid[:8] in line and "tags is ['other']" in line for line in lines)
    assert any("'Roof repair': is not there" in line for line in lines)


def test_a_cost_may_differ_by_a_twentieth() -> None:
    was = {"a": {"calls": 2, "tokens": 1000}, "list": 200}
    assert not changes({"a": {"calls": 2, "tokens": 1050}, "list": 190}, was)
    now = {"a": {"calls": 3, "tokens": 940}, "list": 211, "b": 1}
    assert changes(now, was) == [
        "a / calls: 2 before, 3 now",
        "a / tokens: 1000 before, 940 now",
        "b: None before, 1 now",
        "list: 200 before, 211 now",
    ]
