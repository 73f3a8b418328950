"""The table of wrong calls, run against the real gateway and the real API."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from tests.harness.clients import Tools, text_of
from tests.harness.tokens import count
from tests.work.wrong_calls import WRONG_CALLS, Call, Read, Wrong

pytestmark = pytest.mark.anyio
MOST_TOKENS = 250
SHOWN = 160
CAMEL = re.compile(r"\b[a-z]+[A-Z]\w*")
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')

table = [pytest.param(wrong, id=f"{number} {wrong.call.tool}") for number, wrong in enumerate(WRONG_CALLS, 1)]
refused = [param for param, wrong in zip(table, WRONG_CALLS, strict=True) if not wrong.taken]
World = Mapping[str, str]


@pytest.fixture
async def world(tools: Tools) -> World:
    """What stands for each item of the table."""

    async def new(tool: str, **arguments: Any) -> str:
        return str((await tools.call(tool, **arguments))["uid"])

    items = {
        "note": await new("create_note", title="Groceries", content="milk", tags=["ops"]),
        "task": await new("create_task", title="Order milk"),
        "deleted": await new("create_note", title="Old", content="gone"),
        "changed": await new("create_note", title="Mine", content="ours"),
        "list": await new("create_note", title="List", content="Buy milk\neggs, eggs"),
    }
    await tools.call("delete_note", uid=items["deleted"])
    await tools.call("patch_note", uid=items["changed"], updates={"title": "Theirs"})
    for number in (1, 2):
        own = {"uid": f"12345678{str(uuid4())[8:]}"}
        await new("create_note", title=f"Twin {number}", content="c", additional_fields=own)
        await new("create_task", title=f"Many {number}", tags=["many"])
    return {**items, **{f"{name}8": uid[:8] for name, uid in items.items()}}


def meant(value: Any, world: World, answer: str = "") -> Any:
    """The value with the items in place of what stands for them, and what a model reads in the answer."""
    if isinstance(value, Read):
        return value.of(answer)
    if isinstance(value, str):
        return re.sub(r"<(\w+)>", lambda found: world[found[1]], value)
    if isinstance(value, list):
        return [meant(each, world, answer) for each in value]
    if isinstance(value, Mapping):
        return {name: meant(each, world, answer) for name, each in value.items()}
    return value


async def answer_to(call: Call, tools: Tools, world: World, read: str = "") -> tuple[bool, str]:
    """Whether the call succeeded, and its text."""
    result = await tools.client.call_tool_mcp(call.tool, meant(call.arguments, world, read))
    return not result.is_error, text_of(result)


def test_the_table_has_sixty_calls() -> None:
    assert len(WRONG_CALLS) == 60
    assert len({json.dumps(wrong.call, default=str) for wrong in WRONG_CALLS}) == 60


@pytest.mark.parametrize("wrong", table)
async def test_a_wrong_call_is_taken_or_its_answer_makes_the_next_one_right(
    wrong: Wrong, tools: Tools, world: World
) -> None:
    succeeded, answer = await answer_to(wrong.call, tools, world)
    right = succeeded
    if wrong.following and not succeeded:
        right, said = await answer_to(wrong.following, tools, world, answer)
        assert right, f"{answer}\n{said}"
    sys.stdout.write(row(wrong, succeeded, answer, right))
    assert succeeded == wrong.taken, answer
    assert right


@pytest.mark.parametrize("wrong", refused)
async def test_the_next_call_holds_nothing_that_the_model_cannot_know(
    wrong: Wrong, tools: Tools, world: World
) -> None:
    """What it knows: the call that it made, the answer, and what the tools say of themselves."""
    assert wrong.following
    _, answer = await answer_to(wrong.call, tools, world)
    (tool,) = [tool for tool in await tools.client.list_tools() if tool.name == wrong.following.tool]
    known = f"{wrong.call.tool} {json.dumps(meant(wrong.call.arguments, world))} {answer}"
    assert tool.name in known
    words = set(re.findall(r"\w+", f"{known} {json.dumps(tool.input_schema)}"))
    for part in parts(meant(wrong.following.arguments, world, answer)):
        assert set(re.findall(r"\w+", part)) <= words, f"{part} is not in {known}"


def parts(value: Any) -> Iterator[str]:
    """All names and values in an argument, as texts."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield name
            yield from parts(each)
    elif isinstance(value, list):
        for each in value:
            yield from parts(each)
    elif not isinstance(value, bool):
        yield str(value)


@pytest.mark.parametrize("wrong", refused)
async def test_the_answer_names_the_argument_and_what_may_stand_there(
    wrong: Wrong, tools: Tools, world: World
) -> None:
    _, answer = await answer_to(wrong.call, tools, world)
    assert wrong.names in answer
    assert wrong.shows in answer
    assert count(answer) < MOST_TOKENS, answer
    assert not CAMEL.search(QUOTED.sub("", answer)), answer
    assert "/v1/" not in answer


def row(wrong: Wrong, succeeded: bool, answer: str, right: bool) -> str:
    """A row of Markdown for the table: call, answer, tokens, and whether the next call is right."""
    sent = json.dumps(wrong.call.arguments, ensure_ascii=False)
    shown = "taken" if succeeded else " ".join(answer.rpartition(" Correlation id")[0].split())
    cells = (f"{wrong.call.tool} {sent[:SHOWN]}", shown or answer, count(answer), "yes" if right else "no")
    line = " | ".join(str(cell).replace("|", "\\|") for cell in cells)
    return f"| {line} | {wrong.seen} |\n"
