"""Other names and spellings of arguments are taken where only one thing can be meant, and counted."""

import json
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pydantic.alias_generators import to_camel, to_pascal

from tests.harness.clients import Tools, arguments_for
from tests.harness.recording import Recording
from toolbridge_mcp.entities import COMMENT, ENTITIES, NOTE, TASK, Entity
from toolbridge_mcp.entities.circumstances import NO_CIRCUMSTANCES
from toolbridge_mcp.entities.leniency import ALIASES, understood
from toolbridge_mcp.entities.schema import published_schema
from toolbridge_mcp.tools.operations import OPERATIONS, Operation

pytestmark = pytest.mark.anyio
UID = "5f0f9f0c-8f6e-4f5a-9d0e-2f4d6c1b7a35"
OTHER = "6f0f9f0c-8f6e-4f5a-9d0e-2f4d6c1b7a35"
ON_ITEM = [operation for operation in OPERATIONS if operation.on_item]
each_tool = [
    pytest.param(operation, entity, id=operation.tool_name(entity))
    for entity in ENTITIES
    for operation in OPERATIONS
]


def counted(tool: str, name: str) -> float:
    labels = {"tool": tool, "name": name}
    return REGISTRY.get_sample_value("toolbridge_arguments_by_other_names_total", labels) or 0


@pytest.mark.parametrize(("operation", "entity"), each_tool)
def test_every_argument_has_its_other_names_and_spellings(operation: Operation, entity: Entity) -> None:
    model = operation.arguments(entity)
    declared = published_schema(model)["properties"]
    for name in declared:
        spellings = {to_camel(name), to_pascal(name), name.upper(), name.replace("_", "-"), f" {name}"}
        for spelling in spellings - {name}:
            assert understood(model, {spelling: ["x", "y"]}, NO_CIRCUMSTANCES) == {name: ["x", "y"]}
        for alias in set(ALIASES.get(name, ())) - declared.keys():
            meant = [other for other in declared if alias in ALIASES.get(other, ())]
            if alias not in ("body", "id") or len(meant) == 1:
                assert understood(model, {alias: ["x", "y"]}, NO_CIRCUMSTANCES) == {name: ["x", "y"]}


@pytest.mark.parametrize(("operation", "entity"), each_tool)
def test_a_declared_argument_keeps_its_meaning(operation: Operation, entity: Entity) -> None:
    model = operation.arguments(entity)
    given = {name: ["x"] for name in published_schema(model)["properties"]}
    assert understood(model, given, NO_CIRCUMSTANCES) == given


@pytest.mark.parametrize("name", ["id", "note_id", "noteId", "uuid", "UID", "note_uid", "note", "itemId"])
@pytest.mark.parametrize("operation", ON_ITEM, ids=lambda operation: operation.verb)
async def test_an_item_may_be_named_by_another_argument(
    operation: Operation, name: str, tools: Tools
) -> None:
    created = await tools.create(NOTE)
    arguments = arguments_for(operation, NOTE, created["uid"])
    arguments[name] = arguments.pop("uid")
    assert (await tools.call(operation.tool_name(NOTE), **arguments))["uid"] == created["uid"]


async def test_the_id_of_another_kind_is_not_taken_for_that_of_the_item(
    tools: Tools, upstream: Recording
) -> None:
    assert "task_id is no argument" in await tools.refusal("get_note", task_id=UID)
    assert "chat_uid is no argument" in await tools.refusal("get_chat_message", chat_uid=UID)
    assert "note_uid is no argument" in await tools.refusal("get_comment", note_uid=UID)
    assert upstream.calls == []


async def test_what_is_taken_is_counted_under_a_name_of_the_table(tools: Tools) -> None:
    names = ("text", "spelling", "kind_id", "top_level", "wrapped")
    before = {name: counted("patch_note", name) for name in names}
    created = await tools.create(NOTE)
    result = await tools.result("patch_note", params={"noteId": created["uid"], "body": "new", "ifMatch": 1})
    assert not result.is_error
    after = {name: counted("patch_note", name) - before[name] for name in names}
    assert after == {"text": 0, "spelling": 1, "kind_id": 1, "top_level": 1, "wrapped": 1}
    secret = "x" * 30
    await tools.refusal("patch_note", uid=created["uid"], updates={}, **{secret: 1})
    names_counted = {
        sample.labels["name"]
        for metric in REGISTRY.collect()
        if metric.name == "toolbridge_arguments_by_other_names"
        for sample in metric.samples
    }
    aliases = {alias for aliases in ALIASES.values() for alias in aliases}
    assert names_counted <= {*aliases, *names}


async def test_a_new_item_may_have_its_fields_under_other_names(tools: Tools) -> None:
    created = await tools.call("create_note", subject="t", text="c", labels="ops")
    assert {"title": "t", "content": "c", "tags": ["ops"]}.items() <= created["payload"].items()
    task = await tools.call("create_task", title="t", dueDate="2027-01-01", details="d", status="In Progress")
    assert {
        "dueDate": "2027-01-01",
        "description": "d",
        "status": "in_progress",
    }.items() <= task["payload"].items()


@pytest.mark.parametrize("wrapper", ["note", "data", "payload", "fields"])
async def test_the_fields_of_a_new_item_may_come_in_one_object(wrapper: str, tools: Tools) -> None:
    fields = {"title": "t", "content": "c", "colour": "red"}
    for given in (fields, json.dumps(fields)):
        created = await tools.call("create_note", **{wrapper: given})
        assert fields.items() <= created["payload"].items()


@pytest.mark.parametrize("kind", ["note", "task"])
async def test_a_comment_may_name_its_parent_in_one_argument(kind: str, tools: Tools) -> None:
    (entity,) = (entity for entity in ENTITIES if entity.kind == kind)
    parent = await tools.create(entity)
    for given in ({f"{kind}_id": parent["uid"]}, {"parent_uid": f"{kind}:{parent['uid'][:8]}"}):
        created = await tools.call("create_comment", content="c", **given)
        assert created["payload"]["parentType"] == kind
        assert created["payload"]["parentUid"] == parent["uid"]
    listed = await tools.call("list_comments", **{f"{kind}_id": parent["uid"]})
    assert len(listed["items"]) == 2


async def test_a_comment_is_moved_by_the_id_of_its_new_parent(tools: Tools) -> None:
    comment, task = await tools.create(COMMENT), await tools.call("create_task", title="t")
    named = f"task:{task['uid'][:8]}"
    for given in (
        {"task_id": task["uid"]},
        {"updates": {"parent_uid": named}},
        {"updates": {"parentUid": named}},
    ):
        moved = await tools.call("patch_comment", uid=comment["uid"], **given)
        assert moved["payload"]["parentType"] == "task"
        assert moved["payload"]["parentUid"] == task["uid"]
        undone = await tools.result("undo")
        assert not undone.is_error


async def test_the_one_edit_may_stand_beside_the_item_under_other_names(tools: Tools) -> None:
    for names in (("find", "replace"), ("old_str", "new_str"), ("oldString", "newString")):
        note = await tools.call("create_note", title="t", content="milk")
        edit = dict(zip(names, ("milk", "bread"), strict=True))
        answer = await tools.result("edit_text", item=note["uid"], **edit)
        assert not answer.is_error
        assert (await tools.call("get_note", uid=note["uid"]))["payload"]["content"] == "bread"


async def test_a_list_with_one_id_names_that_item(tools: Tools, upstream: Recording) -> None:
    created = await tools.create(NOTE)
    for given in ({"uid": [created["uid"]]}, {"ids": [created["uid"]]}):
        assert (await tools.call("get_note", **given))["uid"] == created["uid"]
    before = len(upstream.calls)
    for given in ({"uid": [UID, OTHER]}, {"ids": [UID, OTHER]}):
        assert "uid should be a text" in await tools.refusal("delete_note", **given)
    assert len(upstream.calls) == before


async def test_two_kinds_for_one_parent_are_refused(tools: Tools, upstream: Recording) -> None:
    comment = {"content": "c", "parent_type": "task"}
    for given in ({"note_id": UID}, {"parent_uid": f"note:{UID}"}):
        assert "note" in await tools.refusal("create_comment", **comment, **given)
    assert upstream.calls == []


UPDATES: list[dict[str, Any]] = [
    {"updates": {"title": "new", "tags": ["a"]}},
    {"fields": {"title": "new", "tags": ["a"]}},
    {"changes": '{"title": "new", "tags": ["a"]}'},
    {"title": "new", "tags": ["a"]},
    {"title": "new", "updates": {"tags": ["a"]}},
    {"Title": "new", "updates": '{"tags": ["a"]}'},
    {"title": "new", "updates": {"title": "new", "tags": "a"}},
]


@pytest.mark.parametrize("updates", UPDATES, ids=json.dumps)
async def test_the_fields_of_a_patch_may_stand_outside_of_updates(
    updates: dict[str, Any], tools: Tools
) -> None:
    created = await tools.create(NOTE)
    patched = await tools.call("patch_note", uid=created["uid"], version='"1"', **updates)
    assert patched["version"] == 2
    assert patched["payload"]["title"] == "new"
    assert patched["payload"]["tags"] == ["a"]
    assert patched["payload"]["content"] == created["payload"]["content"]


async def test_the_fields_in_updates_may_have_other_names(tools: Tools) -> None:
    task = await tools.create(TASK)
    before = counted("patch_task", "due")
    updates = {"due": "2027-01-02", "labels": "ops", "State": "In Progress"}
    patched = await tools.call("patch_task", uid=task["uid"], updates=updates)
    assert {"dueDate": "2027-01-02", "tags": ["ops"], "status": "in_progress"}.items() <= patched[
        "payload"
    ].items()
    assert not {*updates} & patched["payload"].keys()
    assert counted("patch_task", "due") == before + 1


async def test_a_patch_may_name_the_parent_as_an_argument_does(tools: Tools) -> None:
    comment = await tools.create(COMMENT)
    task = (await tools.create(TASK))["uid"]
    for updates in ({"parent": f"task:{task[:8]}"}, {"task_id": task}, {"parentUid": f"task:{task}"}):
        patched = await tools.call("patch_comment", uid=comment["uid"], updates=updates)
        assert (patched["payload"]["parentType"], patched["payload"]["parentUid"]) == ("task", task)
        assert not {"parent", "task_id"} & patched["payload"].keys()


async def test_free_keys_in_updates_stay_what_they_are(tools: Tools) -> None:
    created = await tools.create(NOTE)
    given = {"content": "c", "text": "x", "colour": "y"}
    patched = await tools.call("patch_note", uid=created["uid"], updates=given)
    assert given.items() <= patched["payload"].items()
    assert patched["payload"]["title"] == created["payload"]["title"]


@pytest.mark.parametrize(
    ("tool", "arguments", "names"),
    [
        ("get_note", {"uid": UID, "id": OTHER}, ("uid", "id")),
        ("get_note", {"id": UID, "note_id": OTHER}, ("uid", "note_id")),
        ("create_note", {"title": "t", "text": "a", "body": "b"}, ("content", "body")),
        ("patch_note", {"uid": UID, "title": "a", "updates": {"title": "b"}}, ("title", "updates.title")),
        ("patch_note", {"uid": UID, "updates": {"text": "a", "body": "b"}}, ("content", "body")),
        ("patch_note", {"uid": UID, "if_match": 1, "version": 2, "updates": {}}, ("if_match", "version")),
        ("list_notes", {"limit": 5, "count": 6}, ("limit", "count")),
    ],
    ids=str,
)
async def test_two_values_for_one_argument_are_refused(
    tool: str, arguments: dict[str, Any], names: tuple[str, str], tools: Tools, upstream: Recording
) -> None:
    refusal = await tools.refusal(tool, **arguments)
    assert f"{names[0]} and {names[1]} are the same; give {names[0]} alone" in refusal
    assert upstream.calls == []


@pytest.mark.parametrize("version", ["1", '"1"', 'W/"1"', "v1", 1, 1.0])
async def test_a_version_may_be_given_as_it_is_shown(version: Any, tools: Tools) -> None:
    created = await tools.create(NOTE)
    patched = await tools.call("patch_note", uid=created["uid"], updates={"title": "new"}, if_match=version)
    assert patched["version"] == 2


@pytest.mark.parametrize("given", [{"tag": "ops"}, {"tags": "ops"}, {"tags": ["ops"]}, {"labels": '["ops"]'}])
async def test_a_list_may_be_narrowed_by_a_tag_of_either_name(given: dict[str, Any], tools: Tools) -> None:
    created = await tools.create(NOTE, tags="ops")
    await tools.create(NOTE, tags=["other"])
    listed = await tools.call("list_notes", **given)
    assert [item["uid"] for item in listed["items"]] == [created["uid"]]


@pytest.mark.parametrize("word", ["ops", "a-b", "v1.2", "#home", "über", "日本", "team/ops"])
async def test_a_plain_word_is_a_list_of_one(word: str, tools: Tools) -> None:
    assert (await tools.create(NOTE, tags=word))["payload"]["tags"] == [word]
    created = await tools.create(NOTE)
    patched = await tools.call("patch_note", uid=created["uid"], updates={"tags": word})
    assert patched["payload"]["tags"] == [word]


@pytest.mark.parametrize(
    "text", ["a, b", "a b", "a;b", "5", "true", "1e3", '"a"', "[a]", "a\nb", "x" * 101], ids=ascii
)
async def test_any_other_text_for_a_list_is_refused(text: str, tools: Tools, upstream: Recording) -> None:
    assert "tags should be a list" in await tools.refusal("create_note", title="t", content="c", tags=text)
    assert upstream.calls == []


@pytest.mark.parametrize("flag", ["true", "True", "yes", "1", 1, "on"])
async def test_a_flag_may_come_as_text_or_number(flag: Any, tools: Tools) -> None:
    created = await tools.create(NOTE, pinned=flag)
    assert created["payload"]["pinned"] is True
    await tools.call("delete_note", uid=created["uid"])
    assert (await tools.call("get_note", uid=created["uid"], include_deleted=flag))["deletedAt"]


async def test_one_of_a_few_words_may_have_other_case_and_hyphens(tools: Tools) -> None:
    created = await tools.call("create_task", title="t", status="OPEN")
    patched = await tools.call("patch_task", uid=created["uid"], updates={"status": "in-progress"})
    assert patched["payload"]["status"] == "in_progress"
    done = await tools.call("process_task", uid=created["uid"], action="Complete")
    assert done["payload"]["status"] == "completed"
    listed = await tools.call("list_tasks", order="DESC", status="Completed")
    assert len(listed["items"]) == 1


async def test_hostile_names_are_refused_quickly(tools: Tools, upstream: Recording) -> None:
    for names in (
        ["x" * 100_000],
        [f"title{number}" for number in range(97)],
        ["", " ", "\u202e", "__class__"],
    ):
        assert "no argument" in await tools.refusal(
            "patch_note", uid=UID, updates={}, **dict.fromkeys(names, 1)
        )
    many = json.dumps({f"key{number}": number for number in range(100_000)})
    title = {" title": "a", "TITLE": "a", "tITLE": "a"}
    assert "no argument" in await tools.refusal("patch_note", uid=UID, updates=many, other=1, **title)
    assert upstream.calls == []


def test_the_parents_argument_is_not_the_items() -> None:
    """`uid` of a comment is its own; the parent's id has a name that says so."""
    assert COMMENT.kinds == {"uid": ("comment",), "parent_uid": ("note", "task")}
