"""The list of tools and each kind of answer leave a model room to think."""

import pytest

from tests.harness.processes import Process
from tests.work.answers import answers
from tests.work.counts import ADVICE, changes, counted
from tests.work.measure import TOOLSETS, told_at_first

MOST_A_TOOL = {"all": 7_500 / 48, "work": 1_600 / 8}
"""Tokens of the list of tools. Another entity makes it longer."""

MOST_OF_AN_ANSWER = 20_000
"""Hosts cut what is longer than about 25,000 tokens."""

MOST_OF_A_WRITE, MOST_OF_AN_ERROR = 150, 150
WRITES_OF_ONE_ITEM = ("create", "patch", "patch that changes nothing", "process", "edit_text", "delete")


@pytest.mark.anyio
@pytest.mark.parametrize("toolset", TOOLSETS)
async def test_what_a_model_is_told_at_first_is_within_its_budget(toolset: str, gateway: Process) -> None:
    told = await told_at_first(gateway.url, toolset)
    assert told["tokens of their list"] <= MOST_A_TOOL[toolset] * told["tools"]
    assert not changes(told, counted()["at first"][toolset]), ADVICE


@pytest.mark.anyio
@pytest.mark.slow
async def test_each_kind_of_answer_costs_what_is_written_down(api: Process, gateway: Process) -> None:
    now = await answers(api.url, gateway.url)
    assert max(now.values()) <= MOST_OF_AN_ANSWER
    assert not changes(now, counted()["answers"]), ADVICE


def test_a_write_or_an_error_costs_little() -> None:
    tokens = counted()["answers"]
    assert max(tokens[name] for name in WRITES_OF_ONE_ITEM) <= MOST_OF_A_WRITE
    assert max(cost for name, cost in tokens.items() if name.startswith("error: ")) <= MOST_OF_AN_ERROR
