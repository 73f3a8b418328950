"""Arguments: lenient where clients are known to differ, strict in what the API receives."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.harness.clients import Rest, Tools, arguments_for, required_fields, text_of
from tests.harness.recording import Recording
from toolbridge_mcp.entities import CHAT, COMMENT, ENTITIES, NOTE, Entity
from toolbridge_mcp.entities.schema import published_schema
from toolbridge_mcp.tools.operations import OPERATIONS, Operation

pytestmark = pytest.mark.anyio
UID = "5f0f9f0c-8f6e-4f5a-9d0e-2f4d6c1b7a35"
"""The same in every run, since it is part of the names of tests."""

DAY = "2026-01-31"
ON_ITEM = [operation for operation in OPERATIONS if operation.on_item]
CHILDREN = [entity for entity in ENTITIES if entity.parent]


@pytest.mark.parametrize(
    "uid",
    [
        "../sync/state",
        f"../notes/{UID}",
        f"{UID}?includeDeleted=true",
        f"{UID}#x",
        "..%2f",
        f"{UID}/archive",
        "a" * 10_240,
        "",
        " ",
        "\0",
        "not-a-uuid",
        7,
        None,
        [],
        {},
    ],
    ids=repr,
)
@pytest.mark.parametrize("operation", ON_ITEM, ids=lambda operation: operation.verb)
async def test_a_uid_that_is_none_is_refused_without_a_request(
    operation: Operation, uid: Any, tools: Tools, upstream: Recording
) -> None:
    arguments = {**arguments_for(operation, NOTE, UID), "uid": uid}
    refusal = await tools.refusal(operation.tool_name(NOTE), **arguments)
    assert "The arguments do not fit: uid " in refusal
    assert len(refusal) < 300
    assert upstream.calls == []


SPELLINGS = {
    "capitals": str.upper,
    "without hyphens": lambda uid: UUID(uid).hex,
    "in braces": lambda uid: f"{{{uid}}}",
    "URN": lambda uid: f"urn:uuid:{uid.upper()}",
}
spelled = pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)


@spelled
@pytest.mark.parametrize("operation", ON_ITEM, ids=lambda operation: operation.verb)
async def test_a_uid_may_be_spelled_in_any_usual_way(
    operation: Operation, spelling: Any, tools: Tools
) -> None:
    created = await tools.create(NOTE)
    arguments = {**arguments_for(operation, NOTE, created["uid"]), "uid": spelling(created["uid"])}
    assert (await tools.call(operation.tool_name(NOTE), **arguments))["uid"] == created["uid"]


SHORT = {
    "8 digits": lambda uid: uid[:8],
    "8 digits and a hyphen": lambda uid: uid[:9],
    "11 digits": lambda uid: uid[:12],
    "all digits but one": lambda uid: UUID(uid).hex[:31],
    "capitals": lambda uid: uid[:18].upper(),
    "with its kind": lambda uid: f"note:{uid[:8]}",
    "with a word for id": lambda uid: f"uid:{uid}",
    "its address": lambda uid: f"toolbridge://note/{uid}",
    "white space": lambda uid: f" {uid[:8]}\n",
}


@pytest.mark.parametrize("spelling", SHORT.values(), ids=SHORT)
@pytest.mark.parametrize("operation", ON_ITEM, ids=lambda operation: operation.verb)
async def test_a_short_id_names_an_item_in_every_tool(
    operation: Operation, spelling: Any, tools: Tools
) -> None:
    created = await tools.create(NOTE)
    arguments = {**arguments_for(operation, NOTE, created["uid"]), "uid": spelling(created["uid"])}
    assert (await tools.call(operation.tool_name(NOTE), **arguments))["uid"] == created["uid"]


async def test_a_short_id_of_digits_may_come_as_a_number(tools: Tools) -> None:
    uid = f"12345678{str(uuid4())[8:]}"
    await tools.call("create_note", title="t", content="c", additional_fields={"uid": uid})
    assert (await tools.call("get_note", uid=12345678))["uid"] == uid


@pytest.mark.parametrize("entity", CHILDREN, ids=lambda entity: entity.kind)
async def test_a_parent_may_be_named_by_a_short_id(entity: Entity, tools: Tools) -> None:
    assert entity.parent
    parent = await tools.parent_of(entity)
    uid = parent[entity.parent.uid]
    short = {**parent, entity.parent.uid: f"{entity.parent.kinds[0]}:{uid[:8]}"}
    created = await tools.create(entity, **short)
    assert created["payload"][entity.parent_keys[-1]] == uid
    listed = await tools.call(f"list_{entity.plural}", **short)
    assert [item["uid"] for item in listed["items"]] == [created["uid"]]
    wrong = {**parent, entity.parent.uid: f"{entity.kind}:{uid[:8]}"}
    refusal = await tools.refusal(f"create_{entity.kind}", **required_fields(entity), **wrong)
    assert f"{entity.parent.uid} may not be a {entity.kind}" in refusal


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.kind)
@pytest.mark.parametrize("operation", ON_ITEM, ids=lambda operation: operation.verb)
async def test_an_id_of_another_kind_is_refused_with_the_name_of_its_tool(
    operation: Operation, entity: Entity, tools: Tools, upstream: Recording
) -> None:
    other = next(other for other in ENTITIES if other is not entity)
    arguments = {**arguments_for(operation, entity, UID), "uid": f"{other.kind}:{UID[:8]}"}
    refusal = await tools.refusal(operation.tool_name(entity), **arguments)
    assert f"uid names a {other.kind}; for that call {operation.tool_name(other)}." in refusal
    assert upstream.calls == []


async def test_an_ambiguous_short_id_changes_nothing(tools: Tools) -> None:
    for _ in range(2):
        own = {"uid": f"12345678{str(uuid4())[8:]}"}
        await tools.call("create_note", title="t", content="c", additional_fields=own)
    assert "12345678" in await tools.refusal("delete_note", uid="12345678")
    assert len((await tools.call("list_notes"))["items"]) == 2


@spelled
async def test_a_new_items_own_uid_is_shown_in_small_letters(spelling: Any, tools: Tools) -> None:
    uid = str(uuid4())
    created = await tools.call(
        "create_note", title="t", content="c", additional_fields={"uid": spelling(uid)}
    )
    assert created["uid"] == uid
    refusal = await tools.refusal("create_note", title="t", content="c", additional_fields={"uid": uid})
    assert "already exists" in refusal
    short = {"uid": uid[:8]}
    assert "uid should be a UUID" in await tools.refusal(
        "create_note", title="t", content="c", additional_fields=short
    )


@spelled
@pytest.mark.parametrize("entity", CHILDREN, ids=lambda entity: entity.kind)
async def test_a_parents_uid_is_stored_and_shown_in_small_letters(
    entity: Entity, spelling: Any, tools: Tools
) -> None:
    assert entity.parent
    parent = await tools.parent_of(entity)
    name, key, uid = entity.parent.uid, entity.parent_keys[-1], parent[entity.parent.uid]
    respelled = {**parent, name: spelling(uid)}
    created = await tools.create(entity, **respelled)
    assert created["payload"][key] == uid
    listed = await tools.call(f"list_{entity.plural}", **respelled)
    assert [item["uid"] for item in listed["items"]] == [created["uid"]]
    for given in (respelled, {key if given == name else given: value for given, value in respelled.items()}):
        patched = await tools.call(f"patch_{entity.kind}", uid=created["uid"], updates=given)
        assert patched["payload"][key] == uid
    fields = required_fields(entity)
    updated = await tools.call(f"update_{entity.kind}", uid=created["uid"], **fields, **respelled)
    assert updated["payload"][key] == uid


async def test_lists_and_objects_may_come_as_json_text(tools: Tools) -> None:
    created = await tools.call(
        "create_note",
        title="t",
        content="c",
        tags='["a", "b"]',
        additional_fields='{"colour": {"name": "red"}}',
    )
    assert created["payload"]["tags"] == ["a", "b"]
    assert created["payload"]["colour"] == {"name": "red"}
    patched = await tools.call("patch_note", uid=created["uid"], updates='{"tags": "[\\"c\\"]"}')
    assert patched["payload"]["tags"] == ["c"]
    await tools.call("process_note", uid=created["uid"], action="pin", metadata='{"by": "me"}')


@pytest.mark.parametrize("tags", ["5", '"a"', "{}", '{"a": 1}', "a, b", "[1]", '["a"', [1], 5, "[NaN]"])
async def test_a_text_that_is_not_the_declared_type_is_refused(
    tags: Any, tools: Tools, upstream: Recording
) -> None:
    assert "tags" in await tools.refusal("create_note", title="t", content="c", tags=tags)
    assert upstream.calls == []


async def test_text_that_looks_like_json_stays_text_where_text_is_declared(tools: Tools) -> None:
    created = await tools.call("create_note", title='["a"]', content='{"b": 1}')
    assert created["payload"]["title"] == '["a"]'
    assert created["payload"]["content"] == '{"b": 1}'


async def test_null_for_an_optional_argument_counts_as_left_out(tools: Tools) -> None:
    created = await tools.call(
        "create_note", title="t", content="c", tags=None, status=None, additional_fields=None
    )
    assert "tags" not in created["payload"]
    listed = await tools.call("list_notes", limit=None, cursor=None, include_deleted=None)
    assert len(listed["items"]) == 1


EMPTY = ["", " ", "null", "None", "undefined", [], {}]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.kind)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.verb)
async def test_every_argument_that_is_not_required_may_be_empty(
    operation: Operation, entity: Entity, tools: Tools
) -> None:
    schema = published_schema(operation.arguments(entity))
    optional = schema["properties"].keys() - set(schema.get("required", ()))
    parent = {} if operation.on_item or not operation.writes else await tools.parent_of(entity)
    empties: tuple[Any, ...] = ("", "undefined", [])
    for empty in empties:
        uid = (await tools.create(entity))["uid"]
        needed = {**arguments_for(operation, entity, uid), **parent}
        arguments = {**dict.fromkeys(optional, empty), **needed}
        result = await tools.result(operation.tool_name(entity), **arguments)
        assert not result.is_error, text_of(result)


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
async def test_an_empty_value_of_a_list_argument_counts_as_left_out(empty: Any, tools: Tools) -> None:
    """Some clients fill in every argument."""
    created = await tools.create(CHAT, status="active")
    names = ("limit", "cursor", "include_deleted", "updated_since", "order", "status", "archived")
    listed = await tools.call("list_chats", **dict.fromkeys(names, empty))
    assert [item["uid"] for item in listed["items"]] == [created["uid"]]


@pytest.mark.parametrize("empty", ["", [], {}], ids=repr)
async def test_an_empty_cursor_tag_or_parent_counts_as_left_out(empty: Any, tools: Tools) -> None:
    created = await tools.create(COMMENT)
    names = ("cursor", "tag", "parent_uid", "parent_type")
    listed = await tools.call("list_comments", **dict.fromkeys(names, empty))
    assert [item["uid"] for item in listed["items"]] == [created["uid"]]


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
async def test_an_empty_value_that_a_field_cannot_hold_counts_as_left_out(empty: Any, tools: Tools) -> None:
    names = ("status", "due_date", "additional_fields") if empty != {} else ("status", "due_date")
    created = await tools.call("create_task", title="t", **dict.fromkeys(names, empty))
    assert created["payload"].keys() == {"title"}
    changed = await tools.call(
        "update_task", uid=created["uid"], title="u", if_match=empty, **dict.fromkeys(names, empty)
    )
    assert changed["version"] == 2
    metadata = {} if empty == {} else {"metadata": empty}
    await tools.call("process_task", uid=created["uid"], action="start", if_match=empty, **metadata)
    gone = await tools.call("delete_task", uid=created["uid"], if_match=empty)
    assert (await tools.call("get_task", uid=gone["uid"], include_deleted="true"))["deletedAt"]


@pytest.mark.parametrize("text", ["", " ", "null", "None", "undefined"], ids=repr)
async def test_an_empty_text_stays_where_a_text_may_be_anything(text: str, tools: Tools) -> None:
    created = await tools.call("create_task", title=text, description=text, priority=text)
    assert {key: created["payload"][key] for key in ("title", "description", "priority")} == {
        "title": text,
        "description": text,
        "priority": text,
    }
    kept = await tools.call("create_note", title="t", content="c", tags=[text])
    assert kept["payload"]["tags"] == [text]
    free = await tools.call(
        "create_note", title="t", content="c", additional_fields={"colour": text, "list": [], "object": {}}
    )
    assert {"colour": text, "list": [], "object": {}}.items() <= free["payload"].items()


@pytest.mark.parametrize("empty", ["", "null", {}], ids=repr)
async def test_an_empty_value_in_an_object_is_refused_because_it_may_mean_to_clear_the_field(
    empty: Any, tools: Tools, upstream: Recording
) -> None:
    for name in ("status", "due_date", "dueDate", "tags"):
        refusal = await tools.refusal("patch_task", uid=UID, updates={"title": "t", name: empty})
        assert "updates." in refusal
        assert ", or leave it out." in refusal
        refusal = await tools.refusal("create_task", title="t", additional_fields={name: empty})
        assert ", or leave it out." in refusal
    assert upstream.calls == []


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
async def test_an_empty_value_of_a_required_argument_is_refused(
    empty: Any, tools: Tools, upstream: Recording
) -> None:
    calls: dict[str, dict[str, Any]] = {
        "get_note": {"uid": empty},
        "process_note": {"uid": UID, "action": empty},
        "create_comment": {"content": "c", "parent_type": empty, "parent_uid": UID},
        "create_chat_message": {"content": "c", "chat_uid": empty},
    }
    for name, arguments in calls.items():
        refusal = await tools.refusal(name, **arguments)
        assert " should be " in refusal
        assert "leave it out" not in refusal
    assert upstream.calls == []


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("list_notes", {"status": "any"}),
        ("list_notes", {"limit": "all"}),
        ("list_notes", {"include_deleted": "maybe"}),
        ("list_notes", {"order": "newest"}),
        ("list_notes", {"updated_since": "yesterday"}),
        ("create_task", {"title": "t", "due_date": "tomorrow"}),
        ("delete_note", {"uid": UID, "if_match": "latest"}),
        ("process_note", {"uid": UID, "action": "pin", "metadata": "text"}),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value),
)
async def test_a_refused_optional_argument_may_be_left_out(
    name: str, arguments: dict[str, Any], tools: Tools
) -> None:
    assert ", or leave it out." in await tools.refusal(name, **arguments)


SINCE = {
    "2026-01-31": "2026-01-31T00:00:00.000Z",
    "2026-01-31T10:00:00": "2026-01-31T10:00:00.000Z",
    "2026-01-31T10:00:00+0200": "2026-01-31T08:00:00.000Z",
    "2026-01-31 10:00:00.5+02": "2026-01-31T08:00:00.500Z",
    "2026-01-31t10:00:00z": "2026-01-31T10:00:00.000Z",
}


@pytest.mark.parametrize(("given", "sent"), SINCE.items())
@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.kind)
async def test_a_time_is_sent_in_the_form_that_every_api_reads(
    entity: Entity, given: str, sent: str, tools: Tools, upstream: Recording
) -> None:
    created = await tools.create(entity)
    listed = await tools.call(f"list_{entity.plural}", updated_since=given)
    assert [item["uid"] for item in listed["items"]] == [created["uid"]]
    assert upstream.calls[-1].url.params["updatedSince"] == sent


@pytest.mark.parametrize("text", ["2026-13-45", "tomorrow", "2026-01-31T24:00", "10000-01-01", "31.01.2026"])
async def test_a_field_with_a_format_is_checked_wherever_it_is_given(
    text: str, tools: Tools, upstream: Recording
) -> None:
    says = "should be a date or time such as 2026-01-31 or 2026-01-31T09:30Z, or leave it out."
    calls: dict[str, dict[str, Any]] = {
        "create_task": {"title": "t", "due_date": text},
        "update_task": {"uid": UID, "title": "t", "due_date": text},
        "patch_task": {"uid": UID, "updates": {"due_date": text}},
        "list_tasks": {"updated_since": text},
    }
    for name, arguments in calls.items():
        assert says in await tools.refusal(name, **arguments)
    assert says in await tools.refusal("patch_task", uid=UID, updates={"dueDate": text})
    assert says in await tools.refusal("create_task", title="t", additional_fields={"dueDate": text})
    assert says in await tools.refusal(
        "update_task", uid=UID, title="t", additional_fields=json.dumps({"due_date": text})
    )
    assert upstream.calls == []


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31 10:00:00.5+02", "2026-01-31t10:00z"])
async def test_a_date_is_stored_as_it_was_given(text: str, tools: Tools) -> None:
    created = await tools.call("create_task", title="t", due_date=text)
    assert created["payload"]["dueDate"] == text
    cleared = await tools.call("patch_task", uid=created["uid"], updates={"due_date": None})
    assert cleared["payload"]["dueDate"] is None


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.kind)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.verb)
async def test_an_unknown_argument_is_refused_with_the_known_ones(
    operation: Operation, entity: Entity, tools: Tools, upstream: Recording
) -> None:
    arguments = {**arguments_for(operation, entity, UID), "colour": "red"}
    refusal = await tools.refusal(operation.tool_name(entity), **arguments)
    known = ", ".join(published_schema(operation.arguments(entity))["properties"])
    assert f"colour is no argument of this tool; it takes {known}." in refusal
    assert upstream.calls == []


async def test_null_in_updates_is_stored_as_null(tools: Tools) -> None:
    created = await tools.create(NOTE)
    patched = await tools.call("patch_note", uid=created["uid"], updates={"status": None, "colour": None})
    assert patched["payload"]["status"] is None
    assert patched["payload"]["colour"] is None
    assert "updates.title" in await tools.refusal("patch_note", uid=created["uid"], updates={"title": None})


@pytest.mark.parametrize("name", ["due_date", "dueDate"])
async def test_updates_take_a_field_under_either_name(name: str, tools: Tools) -> None:
    task = await tools.call("create_task", title="t")
    patched = await tools.call("patch_task", uid=task["uid"], updates={name: "2027-01-01"})
    assert patched["payload"]["dueDate"] == "2027-01-01"
    assert "due_date" not in patched["payload"]


async def test_one_field_under_two_names_is_refused(tools: Tools, upstream: Recording) -> None:
    refusal = await tools.refusal("patch_task", uid=UID, updates={"due_date": "a", "dueDate": "b"})
    assert "due_date and dueDate are the same field" in refusal
    refusal = await tools.refusal("create_task", title="t", due_date=DAY, additional_fields={"dueDate": DAY})
    assert "dueDate is given twice" in refusal
    assert upstream.calls == []


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.kind)
async def test_an_unknown_action_is_refused_with_those_there_are(entity: Any, tools: Tools) -> None:
    refusal = await tools.refusal(f"process_{entity.kind}", uid=UID, action="explode")
    assert f'action should be one of {", ".join(entity.actions)}. You sent "explode".' in refusal


@pytest.mark.parametrize(
    ("name", "arguments", "named"),
    [
        ("list_notes", {"limit": 0}, "limit"),
        ("list_notes", {"limit": 1001}, "limit"),
        ("list_notes", {"limit": "many"}, "limit"),
        (
            "list_notes",
            {"offset": 1},
            "offset is no argument of this tool; it takes limit, cursor, include_deleted",
        ),
        ("create_note", {"title": "t"}, "content is required"),
        ("create_note", {"title": 5, "content": "c"}, "title"),
        (
            "create_task",
            {"title": "t", "status": "finished"},
            'one of open, in_progress, completed, archived, or leave it out. You sent "finished".',
        ),
        ("create_comment", {"content": "c", "parent_type": "chat", "parent_uid": UID}, "one of note, task."),
        ("patch_note", {"uid": UID}, "updates is required"),
        ("patch_note", {"uid": UID, "updates": ["a"]}, "updates"),
        ("patch_comment", {"uid": UID, "updates": {"parentUid": "../x"}}, "updates.parent"),
        ("delete_note", {"uid": UID, "if_match": 0}, "if_match"),
        ("delete_note", {"uid": UID, "if_match": True}, "if_match should be a whole number"),
        ("list_notes", {"limit": True}, "limit should be a whole number from 1 to 1000"),
        ("get_note", {"uid": "Groceries"}, "uid should be an id such as 3f9a01bc, as other calls show it"),
        ("patch_note", {"uid": UID, "updates": "title: x"}, "updates should be an object"),
        (
            "create_note",
            {"title": "t", "content": "c", "additional_fields": {"uid": "mine"}},
            "uid should be a UUID",
        ),
        ("delete_note", {"uid": UID, "if_match": "latest"}, "if_match"),
        ("process_task", {"uid": UID, "action": "start", "metadata": "text"}, "metadata"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:40],
)
async def test_a_wrong_argument_is_named_and_nothing_is_sent(
    name: str, arguments: dict[str, Any], named: str, tools: Tools, upstream: Recording
) -> None:
    refusal = await tools.refusal(name, **arguments)
    assert named in refusal
    assert "pydantic" not in refusal
    assert upstream.calls == []


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("many", '"many"'),
        ("m\u202ea\nn\U000e0041y", r'"m\u202ea n\U000e0041y"'),
        ("x" * 200, f'"{"x" * 59}…"'),
        ({"a": [1, "b"]}, '{"a":[1,"b"]}'),
        ([1] * 100, f"[{'1,' * 29}…"),
        (True, "true"),
        (0.5, "0.5"),
    ],
    ids=ascii,
)
async def test_a_refusal_shows_shortly_what_was_sent(sent: Any, shown: str, tools: Tools) -> None:
    refusal = await tools.refusal("list_notes", limit=sent)
    assert f"or leave it out. You sent {shown}." in refusal


@pytest.mark.parametrize("secret", ["Bearer abcdefghijklmnop", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.x"])
async def test_a_refusal_shows_no_token(secret: str, tools: Tools) -> None:
    for sent in (secret, [secret], {"a": secret}, f"{'x' * 40} {secret}"):
        refusal = await tools.refusal("list_notes", limit=sent)
        assert "limit should be a whole number from 1 to 1000, or leave it out. Correct" in refusal


@pytest.mark.parametrize(
    ("tool", "arguments", "meant"),
    [
        ("list_notes", {"limt": 5}, "limit for limt"),
        ("list_notes", {"include_delete": True}, "include_deleted for include_delete"),
        ("create_task", {"title": "t", "dueDat": "2026-01-01"}, "due_date for dueDat"),
        ("patch_note", {"uid": UID, "titel": "t", "updates": {}}, "title for titel"),
        ("create_task", {"title": "t", "status": "complete"}, "did you mean completed?"),
        ("process_task", {"uid": UID, "action": "compleet"}, "did you mean complete?"),
    ],
    ids=str,
)
async def test_a_refusal_says_what_was_probably_meant(
    tool: str, arguments: dict[str, Any], meant: str, tools: Tools, upstream: Recording
) -> None:
    assert meant in await tools.refusal(tool, **arguments)
    assert upstream.calls == []


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("list_notes", {"query": "milk"}, "search finds items by their words."),
        ("list_notes", {"offset": 5}, "cursor that a page ends with"),
        ("list_notes", {"sortBy": "newest"}, "order is by time of change"),
        ("update_note", {"uid": UID, "updates": {"title": "t"}}, "The patch tool changes some fields."),
        ("process_task", {"uid": UID}, "action is required: start or complete or reopen."),
        ("list_comments", {"parent_uid": "Milk"}, "list_notes or list_tasks shows the ids."),
        ("get_chat_message", {"uid": "Milk"}, "list_chat_messages shows the ids."),
        ("list_notes", {"updated_since": 1795155334040}, "should be a date or time such as 2026-01-31"),
        (
            "edit_text",
            {"item": "x", "edits": [{"find": "", "replace": "x"}]},
            "find should not be empty. Correct",
        ),
        ("edit_text", {"item": "x"}, "should have edits, append or prepend. Correct"),
    ],
    ids=str,
)
async def test_a_refusal_says_what_there_is_instead(
    tool: str, arguments: dict[str, Any], says: str, tools: Tools, upstream: Recording
) -> None:
    assert says in await tools.refusal(tool, **arguments)
    assert upstream.calls == []


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.kind)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.verb)
async def test_the_example_in_a_refusal_fits(operation: Operation, entity: Entity, tools: Tools) -> None:
    """It may be about an item that is not there, but its arguments are right."""
    refusal = await tools.refusal(operation.tool_name(entity), colour="red")
    example = refusal.partition("Example: ")[2].rpartition(". Correct them")[0]
    answer = await tools.result(operation.tool_name(entity), **json.loads(example))
    assert not answer.is_error or "The arguments do not fit" not in text_of(answer)


async def test_a_numeric_text_is_taken_for_a_limit(tools: Tools) -> None:
    assert (await tools.call("list_notes", limit="5"))["items"] == []


async def test_a_broken_cursor_is_refused_and_said(tools: Tools) -> None:
    refusal = await tools.refusal("list_notes", cursor="&limit=1#?/../")
    assert "cursor" in refusal


async def test_control_characters_and_long_texts(tools: Tools, rest: Rest) -> None:
    text = "line\r\nline\ttab \u2028 \U0001f600 " * 10_000
    created = await tools.call("create_note", title="huge", content=text, return_item=False)
    assert (await rest.get(NOTE, created["uid"]))["payload"]["content"] == text
    refusal = await tools.refusal("create_note", title="nul\0", content="c")
    assert "did not accept the request" in refusal
