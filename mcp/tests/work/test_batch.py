"""The tool `batch`: many operations, written as a model would, all or none."""

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.harness.clients import Rest, Tools, in_memory, sample, settings_for
from tests.harness.processes import Process
from tests.harness.published import CONTRACT
from tests.harness.recording import INFO, Recording, failing_api
from tests.harness.tokens import count
from toolbridge_mcp.app import create_server
from toolbridge_mcp.entities import CHAT, CHAT_MESSAGE, COMMENT, ENTITIES, NOTE, TASK, Entity
from toolbridge_mcp.tools.work import ALL_WORK
from toolbridge_mcp.tools.work.batch.filters import filters_of
from toolbridge_mcp.tools.work.batch.rows import ROWS

pytestmark = pytest.mark.anyio

each_entity = pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.kind)
CONNECTED = {entity.kind: entity for entity in ENTITIES}


async def batch(tools: Tools, *operations: Any, **arguments: Any) -> list[str]:
    """The lines of the answer."""
    return (await tools.text("batch", operations=[*operations], **arguments)).split("\n")


async def refused(tools: Tools, *operations: Any) -> str:
    return await tools.refusal("batch", operations=[*operations])


async def tasks(rest: Rest, number: int, **payload: Any) -> list[str]:
    """The uids of new tasks."""
    made = [
        await rest.create(TASK, {"title": f"Task {n}", "tags": ["shop"], **payload}) for n in range(number)
    ]
    return [task["uid"] for task in made]


async def parent_of(entity: Entity, rest: Rest) -> dict[str, Any]:
    """Fields that name a new parent; empty if the entity has none."""
    if entity.parent is None:
        return {}
    parent = CONNECTED[entity.parent.kinds[0]]
    made = await rest.create(parent, {"title": "Parent", "content": "c"})
    return {entity.parent.uid: f"{parent.kind}:{made['uid'][:8]}"}


@each_entity
async def test_every_operation_works_on_every_kind(entity: Entity, tools: Tools, rest: Rest) -> None:
    fields = {**sample(entity), **(await parent_of(entity, rest))}
    kind, action = entity.kind, entity.actions[0]
    lines = await batch(
        tools,
        {"op": "create", "kind": kind, "fields": fields},
        {"op": "patch", "item": "$1", "fields": {"tags": ["x"]}},
        {"op": "replace", "item": "$1", **fields},
        {"op": "tags", "item": "$1", "add": ["y"], "remove": ["one"]},
        {"op": "edit", "item": "$1", "prepend": "Above"},
        {"op": "process", "item": "$1", "action": action},
        {"op": "archive", "kind": kind, "item": "$1"},
        {"op": "delete", "item": "$1"},
        {"op": "restore", "item": "$1"},
    )
    item = re.fullmatch(rf"1 create ({kind}:[0-9a-f]{{8}}) v1 .*", lines[0])
    assert item, lines
    said = ["patch", "replace", "tags", "edit", f"process {action}", "archive", "delete", "restore"]
    assert [line.split(f" {item[1]} ")[0] for line in lines[1:-1]] == [
        f"{number} {op}" for number, op in enumerate(said, 2)
    ]
    stored = (await rest.get(entity, item[1].partition(":")[2]))["payload"]
    assert stored["tags"][-1] == "y"
    assert "one" not in stored["tags"]
    assert stored[entity.text].startswith("Above")
    undo = re.fullmatch(r"Undo all: undo change=(b\d+)", lines[-1])
    assert undo
    undone = await tools.text("undo", change=undo[1])
    assert item[1] in undone
    assert "deletedAt" in await rest.get(entity, item[1].partition(":")[2])


async def test_the_operations_are_those_of_the_api(rest: Rest) -> None:
    described = await rest.json("GET", "/v1/sync/info")
    assert sorted(ROWS) == sorted(described["batch"]["operations"])


@each_entity
def test_the_filters_are_those_of_the_api(entity: Entity) -> None:
    declared = CONTRACT["entities"][entity.plural]
    filters = {row["name"] for row in declared.get("filters") or ()} | {"tag", "archived", "updatedSince"}
    filters |= {"status", "statusNot"} if declared.get("states") else set()
    filters |= {"dueBefore", "dueAfter"} if declared.get("due") else set()
    filters |= {
        declared["parent"][name] for name in ("uid", "type") if name in (declared.get("parent") or {})
    }
    assert {field.alias for field in filters_of(entity).model_fields.values()} == filters


async def test_an_answer_is_short_and_says_what_was_done(tools: Tools, rest: Rest) -> None:
    uids = await tasks(rest, 26)
    lines = await batch(
        tools,
        {"op": "create", "kind": "note", "title": "Milk", "content": "Two bottles"},
        {"op": "create", "kind": "comment", "content": "Why two?\nReally", "parent_uid": "$1"},
        {"op": "process", "kind": "task", "where": {"tag": "shop"}, "action": "complete"},
        {"op": "patch", "item": f"task:{uids[0][:8]}", "priority": "high", "due_date": "2026-12-04"},
        {"op": "patch", "item": f"task:{uids[0][:8]}", "priority": "high"},
    )
    assert re.fullmatch(r'1 create note:[0-9a-f]{8} v1 "Milk"', lines[0])
    assert re.fullmatch(r'2 create comment:[0-9a-f]{8} v1 "Why two\? Really"', lines[1])
    assert re.fullmatch(
        r"3 process complete task: 26 matched: ([0-9a-f]{8}, ){9}[0-9a-f]{8} and 16 more", lines[2]
    )
    assert lines[3] == f"4 patch task:{uids[0][:8]} v3 (due_date, priority)"
    assert lines[4] == f"5 patch task:{uids[0][:8]} v3 unchanged"
    assert re.fullmatch(r"Undo all: undo change=b\d+", lines[5])
    assert count("\n".join(lines)) < 300


async def test_a_hundred_operations_on_a_thousand_items_are_a_short_answer(tools: Tools, rest: Rest) -> None:
    await tasks(rest, 10)
    operation = {"op": "tags", "kind": "task", "where": {"tag": "shop"}}
    lines = await batch(tools, *({**operation, "add": [f"t{number}"]} for number in range(100)))
    assert len(lines) == 101
    assert count("\n".join(lines)) < 9_000


async def test_the_same_fields_wherever_and_however_they_are_written(tools: Tools, rest: Rest) -> None:
    forms: list[dict[str, Any]] = [
        {"fields": {"title": "A", "due_date": "2026-12-04"}},
        {"payload": {"title": "A", "dueDate": "2026-12-04"}},
        {"title": "A", "due_date": "2026-12-04"},
        {"title": "A", "payload": {"due": "2026-12-04"}},
        {"updates": '{"title": "A", "dueDate": "2026-12-04"}'},
    ]
    lines = await batch(tools, *({"op": "create", "kind": "tasks", **form} for form in forms))
    for line in lines[:-1]:
        found = re.search(r"task:([0-9a-f]{8})", line)
        assert found
        payload = (await rest.get(TASK, found[1]))["payload"]
        assert (payload["title"], payload["dueDate"]) == ("A", "2026-12-04")


async def test_the_same_item_however_it_is_named(tools: Tools, rest: Rest) -> None:
    uid = (await rest.create(NOTE, {"title": "Shopping list", "content": "c"}))["uid"]
    forms: list[dict[str, Any]] = [
        {"uid": uid, "kind": "note"},
        {"uid": uid[:8], "kind": "note"},
        {"item": f"note:{uid[:8]}"},
        {"id": f"toolbridge://note/{uid}"},
        {"item": uid[:8]},
        {"item": "Shopping list"},
        {"item": "Shopping list", "kind": "note"},
        {"uid": uid.upper(), "kind": "Note"},
    ]
    lines = await batch(tools, *({"op": "tags", **form, "add": [f"t{n}"]} for n, form in enumerate(forms)))
    assert lines[:-1] == [f"{n} tags note:{uid[:8]} v{n + 1} (tags)" for n in range(1, len(forms) + 1)]


async def test_a_batch_may_itself_come_as_text(tools: Tools) -> None:
    lines = (await tools.text("batch", operations='[{"op": "create", "kind": "chat", "title": "T"}]')).split(
        "\n"
    )
    assert lines[0].startswith("1 create chat:")
    operation = '{"op": "create", "kind": "chat", "title": "T"}'
    assert (await batch(tools, operation))[0].startswith("1 create chat:")
    assert (await tools.text("batch", op="create", kind="chat", title="T")).startswith("1 create chat:")
    trial = await tools.text("batch", op="create", kind="chat", title="T", dryRun=True)
    assert trial.startswith("Dry run")


async def test_the_name_of_an_action_is_an_operation(tools: Tools, rest: Rest) -> None:
    (uid,) = await tasks(rest, 1)
    assert (await batch(tools, {"op": "complete", "item": f"task:{uid}"}))[0] == (
        f"1 process complete task:{uid[:8]} v2 (status)"
    )
    assert (await batch(tools, {"op": "start", "uid": uid[:8]}))[0].startswith("1 process start task:")
    assert "op should be one of create, patch" in await refused(tools, {"op": "pin", "item": f"task:{uid}"})
    assert "op should be one of create, patch" in await refused(tools, {"op": "reopen", "item": uid})


async def test_children_go_to_parents_of_this_batch(tools: Tools, rest: Rest) -> None:
    lines = await batch(
        tools,
        {"op": "create", "kind": "chat", "title": "Plans"},
        {"op": "create", "kind": "chat_message", "chat_uid": "$1", "content": "Hello"},
        {"op": "create", "kind": "task", "title": "Call"},
        {"op": "create", "kind": "comment", "task_id": "$3", "content": "Now"},
        {"op": "patch", "item": "$4", "parent_type": "task", "parent_uid": "$3", "author": "ann"},
        {"op": "tags", "kind": "chat_message", "where": {"chat_uid": "$1"}, "add": ["new"]},
    )
    ids = [re.search(r":([0-9a-f]{8})", line) for line in lines[:4]]
    chat, message, task, comment = (found[1] for found in ids if found)
    stored = (await rest.get(CHAT_MESSAGE, message))["payload"]
    assert stored["chatUid"].startswith(chat)
    assert stored["tags"] == ["new"]
    stored = (await rest.get(COMMENT, comment))["payload"]
    assert (stored["parentType"], stored["parentUid"][:8], stored["author"]) == ("task", task, "ann")


async def test_the_only_edit_needs_no_list(tools: Tools, rest: Rest) -> None:
    uid = (await rest.create(NOTE, {"title": "n", "content": "milk"}))["uid"]
    await batch(tools, {"op": "edit", "item": f"note:{uid}", "find": "milk", "replace": "bread"})
    await batch(tools, {"op": "edit", "item": f"note:{uid}", "edits": {"find": "bread", "replace": "eggs"}})
    assert (await rest.get(NOTE, uid))["payload"]["content"] == "eggs"


async def test_a_comment_moves_to_another_item(tools: Tools, rest: Rest) -> None:
    note = await rest.create(NOTE, {"title": "n", "content": "c"})
    (task,) = await tasks(rest, 1)
    comment = await rest.create(COMMENT, {"parentType": "note", "parentUid": note["uid"], "content": "x"})
    item = f"comment:{comment['uid'][:8]}"
    move = {"op": "patch", "item": item, "parent": f"task:{task[:8]}"}
    assert (await batch(tools, move))[0].endswith("v2 (parent_type, parent_uid)")
    children = {"op": "tags", "kind": "comment", "where": {"task_id": task[:8]}, "add": ["moved"]}
    assert (await batch(tools, children))[0] == f"1 tags comment: 1 matched: {comment['uid'][:8]}"
    stored = (await rest.get(COMMENT, comment["uid"]))["payload"]
    assert (stored["parentType"], stored["parentUid"]) == ("task", task)


async def test_where_takes_every_filter_under_the_tools_names(tools: Tools, rest: Rest) -> None:
    (late,) = await tasks(rest, 1, dueDate="2026-11-01", status="open", priority="high")
    await tasks(rest, 1, dueDate="2026-12-24", status="open", priority="high")
    await tasks(rest, 1, dueDate="2026-11-01", status="completed", priority="high")
    await tasks(rest, 1, dueDate="2026-11-01", status="in_progress", priority="low")
    for where in (
        {"due_before": "2026-11-15", "status_not": "completed,archived", "priority": "high"},
        {
            "dueBefore": "2026-11-15T00:00:00+01:00",
            "statusNot": ["completed"],
            "priority": ["high", "urgent"],
        },
        {"due_after": "2026-10-31", "due_before": "2026-11-15", "status": "Open", "tags": ["shop"]},
        {"status": ["open"], "due_before": "2026-11-15", "archived": False, "updated_since": "2020-01-01"},
    ):
        line = (await batch(tools, {"op": "archive", "kind": "task", "where": where}, dry_run=True))[1]
        assert line == f'1 archive task: 1 matched: {late[:8]} "Task 0"', where


async def test_days_in_words_are_those_of_the_users_zone(api: Process, bearer: str, rest: Rest) -> None:
    operations = [
        {"op": "create", "kind": "task", "title": "t", "due_date": "tomorrow"},
        {"op": "archive", "kind": "task", "where": {"due_before": "today"}},
    ]
    async with in_memory(create_server(settings_for(api.url)), bearer) as tools:
        said = await refused(tools, *operations)
        assert said.count("time zone") == 2
    async with in_memory(create_server(settings_for(api.url, timezone="Asia/Tokyo")), bearer) as tools:
        lines = await batch(tools, *operations)
    found = re.search(r"task:([0-9a-f]{8})", lines[0])
    assert found
    days = {str((datetime.now(ZoneInfo("Asia/Tokyo")) + timedelta(days=1)).date()) for _ in range(2)}
    assert (await rest.get(TASK, found[1]))["payload"]["dueDate"] in days


async def test_a_trial_stores_nothing_and_says_so(tools: Tools, rest: Rest) -> None:
    uids = await tasks(rest, 2)
    lines = await batch(
        tools,
        {"op": "delete", "kind": "task", "where": {"tag": "shop"}},
        {"op": "create", "kind": "note", "title": "Milk", "content": "c"},
        dry_run=True,
    )
    assert lines[0] == "Dry run, nothing was stored. It would do:"
    assert lines[1].startswith("1 delete task: 2 matched: ")
    assert lines[2:] == ['2 create note "Milk"']
    assert "deletedAt" not in await rest.get(TASK, uids[0])
    assert await rest.all_uids("notes") == []


async def test_a_trial_shows_the_titles_of_what_matches(
    tools: Tools, rest: Rest, upstream: Recording
) -> None:
    await tasks(rest, 12, priority="high")
    await rest.create(CHAT, {"title": 'A "b"\u202e', "tags": ["shop"]})
    operations = [
        {"op": "archive", "kind": "task", "where": {"priority": "high"}},
        {"op": "delete", "kind": "chat", "where": {"tag": "shop"}},
    ]
    before = len(upstream.calls)
    lines = await batch(tools, *operations, dry_run=True)
    assert lines[1].startswith("1 archive task: 12 matched: ")
    assert len(re.findall(r'[0-9a-f]{8} "Task \d+"', lines[1])) == 10
    assert lines[1].endswith(" and 2 more")
    assert lines[2].endswith(r' "A \"b\"\u202e"')
    assert [call.url.path for call in upstream.calls[before:]] == ["/v1/batch", "/v1/items"]
    lines = await batch(tools, *operations * 15, dry_run=True)
    assert len(re.findall(r'"Task \d+"', lines[1])) == 1
    assert '"' not in "".join(await batch(tools, *operations))


async def test_an_item_of_the_batch_named_in_a_text_is_said_to_be_text(tools: Tools) -> None:
    create = {"op": "create", "kind": "note", "title": "N", "content": "It costs $1.50, or $1,000 or $4"}
    task = {"op": "create", "kind": "task", "title": "t", "description": "See $1."}
    comment = {"op": "create", "kind": "comment", "parent_uid": "$1", "content": "c"}
    edit = {"op": "edit", "item": "$1", "append": "See task:$2"}
    said = (await batch(tools, create, task, comment, edit, create))[5:-1]
    stored = "in its text was stored as it is: it names an item only as item or parent."
    assert said == [f"operation 2: $1 {stored}", f"operation 4: $2 {stored}"]


async def test_nothing_is_written_if_one_operation_fails(tools: Tools, rest: Rest) -> None:
    (uid,) = await tasks(rest, 1)
    said = await refused(
        tools,
        {"op": "create", "kind": "note", "title": "t", "content": "c"},
        {"op": "patch", "item": f"task:{uid}", "if_match": 7, "priority": "high"},
    )
    assert "operation 2: version mismatch: expected 7, actual 1" in said
    assert "nothing was written" in said
    assert await rest.all_uids("notes") == []


async def test_an_item_that_is_not_there_stops_the_whole_batch(tools: Tools, rest: Rest) -> None:
    (uid,) = await tasks(rest, 1)
    await rest.json("DELETE", f"/v1/tasks/{uid}")
    for item, why in (("task:3f9a01bc", "task not found"), (f"task:{uid}", "task deleted")):
        said = await refused(
            tools,
            {"op": "create", "kind": "note", "title": "t", "content": "c"},
            {"op": "patch", "item": item, "priority": "high"},
        )
        assert f"operation 2: {why}" in said
        assert "Nothing was written." in said
    assert await rest.all_uids("notes") == []


async def test_a_batch_is_one_request_that_the_api_carries_out_once(
    tools: Tools, upstream: Recording
) -> None:
    await batch(tools, *({"op": "create", "kind": "chat", "title": f"t{n}"} for n in range(100)))
    (request,) = (call for call in upstream.calls if call.url.path != "/v1/sync/info")
    assert request.url.path == "/v1/batch"
    assert request.headers["Idempotency-Key"] == request.headers["X-Correlation-ID"]
    assert request.headers["X-TB-Tool"] == "batch"


async def test_more_matches_than_expected_are_left_alone(tools: Tools, rest: Rest) -> None:
    uids = await tasks(rest, 3)
    said = await refused(tools, {"op": "delete", "kind": "task", "where": {"tag": "shop"}, "at_most": 2})
    assert "3 items match" in said
    assert all(["deletedAt" not in await rest.get(TASK, uid) for uid in uids])


async def test_no_match_is_no_failure(tools: Tools) -> None:
    assert await batch(tools, {"op": "delete", "kind": "task", "where": {"tag": "none"}}) == [
        "1 delete task: 0 matched",
        "Nothing was changed.",
    ]


SOME = "task:3f9a01bc"
WRONG: list[tuple[Any, str]] = [
    ("delete everything", "operation 1: should be an object such as"),
    (7, "operation 1: should be an object such as"),
    ({}, "operation 1: op should be one of create, patch"),
    (
        {"item": SOME},
        "op should be one of create, patch, replace, edit, tags, process, archive, delete, restore, or an",
    ),
    ({"op": "update", "item": SOME}, "patch changes some fields, replace all"),
    ({"op": "patch"}, "operation 1 (patch): item is required, such as note:3f9a01bc, or where for several"),
    ({"op": "restore"}, "operation 1 (restore): item is required, such as note:3f9a01bc."),
    ({"op": "create", "title": "t"}, "kind is required, one of note, task, comment, chat, chat_message"),
    ({"op": "delete", "where": {"tag": "x"}}, "kind is required"),
    ({"op": "create", "kind": "event", "title": "t"}, "kind should be one of note, task"),
    ({"op": "patch", "kind": "note", "item": SOME}, "kind is note, but item is a task"),
    ({"op": "patch", "item": "event:3f9a01bc"}, '"event:3f9a01bc" is no id or exact title of an item'),
    ({"op": "patch", "item": SOME, "where": {"tag": "x"}}, "takes item or where, not both"),
    ({"op": "patch", "item": SOME, "uid": "note:1"}, "item is given twice, also as uid"),
    (
        {"op": "delete", "item": [SOME, SOME]},
        "item is one item; send an operation for each of the 2, or where",
    ),
    ({"op": "patch", "item": SOME, "at_most": 3}, "at_most goes with where"),
    (
        {"op": "delete", "kind": "task", "where": {"tag": "x"}, "at_most": 5000},
        "at_most should be a whole number",
    ),
    ({"op": "delete", "kind": "task", "where": {"tag": "x"}, "if_match": 3}, "if_match goes with item"),
    ({"op": "restore", "kind": "task", "where": {"tag": "x"}}, "restore takes no where"),
    ({"op": "delete", "kind": "task", "where": {}}, "where should have a filter: tag, archived"),
    ({"op": "delete", "kind": "task", "where": {"status": None}}, "where should have a filter"),
    (
        {"op": "delete", "kind": "task", "where": {"colour": "x"}},
        "colour is no filter of tasks; where takes tag",
    ),
    ({"op": "delete", "kind": "note", "where": {"priority": "x"}}, "priority is no filter of notes"),
    ({"op": "delete", "kind": "task", "where": {"status": "finished"}}, "where.status"),
    ({"op": "delete", "kind": "task", "where": {"due_before": "soon"}}, "where.due_before should be a date"),
    (
        {"op": "patch", "item": SOME, "fields": {"due_date": "soon"}},
        "operation 1 (patch task): due_date should be a date",
    ),
    (
        {"op": "patch", "item": SOME, "fields": {"status": "finished"}},
        "status should be one of open, in_progress",
    ),
    (
        {"op": "patch", "item": SOME, "prioritty": "x"},
        "prioritty (did you mean priority) is no field of a task; it has title",
    ),
    ({"op": "patch", "item": SOME, "title": "a", "fields": {"title": "b"}}, "title is given twice"),
    ({"op": "patch", "item": SOME, "fields": "x"}, "should have fields such as"),
    ({"op": "create", "kind": "task", "priority": "high"}, "operation 1 (create task): title is required"),
    ({"op": "create", "kind": "comment", "content": "c"}, "parent_type is required"),
    ({"op": "create", "kind": "comment", "content": "c", "parent_uid": "$1"}, "$1"),
    (
        {
            "op": "create",
            "kind": "comment",
            "content": "c",
            "parent_uid": "chat:3f9a01bc",
            "parent_type": "note",
        },
        "parent_uid may not be a chat",
    ),
    ({"op": "process", "item": SOME}, "action is required"),
    (
        {"op": "process", "item": SOME, "action": "explode"},
        "action should be one of start, complete, reopen",
    ),
    ({"op": "tags", "item": SOME}, "should have add or remove"),
    (
        {"op": "tags", "item": SOME, "tags": ["x"]},
        "tags is no part of tags; it takes item, where, at_most, if_match, add, remove",
    ),
    ({"op": "tags", "item": SOME, "add": ["x"], "fields": {"title": "t"}}, "takes no fields"),
    ({"op": "edit", "item": SOME}, "should have edits, append or prepend"),
    (
        {"op": "edit", "item": SOME, "edits": [{"find": "", "replace": "x"}]},
        "edits.0.find",
    ),
    ({"op": "edit", "item": SOME, "heading": "Plan", "prepend": "x"}, "heading says where append goes"),
    (
        {"op": "edit", "item": SOME, "append": "x", "field": "status"},
        "operation 1 (edit task): field should be a text of a task",
    ),
    (
        {"op": "create", "kind": "task", "title": "t", "uid": "Groceries"},
        "operation 1 (create task): uid should be a UUID",
    ),
    ({"op": "delete", "item": "$1"}, '"$1" should name an earlier create'),
    ({"op": "delete", "item": "$x"}, '"$x" should name an earlier create'),
    ({"op": "patch", "item": SOME, "\u202e\x00" * 40: 1}, "\\u202e"),
    ({"op": "delete", "kind": "task", "where": "all"}, 'where should be an object such as {"tag": "ops"}'),
    ({"op": "patch", "item": SOME, "fields": {"title": "\ud800"}}, "not valid Unicode"),
    ({"op": "patch", "item": SOME, "fields": "\ud800"}, "should have fields such as"),
    ({"op": "patch", "item": SOME, "tags": "\ud800"}, "operation 1 (patch task): "),
]


@pytest.mark.parametrize(("operation", "says"), WRONG, ids=lambda value: str(value)[:50])
async def test_a_wrong_operation_is_named_with_what_is_allowed(
    operation: Any, says: str, tools: Tools
) -> None:
    said = await refused(tools, operation)
    assert says in said
    assert not re.search(r"atMost|ifMatch|dueDate|statusNot|parentUid|additional_fields|updates", said)
    assert "\u202e" not in said
    assert count(said) < 200


async def test_all_wrong_operations_are_named_at_once_but_not_more_than_five(tools: Tools) -> None:
    said = await refused(tools, *([{"op": "patch", "item": SOME, "fields": {"due_date": "soon"}}] * 7))
    assert said.count("due_date should be") == 5
    assert "2 more are wrong" in said
    said = await refused(
        tools,
        {"op": "patch", "item": SOME, "fields": {"due_date": "soon"}},
        {"op": "fly"},
        {"op": "patch", "item": SOME},
    )
    assert "operation 1 (patch task): due_date" in said
    assert "operation 2: op should be one of" in said
    assert "operation 3" not in said


async def test_a_batch_has_a_hundred_operations_at_most(tools: Tools) -> None:
    assert "operations" in await refused(tools)
    said = await refused(tools, *([{"op": "delete", "item": SOME}] * 101))
    assert "operations" in said
    assert "100" in said


async def test_an_item_that_does_not_exist_is_not_guessed(tools: Tools, rest: Rest) -> None:
    for n in range(2):
        await rest.create(NOTE, {"title": "Twins", "content": str(n)})
    assert "Twins" in await refused(tools, {"op": "delete", "item": "Twins"})
    assert "Nothing of the kind" in await refused(tools, {"op": "delete", "item": "Nothing of the kind"})
    assert len(await rest.all_uids("notes")) == 2


async def test_a_deleted_item_comes_back_by_its_id_alone(tools: Tools, rest: Rest) -> None:
    uid = (await rest.create(CHAT, {"title": "Gone"}))["uid"]
    await rest.json("DELETE", f"/v1/chats/{uid}")
    assert (await batch(tools, {"op": "restore", "item": uid[:8]}))[0].startswith(
        f"1 restore chat:{uid[:8]} v3"
    )
    assert "deletedAt" not in await rest.get(CHAT, uid)


ODD = [{}, {"results": None}, {"results": []}, {"results": [{"op": "delete"}]}, {"results": [7]}]


@pytest.mark.parametrize("answer", ODD, ids=str)
@pytest.mark.parametrize("tool", ["batch", "edit_text", "undo"])
async def test_an_answer_that_cannot_be_read_does_not_look_like_a_failure(
    tool: str, answer: dict[str, Any], bearer: str
) -> None:
    features = sorted({feature for work in ALL_WORK for feature in work.needs})
    odd = failing_api([httpx.Response(200, json=answer)], {**INFO, "features": features})
    arguments: dict[str, dict[str, Any]] = {
        "batch": {"operations": [{"op": "delete", "item": SOME}]},
        "edit_text": {"item": SOME, "append": "x"},
        "undo": {},
    }
    server = create_server(settings_for("http://127.0.0.1:8081"), transport=odd)
    async with in_memory(server, bearer) as tools:
        said = await tools.refusal(tool, **arguments[tool])
    assert "a change may have been made" in said
    assert "Repeat it once" not in said
