"""The tool `undo`: a change, a batch or the last write is taken back, and the answer is what came back."""

import re
from typing import Any

import pytest

from tests.harness.clients import Rest, Tools
from tests.harness.tokens import count
from toolbridge_mcp.entities import CHAT, ENTITIES, NOTE, TASK, Entity

pytestmark = pytest.mark.anyio


async def change_of(tools: Tools, name: str, **arguments: Any) -> str:
    """The id with which the answer of a work tool says that its write is undone."""
    found = re.search(r"undo change=([bc]\d+)", await tools.text(name, **arguments))
    assert found
    return found[1]


async def payload(rest: Rest, entity: Entity, uid: str) -> dict[str, Any]:
    stored: dict[str, Any] = (await rest.get(entity, uid))["payload"]
    return stored


async def test_the_last_write_is_undone_whichever_tool_made_it(tools: Tools, rest: Rest) -> None:
    note = await tools.call("create_note", title="a", content="b")
    await tools.call("patch_note", uid=note["uid"], updates={"title": "c"})
    said = (await tools.text("undo")).split("\n")
    assert re.fullmatch(r"Undone: 1 change\. To redo: undo change=b\d+", said[0])
    assert re.fullmatch(rf"c\d+ note:{note['uid'][:8]} v3 \"a\": title as before", said[1])
    assert len(said) == 2
    assert (await payload(rest, NOTE, note["uid"]))["title"] == "a"


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.kind)
async def test_a_deletion_of_any_kind_is_undone(entity: Entity, tools: Tools, rest: Rest) -> None:
    uid = (await tools.create(entity))["uid"]
    await tools.call(f"delete_{entity.kind}", uid=uid)
    said = await tools.text("undo")
    assert re.search(rf'{entity.kind}:{uid[:8]} v3 ".*": brought back$', said)
    assert "deletedAt" not in await rest.get(entity, uid)


@pytest.mark.parametrize("form", ["{}", "undo change={}", "change={}", "change_id: {}", " {} ", "Undo {}."])
async def test_an_id_is_taken_as_answers_show_it(form: str, tools: Tools, rest: Rest) -> None:
    uid = (await rest.create(NOTE, {"title": "a", "content": "b"}))["uid"]
    change = await change_of(tools, "edit_text", item=f"note:{uid}", append="more")
    await rest.create(NOTE, {"title": "later", "content": "x"})
    await tools.text("undo", change=form.format(change.upper()))
    assert (await payload(rest, NOTE, uid))["content"] == "b"


async def test_a_whole_batch_is_undone_and_done_again(tools: Tools, rest: Rest) -> None:
    uids = [(await rest.create(TASK, {"title": f"t{n}", "status": "open"}))["uid"] for n in range(50)]
    operation = {"op": "complete", "kind": "task", "where": {"status": "open"}}
    batch = await change_of(tools, "batch", operations=[operation])
    said = await tools.text("undo", change=batch)
    assert said.startswith("Undone: 50 changes.")
    assert re.search(
        r'^50 tasks: status as before: [0-9a-f]{8} "t\d+", .*, .* and 47 more$', said, re.MULTILINE
    )
    assert count(said) < 100
    assert (await payload(rest, TASK, uids[0]))["status"] == "open"
    redo = re.search(r"b\d+", said)
    assert redo
    await tools.text("undo", change=redo[0])
    assert (await payload(rest, TASK, uids[0]))["status"] == "completed"


async def test_a_few_items_have_a_line_each_beside_many_others(tools: Tools) -> None:
    creates = [{"op": "create", "kind": "task", "title": f"t{n}"} for n in range(4)]
    notes = [{"op": "create", "kind": "note", "title": f"n{n}", "content": ""} for n in range(3)]
    batch = await change_of(tools, "batch", operations=[*creates, *notes])
    _, *lines = (await tools.text("undo", change=batch)).split("\n")
    assert [re.sub(r"[0-9a-f]{8}", "ID", line) for line in lines] == [
        'c7 note:ID v2 "n2": deleted',
        'c6 note:ID v2 "n1": deleted',
        'c5 note:ID v2 "n0": deleted',
        '4 tasks: deleted: ID "t3", ID "t2", ID "t1" and 1 more',
    ]


async def test_later_changes_of_other_fields_stay(tools: Tools, rest: Rest) -> None:
    uid = (await rest.create(TASK, {"title": "t", "priority": "low"}))["uid"]
    change = await change_of(
        tools, "batch", operations=[{"op": "patch", "item": f"task:{uid}", "priority": "high"}]
    )
    await rest.json("PATCH", f"/v1/tasks/{uid}", json={"title": "new"})
    await tools.text("undo", change=change)
    stored = await payload(rest, TASK, uid)
    assert (stored["title"], stored["priority"]) == ("new", "low")


async def test_a_later_change_of_the_same_field_is_in_the_way(tools: Tools, rest: Rest) -> None:
    uid = (await rest.create(CHAT, {"title": "first"}))["uid"]
    change = await change_of(
        tools, "batch", operations=[{"op": "patch", "item": f"chat:{uid}", "title": "second"}]
    )
    await rest.json("PATCH", f"/v1/chats/{uid}", json={"title": "third"})
    said = await tools.refusal("undo", change=change)
    assert "title" in said
    assert "nothing was undone" in said
    assert (await payload(rest, CHAT, uid))["title"] == "third"


async def test_a_trial_stores_nothing(tools: Tools, rest: Rest) -> None:
    uid = (await tools.call("create_note", title="a", content="b"))["uid"]
    said = (await tools.text("undo", dry_run=True)).split("\n")
    assert said[0] == "Dry run, nothing was stored. It would undo 1 change:"
    assert re.fullmatch(rf'c\d+ note:{uid[:8]} v2 "a": deleted', said[1])
    assert "deletedAt" not in await rest.get(NOTE, uid)


async def test_what_is_in_the_way_of_a_batch_is_named_and_leads_on(tools: Tools, rest: Rest) -> None:
    uids = [(await rest.create(TASK, {"title": f"Task {n}"}))["uid"] for n in range(2)]
    operations = [{"op": "patch", "item": f"task:{uid}", "priority": "high"} for uid in uids]
    batch = await change_of(tools, "batch", operations=operations)
    await rest.json("PATCH", f"/v1/tasks/{uids[0]}", json={"priority": "low"})
    await rest.json("PATCH", f"/v1/tasks/{uids[0]}", json={"title": "Renamed"})
    said = await tools.refusal("undo", change=batch)
    assert f'It is task:{uids[0][:8]} "Renamed".' in said
    assert "the other changes can be undone singly" in said
    later = re.search(r"undo change=(c\d+) first, then repeat this", said)
    assert later
    await tools.text("undo", change=later[1])
    assert (await tools.text("undo", change=batch)).startswith("Undone: 2 changes.")
    assert (await payload(rest, TASK, uids[0]))["title"] == "Renamed"


async def test_what_is_undone_already_is_said_to_be(tools: Tools) -> None:
    await tools.call("create_note", title="a", content="b")
    said = await tools.text("undo")
    change = re.search(r"c\d+", said.split("\n")[1])
    assert change
    assert await tools.text("undo", change=change[0]) == (
        f"Nothing to undo: {change[0]} was undone before, or changed nothing that is left."
    )


async def test_there_may_be_nothing_to_undo(tools: Tools) -> None:
    said = await tools.refusal("undo")
    assert "no" in said.lower()
    assert "c999999" in await tools.refusal("undo", change="c999999")


@pytest.mark.parametrize("change", [41, "last", "41", "x41", "c", "c41 b41", "c1\u202e", "c" + "1" * 30])
async def test_a_wrong_id_says_what_one_looks_like(change: str | int, tools: Tools) -> None:
    said = await tools.refusal("undo", change=change)
    assert "change should be the id of a change or of a batch, such as c41 or b41, or leave it out" in said
    assert "\u202e" not in said
