"""A field that looks like a declared one is stored, and the answer says that it is none."""

import json
from typing import Any

import pytest

from tests.harness.clients import Rest, Tools, text_of
from toolbridge_mcp.entities import COMMENT, ENTITIES, NOTE, TASK, Entity
from toolbridge_mcp.tools.undeclared import MOST_SAID, hint

pytestmark = pytest.mark.anyio
PRIORITY = "priorty is no declared field and was stored as it is; did you mean priority?"


async def answer(tools: Tools, name: str, **arguments: Any) -> dict[str, Any]:
    """The answer, the same in text and structure."""
    result = await tools.result(name, **arguments)
    done: dict[str, Any] = json.loads(text_of(result))
    assert result.structured_content == done
    return done


async def test_a_near_miss_is_stored_and_said(tools: Tools, rest: Rest) -> None:
    uid = (await rest.create(TASK, {"title": "t"}))["uid"]
    done = await answer(tools, "patch_task", uid=uid, updates={"priorty": "high"})
    assert done["hint"] == PRIORITY
    assert (await rest.get(TASK, uid))["payload"]["priorty"] == "high"
    done = await answer(tools, "patch_task", uid=uid, updates={"priorty": "low"}, return_item=True)
    assert (done["hint"], done["payload"]["priorty"]) == (PRIORITY, "low")
    others = {"additional_fields": {"priorty": "high"}}
    assert (await answer(tools, "create_task", title="t", **others))["hint"] == PRIORITY
    assert (await answer(tools, "update_task", uid=uid, title="t", **others))["hint"] == PRIORITY
    removed = await answer(tools, "patch_task", uid=uid, updates={"priorty": None})
    assert removed["fields"] == ["priorty"]
    assert "hint" not in removed


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.kind)
def test_what_is_declared_or_like_nothing_declared_needs_no_word(entity: Entity) -> None:
    assert hint(dict.fromkeys(entity.keys.values(), "x"), entity) == ""
    assert hint({"source": "x", "uid": "x", "colour": "x", "x": 1, "é" * 1000: 1}, entity) == ""


def test_beginnings_and_other_names_are_known() -> None:
    assert "did you mean parent_uid?" in hint({"parent": "Ideas"}, COMMENT)
    assert "did you mean due_date?" in hint({"due": "x"}, TASK)
    assert "did you mean content?" in hint({"Body": "x"}, NOTE)
    assert hint({"titl\u202e\ne": "x"}, NOTE).startswith('"titl\\u202e')


def test_a_payload_with_many_such_fields_is_short() -> None:
    many = {f"{'_' * number}priorty": "x" for number in range(50)}
    assert hint(many, TASK).count("did you mean") == MOST_SAID


async def test_a_batch_says_it_too(tools: Tools) -> None:
    create = {"op": "create", "kind": "task", "title": "t"}
    operations = [create, {**create, "fields": {"priorty": "high"}}]
    tried = await tools.text("batch", operations=operations, dry_run=True)
    assert tried.splitlines()[-1] == f"operation 2: {PRIORITY}".replace("was stored", "would be stored")
    assert f"\noperation 2: {PRIORITY}\n" in await tools.text("batch", operations=operations)
    assert (await tools.text("batch", operations=operations * 50)).count("did you mean") == 5
