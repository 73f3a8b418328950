"""What a model reads: pages of lines within a bound, what a write did, and nothing hidden."""

import json
import re
from typing import Any

import httpx
import pytest

from tests.harness.clients import Rest, Tools, arguments_for, in_memory, settings_for, text_of, token
from tests.harness.recording import failing_api
from tests.harness.tokens import count
from toolbridge_mcp.app import create_server
from toolbridge_mcp.entities import COMMENT, ENTITIES, NOTE, TASK, Entity
from toolbridge_mcp.tools.operations import OPERATIONS, Operation

pytestmark = pytest.mark.anyio
each_entity = pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.kind)
OVERRIDE, TAG = chr(0x202E), chr(0xE0041)


async def listed(tools: Tools, name: str, **arguments: Any) -> str:
    result = await tools.result(name, **arguments)
    assert not result.is_error, text_of(result)
    assert result.structured_content is None
    return text_of(result)


def cursor_in(text: str) -> str | None:
    found = re.search(r'cursor="([^"]+)"', text.splitlines()[-1])
    return found[1] if found else None


def ids_in(text: str) -> list[str]:
    return [found[1] for found in re.finditer(r"^([0-9a-f]{8}) v", text, re.MULTILINE)]


@each_entity
async def test_a_list_is_a_line_for_each_item_with_how_many_there_are(entity: Entity, tools: Tools) -> None:
    parent = await tools.parent_of(entity)
    uids = [(await tools.create(entity, **parent))["uid"] for _ in range(23)]
    first = await listed(tools, f"list_{entity.plural}", **parent)
    assert first.startswith(f"20 of 23 {entity.words['words']}, oldest change first.")
    rest = await listed(tools, f"list_{entity.plural}", **parent, cursor=cursor_in(first))
    assert rest.startswith("3 of 23 ")
    assert cursor_in(rest) is None
    assert [*ids_in(first), *ids_in(rest)] == [uid[:8] for uid in uids]


async def test_an_empty_list_says_so(tools: Tools) -> None:
    assert await listed(tools, "list_notes") == "No notes."
    assert await listed(tools, "list_notes", tag="none") == "No notes match."


@pytest.mark.parametrize("arguments", [{}, {"view": "full"}, {"fields": ["content"]}], ids=str)
async def test_a_page_holds_whole_items_within_its_tokens_and_misses_none(
    arguments: dict[str, Any], tools: Tools, rest: Rest
) -> None:
    uids = [
        (await rest.create(NOTE, {"title": f"Note {n} about milk", "content": "Buy milk and bread. " * 60}))[
            "uid"
        ]
        for n in range(30)
    ]
    seen: list[str] = []
    cursor = None
    said = "max_tokens=1000 ended this page early."
    while True:
        result = await tools.result("list_notes", limit=30, max_tokens=1_000, cursor=cursor, **arguments)
        text = text_of(result)
        assert count(text) <= 1_000
        if arguments:
            page = json.loads(text)
            seen += [item["uid"] for item in page["items"]]
            assert all(item["payload"]["content"] for item in page["items"])
            assert page["total"] == 30
            cursor = page.get("nextCursor")
            assert page.get("hint", said) == said
            assert "hint" in page or cursor is None
        else:
            seen += [next(uid for uid in uids if uid.startswith(short)) for short in ids_in(text)]
            cursor = cursor_in(text)
            assert text.endswith(f'cursor="{cursor}". {said}') or cursor is None
        if cursor is None:
            break
    assert seen == uids


async def test_an_item_larger_than_a_page_is_said_and_hides_no_other(tools: Tools, rest: Rest) -> None:
    small = {"title": "small", "content": "c"}
    uids = [
        (await rest.create(NOTE, payload))["uid"]
        for payload in (small, {"title": "large", "content": "word " * 40_000}, small)
    ]
    page = json.loads(text_of(await tools.result("list_notes", view="full")))
    assert [item["uid"] for item in page["items"]] == uids
    assert page["items"][1]["size"] > 200_000
    assert "payload" not in page["items"][1]


async def test_fields_are_chosen_by_the_tools_names_and_by_the_apis(tools: Tools) -> None:
    await tools.create(TASK, due_date="2027-01-01", additional_fields={"colour": "red"})
    for name in ("due_date", "dueDate"):
        result = await tools.result("list_tasks", fields=[name, "colour"])
        page = json.loads(text_of(result))
        (item,) = page["items"]
        assert (page["total"], "hint" in page) == (1, False)
        assert item["payload"] == {"dueDate": "2027-01-01", "colour": "red"}


@each_entity
@pytest.mark.parametrize(
    "operation", [row for row in OPERATIONS if row.writes], ids=lambda operation: operation.verb
)
async def test_a_write_says_what_it_did_and_how_to_undo_it(
    operation: Operation, entity: Entity, tools: Tools, rest: Rest
) -> None:
    created = await tools.create(entity)
    parent = {} if operation.on_item else await tools.parent_of(entity)
    arguments = {**arguments_for(operation, entity, created["uid"]), **parent}
    result = await tools.result(operation.tool_name(entity), **arguments)
    done = json.loads(text_of(result))
    assert result.structured_content == done
    if done["change"] == "none":
        assert "undo" not in done
        return
    assert done.keys() == {"uid", "version", "change", "fields", "undo"}
    change = done["undo"].removeprefix("undo change=")
    answer = await rest.json("POST", "/v1/undo", json={"change_id": change})
    assert [undone["uid"] for undone in answer["undone"]] == [done["uid"]]


async def test_the_fields_of_a_write_have_the_tools_names(tools: Tools) -> None:
    created = await tools.create(TASK)
    done = json.loads(
        text_of(await tools.result("patch_task", uid=created["uid"], updates={"due_date": "2027-01-02"}))
    )
    assert done["fields"] == ["due_date"]
    assert done["change"] == "updated"
    again = json.loads(
        text_of(await tools.result("patch_task", uid=created["uid"], updates={"due_date": "2027-01-02"}))
    )
    assert (again["change"], again["version"]) == ("none", done["version"])


async def test_hidden_characters_are_escapes_wherever_an_item_is_shown(tools: Tools, rest: Rest) -> None:
    text = f"Hello {OVERRIDE}olleh{TAG} end"
    item = await rest.create(NOTE, {"title": text, "content": text, "tags": [text]})
    comment = {"content": text, "parentType": "note", "parentUid": item["uid"]}
    await rest.create(COMMENT, comment)
    for name, arguments in (
        ("get_note", {"uid": item["uid"]}),
        ("list_notes", {}),
        ("list_notes", {"view": "full"}),
        ("list_notes", {"fields": ["title"]}),
        ("list_comments", {}),
        ("patch_note", {"uid": item["uid"], "updates": {"pinned": True}, "return_item": True}),
    ):
        result = await tools.result(name, **arguments)
        assert not result.is_error
        shown = result.model_dump_json()
        assert OVERRIDE not in shown
        assert TAG not in shown
        assert "202e" in text_of(result)
        assert result.structured_content is None
    whole = json.loads(text_of(await tools.result("get_note", uid=item["uid"])))
    assert whole["payload"]["content"] == text


async def test_an_api_that_sends_more_than_it_is_asked_for_is_asked_once() -> None:
    items = [{"uid": str(n), "version": 1, "payload": {"content": "word " * 400}} for n in range(30)]
    upstream = failing_api([httpx.Response(200, json={"items": items})])
    server = create_server(settings_for("http://127.0.0.1:8081"), transport=upstream)
    async with in_memory(server, token("ann")) as tools:
        assert "could not be understood" in await tools.refusal("list_notes", view="full")
    assert len(upstream.calls) == 1
