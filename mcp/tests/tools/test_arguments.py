"""Arguments: lenient where clients are known to differ, strict in what the API receives."""

import json
from typing import Any
from uuid import UUID

import pytest

from tests.harness.clients import Tools, arguments_for
from tests.harness.recording import Recording
from toolbridge_mcp.entities import ENTITIES, NOTE
from toolbridge_mcp.tools.operations import OPERATIONS, Operation

pytestmark = pytest.mark.anyio
UID = "5f0f9f0c-8f6e-4f5a-9d0e-2f4d6c1b7a35"
"""The same in every run, since it is part of the names of tests."""

ON_ITEM = [operation for operation in OPERATIONS if operation.on_item]


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


@pytest.mark.parametrize("spelling", [str.upper, lambda uid: UUID(uid).hex, lambda uid: f"{{{uid}}}"])
async def test_a_uid_may_be_spelled_in_any_usual_way(spelling: Any, tools: Tools) -> None:
    created = await tools.create(NOTE)
    assert (await tools.call("get_note", uid=spelling(created["uid"])))["uid"] == created["uid"]


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


@pytest.mark.parametrize("tags", ["5", '"a"', "{}", '{"a": 1}', "a, b", "", "[1]", '["a"', [1], 5, "[NaN]"])
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
    refusal = await tools.refusal("create_task", title="t", due_date="a", additional_fields={"dueDate": "b"})
    assert "dueDate is given twice" in refusal
    assert upstream.calls == []


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.kind)
async def test_an_unknown_action_is_refused_with_those_there_are(entity: Any, tools: Tools) -> None:
    refusal = await tools.refusal(f"process_{entity.kind}", uid=UID, action="explode")
    assert all(f"'{action}'" in refusal for action in entity.actions)


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
            "'open', 'in_progress', 'completed', 'archived', 'todo' or 'done'",
        ),
        ("create_comment", {"content": "c", "parent_type": "chat", "parent_uid": UID}, "'note' or 'task'"),
        ("patch_note", {"uid": UID}, "updates is required"),
        ("patch_note", {"uid": UID, "updates": ["a"]}, "updates"),
        ("patch_comment", {"uid": UID, "updates": {"parentUid": "../x"}}, "updates.parent"),
        ("delete_note", {"uid": UID, "if_match": 0}, "if_match"),
        ("delete_note", {"uid": UID, "if_match": True}, "if_match should be a number"),
        ("list_notes", {"limit": True}, "limit should be a number"),
        ("get_note", {"uid": "Groceries"}, "uid should be a uid (a UUID) as other calls return it"),
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


async def test_a_refusal_never_quotes_the_value(tools: Tools) -> None:
    refusal = await tools.refusal(
        "create_note", title={"secret": "s3cr3t"}, content=["s3cr3t"], **{"s3 cr3t": 1}
    )
    assert "s3cr3t" not in refusal
    assert "s3 cr3t" not in refusal


async def test_a_numeric_text_is_taken_for_a_limit(tools: Tools) -> None:
    assert (await tools.call("list_notes", limit="5"))["items"] == []


async def test_a_broken_cursor_is_refused_and_said(tools: Tools) -> None:
    refusal = await tools.refusal("list_notes", cursor="&limit=1#?/../")
    assert "cursor" in refusal


async def test_control_characters_and_long_texts(tools: Tools) -> None:
    text = "line\r\nline\ttab \u2028 \U0001f600 " * 10_000
    created = await tools.call("create_note", title="huge", content=text)
    assert created["payload"]["content"] == text
    refusal = await tools.refusal("create_note", title="nul\0", content="c")
    assert "did not accept the request" in refusal
