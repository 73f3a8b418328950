"""Every operation on every entity: in-memory client, real API, real SQLite."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.harness.clients import (
    Rest,
    Tools,
    arguments_for,
    in_memory,
    required_fields,
    sample,
    settings_for,
    text_of,
    token,
)
from tests.harness.processes import Process
from tests.harness.recording import Recording
from toolbridge_mcp.app import create_server
from toolbridge_mcp.entities import CHAT, CHAT_MESSAGE, COMMENT, ENTITIES, NOTE, TASK, Entity
from toolbridge_mcp.tools.operations import OPERATIONS, Operation

pytestmark = pytest.mark.anyio
CONDITIONAL = [operation for operation in OPERATIONS if operation.conditional]
each_entity = pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.kind)


@each_entity
async def test_a_created_item_holds_every_declared_field_under_the_apis_names(
    entity: Entity, tools: Tools, rest: Rest
) -> None:
    parent = await tools.parent_of(entity)
    given = {**sample(entity), **parent}
    created = await tools.call(f"create_{entity.kind}", **given)
    aliases = {name: field.alias for name, field in entity.fields.model_fields.items()}
    stored = (await rest.get(entity, created["uid"]))["payload"]
    assert {aliases[name]: value for name, value in given.items()}.items() <= stored.items()
    assert created["version"] == 1


@each_entity
async def test_the_answer_is_the_apis_json_to_the_letter(entity: Entity, tools: Tools, rest: Rest) -> None:
    exact = {"big": 12345678901234567890, "half": 0.5, "at": "2026-01-02T03:04:05.000Z", "none": None}
    created = await tools.create(entity, additional_fields=exact)
    result = await tools.result(f"get_{entity.kind}", uid=created["uid"])
    answer = await rest("GET", f"/v1/{entity.plural}/{created['uid']}?mirrors=false")
    assert text_of(result) == answer.text
    assert result.structured_content == json.loads(answer.text)
    assert exact.items() <= answer.json()["payload"].items()


@each_entity
async def test_lists_page_through_all_items_with_a_small_limit(entity: Entity, tools: Tools) -> None:
    parent = await tools.parent_of(entity)
    created = {(await tools.create(entity, **parent))["uid"] for _ in range(5)}
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await tools.call(f"list_{entity.plural}", limit=2, cursor=cursor)
        seen += [item["uid"] for item in page["items"]]
        cursor = page.get("nextCursor")
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert created <= set(seen)


@each_entity
async def test_update_replaces_and_keeps_the_parent(entity: Entity, tools: Tools, rest: Rest) -> None:
    created = await tools.create(entity, additional_fields={"colour": "red"})
    fields = required_fields(entity)
    updated = await tools.call(f"update_{entity.kind}", uid=created["uid"], if_match=1, **fields)
    payload = (await rest.get(entity, created["uid"]))["payload"]
    parent = {key: created["payload"][key] for key in entity.parent_keys}
    assert updated["version"] == 2
    assert payload.keys() == {*fields, *parent, "uid", "sync", "updatedTs"}
    assert {**fields, **parent}.items() <= payload.items()


@each_entity
async def test_patch_changes_declared_and_further_fields_and_leaves_the_rest(
    entity: Entity, tools: Tools
) -> None:
    created = await tools.create(entity)
    patched = await tools.call(
        f"patch_{entity.kind}", uid=created["uid"], updates={"tags": ["new"], "colour": {"name": "red"}}
    )
    untouched = created["payload"].keys() - {"tags", "sync", "updatedTs"}
    assert patched["payload"]["tags"] == ["new"]
    assert patched["payload"]["colour"] == {"name": "red"}
    assert {key: patched["payload"][key] for key in untouched} == {
        key: created["payload"][key] for key in untouched
    }


@each_entity
async def test_a_deleted_item_comes_back_as_its_tombstone(entity: Entity, tools: Tools) -> None:
    created = await tools.create(entity)
    tombstone = await tools.call(f"delete_{entity.kind}", uid=created["uid"])
    assert tombstone["uid"] == created["uid"]
    assert tombstone["version"] == 2
    assert tombstone["deletedAt"]
    refusal = await tools.refusal(f"get_{entity.kind}", uid=created["uid"])
    assert "has been deleted" in refusal
    kept = await tools.call(f"get_{entity.kind}", uid=created["uid"], include_deleted=True)
    assert kept["deletedAt"] == tombstone["deletedAt"]
    listed = await tools.call(f"list_{entity.plural}", include_deleted=True)
    assert created["uid"] in {item["uid"] for item in listed["items"]}


@each_entity
async def test_archive_and_every_action_set_what_the_api_describes(
    entity: Entity, tools: Tools, rest: Rest
) -> None:
    described = (await rest("GET", "/v1/sync/info")).json()["entities"][entity.plural]
    created = await tools.create(entity)
    archived = await tools.call(f"archive_{entity.kind}", uid=created["uid"])
    assert described["archive"].items() <= archived["payload"].items()
    for action in entity.actions:
        done = await tools.call(
            f"process_{entity.kind}", uid=created["uid"], action=action, metadata={"why": 1}
        )
        assert described["actions"][action].items() <= done["payload"].items()


@each_entity
@pytest.mark.parametrize("operation", CONDITIONAL, ids=lambda operation: operation.verb)
async def test_every_change_of_an_item_honours_if_match(
    operation: Operation, entity: Entity, tools: Tools, rest: Rest
) -> None:
    created = await tools.create(entity)
    name, arguments = operation.tool_name(entity), arguments_for(operation, entity, created["uid"])
    refusal = await tools.refusal(name, **arguments, if_match=7)
    assert "has changed since that version; nothing was written" in refusal
    assert "expected 7, actual 1" in refusal
    assert (await rest.get(entity, created["uid"]))["version"] == 1
    written = await tools.call(name, **arguments, if_match=1)
    repeated = operation.hints.idempotent_hint and operation.verb != "delete"
    changes_nothing = repeated and _own(written["payload"]) == _own(created["payload"])
    assert written["version"] == (1 if changes_nothing else 2)


def _own(payload: dict[str, Any]) -> dict[str, Any]:
    """The keys that do not follow from a write."""
    return {key: value for key, value in payload.items() if key not in {"updatedTs", "sync"}}


@each_entity
async def test_a_repeated_change_leaves_the_item_as_it_is(entity: Entity, tools: Tools, rest: Rest) -> None:
    uid = (await tools.create(entity))["uid"]
    for operation in CONDITIONAL:
        if operation.verb == "delete" or not operation.hints.idempotent_hint:
            continue
        name, arguments = operation.tool_name(entity), arguments_for(operation, entity, uid)
        first = await tools.call(name, **arguments)
        assert await tools.call(name, **arguments) == first
        assert (await rest.get(entity, uid))["version"] == first["version"]


async def test_a_tool_call_costs_one_request(tools: Tools, upstream: Recording) -> None:
    created = await tools.create(NOTE)
    before = len(upstream.requests)
    await tools.call("get_note", uid=created["uid"])
    assert len(upstream.requests) == before + 1


async def test_users_see_their_own_items_only(tools: Tools, api: Process) -> None:
    created = await tools.create(NOTE)
    async with in_memory(create_server(settings_for(api.url)), token("somebody-else")) as others:
        assert "has no note with this uid" in await others.refusal("get_note", uid=created["uid"])
        listed = await others.call("list_notes")
        assert created["uid"] not in {item["uid"] for item in listed["items"]}


async def test_children_of_a_deleted_parent_stay_usable(tools: Tools) -> None:
    parent = await tools.parent_of(COMMENT)
    comment = await tools.create(COMMENT, **parent)
    await tools.call("delete_note", uid=parent["parent_uid"])
    for call, arguments in (
        ("patch_comment", {"updates": {"content": "still"}}),
        ("update_comment", {"content": "here"}),
        ("archive_comment", {}),
        ("process_comment", {"action": "resolve"}),
        ("delete_comment", {}),
    ):
        await tools.call(call, uid=comment["uid"], **arguments)


async def test_a_comment_on_nothing_is_refused_with_the_way_out(tools: Tools) -> None:
    refusal = await tools.refusal("create_comment", content="x", parent_type="task", parent_uid=str(uuid4()))
    assert "does not exist; nothing was written" in refusal
    assert "Correlation id: " in refusal


async def test_a_uid_of_ones_own_is_taken_once(tools: Tools) -> None:
    uid = str(uuid4())
    created = await tools.create(TASK, additional_fields={"uid": uid})
    assert created["uid"] == uid
    refusal = await tools.refusal("create_task", title="again", additional_fields={"uid": uid})
    assert "already exists" in refusal


async def test_children_are_listed_by_their_parent(tools: Tools) -> None:
    for entity in (COMMENT, CHAT_MESSAGE):
        assert entity.parent
        parent = await tools.parent_of(entity)
        wanted = {(await tools.create(entity, **parent))["uid"] for _ in range(3)}
        await tools.create(entity)
        by_uid = {entity.parent.uid: parent[entity.parent.uid]}
        for filters in (parent, by_uid, {**by_uid, "parent_type": None} if entity is COMMENT else by_uid):
            listed = await tools.call(f"list_{entity.plural}", **filters)
            assert {item["uid"] for item in listed["items"]} == wanted


async def test_lists_are_filtered_and_ordered(tools: Tools) -> None:
    first = await tools.create(TASK, status="open", tags=["home"])
    second = await tools.create(TASK, status="completed", tags=["home", "\u725b & co"])

    async def found(**filters: object) -> list[str]:
        return [item["uid"] for item in (await tools.call("list_tasks", **filters))["items"]]

    assert await found(order="desc") == [second["uid"], first["uid"]]
    assert await found(status="open") == [first["uid"]]
    assert await found(tag="\u725b & co") == [second["uid"]]
    assert await found(tag="home", status="completed") == [second["uid"]]
    quoted = 'say "hi", \\, home \\ now"'
    third = await tools.create(TASK, tags=[quoted])
    assert await found(tag=quoted) == [third["uid"]]
    assert await found(tag="nothing,home") == []
    await tools.call("delete_task", uid=third["uid"])
    assert await found(updated_since=second["updatedAt"]) == [second["uid"]]
    chat = await tools.create(CHAT, archived=True)
    listed = await tools.call("list_chats", archived=True)
    assert [item["uid"] for item in listed["items"]] == [chat["uid"]]
    assert (await tools.call("list_chats", archived=False))["items"] == []


async def test_tasks_are_listed_and_counted_by_priority_and_due_date(tools: Tools) -> None:
    for priority, due in (("high", "2026-12-01"), ("low", "2026-12-04"), ("high", "2026-12-05")):
        await tools.create(TASK, priority=priority, due_date=due)

    async def count(**filters: object) -> str:
        return text_of(await tools.result("list_tasks", limit=1, **filters)).split(",", 1)[0]

    assert await count(priority="high") == "1 of 2 tasks"
    assert await count(due_before="2026-12-05") == "1 of 2 tasks"
    assert await count(due_after="2026-12-02", priority="high") == "1 of 1 tasks"


async def test_pinned_notes_and_unread_messages_are_listed(tools: Tools) -> None:
    for entity, name, other in ((NOTE, "pinned", False), (CHAT_MESSAGE, "read", True)):
        wanted = await tools.create(entity, **{name: not other})
        await tools.create(entity, **{name: other})
        listed = await tools.call(f"list_{entity.plural}", **{name: not other})
        assert [item["uid"] for item in listed["items"]] == [wanted["uid"]]


async def test_a_cursor_belongs_to_the_filters_it_came_with(tools: Tools) -> None:
    for _ in range(3):
        await tools.create(TASK, status="open")
    page = await tools.call("list_tasks", limit=1, status="open")
    refusal = await tools.refusal("list_tasks", limit=1, cursor=page["nextCursor"])
    assert "cursor" in refusal
    again = await tools.call("list_tasks", limit=1, status="open", cursor=page["nextCursor"])
    assert len(again["items"]) == 1
