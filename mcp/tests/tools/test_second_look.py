"""Errors that say more than the API's sentence: candidates, what changed since, what stands in the way."""

from typing import Any
from uuid import uuid4

import pytest

from tests.harness.clients import Tools
from tests.harness.recording import Recording
from toolbridge_mcp.entities import NOTE, TASK

pytestmark = pytest.mark.anyio


async def test_a_version_conflict_shows_the_present_values(tools: Tools, upstream: Recording) -> None:
    created = await tools.call("create_note", title="Plan", content="one")
    uid = created["uid"]
    await tools.result("patch_note", uid=uid, updates={"title": 'New "plan"\u202e', "tags": ["ops"]})
    before = len(upstream.calls)
    refusal = await tools.refusal("patch_note", uid=uid, if_match=1, updates={"content": "two"})
    assert "has changed since that version; nothing was written." in refusal
    assert r'Present values: tags ["ops"], title "New \"plan\"\u202e", content "one".' in refusal
    assert "repeat it with if_match=2; get_note reads the item whole" in refusal
    assert len(upstream.calls) == before + 2
    again = await tools.result("patch_note", uid=uid, if_match=2, updates={"content": "two"})
    assert not again.is_error


async def test_a_version_conflict_says_what_changed_and_by_whom(tools: Tools) -> None:
    created = await tools.call("create_task", title="Plan", due_date="2026-12-04")
    await tools.call("patch_task", uid=created["uid"], updates={"due_date": "2026-12-05"})
    refusal = await tools.refusal("process_task", uid=created["uid"], action="complete", if_match=1)
    assert "v2 20" in refusal
    assert ": updated due_date." in refusal
    assert 'Present values: due_date "2026-12-05".' in refusal


async def test_the_values_of_a_conflict_are_cut(tools: Tools) -> None:
    created = await tools.call("create_note", title="t" * 1000, content="c")
    await tools.call("patch_note", uid=created["uid"], updates={"tags": ["a"]})
    fields = {"title": "x", "content": "y", "tags": [], "pinned": True, "status": "active"}
    refusal = await tools.refusal("patch_note", uid=created["uid"], if_match=1, updates=fields)
    assert 'title "ttt' in refusal
    assert len(refusal) < 1000


async def test_the_id_of_another_kind_is_said_to_be_one(tools: Tools) -> None:
    task = await tools.create(TASK)
    refusal = await tools.refusal("get_note", uid=task["uid"])
    assert "The user has no note with this uid." in refusal
    assert "It is the id of a task: use get_task." in refusal
    assert "It is the id" not in await tools.refusal("get_note", uid=str(uuid4()))


async def test_a_parent_of_another_kind_is_said_to_be_one(tools: Tools) -> None:
    task = await tools.create(TASK)
    comment = {"content": "c", "parent_type": "note", "parent_uid": task["uid"]}
    refusal = await tools.refusal("create_comment", **comment)
    assert "It is the id of a task." in refusal
    missing = await tools.refusal("create_comment", **{**comment, "parent_uid": str(uuid4())})
    assert "It is the id" not in missing


async def test_a_heading_that_is_not_there_is_refused_with_those_that_are(tools: Tools) -> None:
    note = await tools.call("create_note", title="t", content="# One\n\n## Two\n")
    refusal = await tools.refusal("edit_text", item=note["uid"], append="x", heading="Three")
    assert 'Headings: "# One", "## Two".' in refusal
    assert "Repeat it with a heading that is there, or without one" in refusal


async def test_an_ambiguous_id_lists_what_it_can_be(tools: Tools) -> None:
    uids = [f"12345678{str(uuid4())[8:]}" for _ in range(2)]
    for number, uid in enumerate(uids):
        await tools.result(
            "create_note", title=f"Note {number}\u200b", content="c", additional_fields={"uid": uid}
        )
    refusal = await tools.refusal("delete_note", uid="12345678")
    assert "nothing was done" in refusal
    for number in range(2):
        assert rf'"Note {number}\u200b"' in refusal
    ids = [part.partition(" ")[0] for part in refusal.split("note:")[1:]]
    assert len(ids) == 2
    for short in ids:
        assert (await tools.call("delete_note", uid=short))["version"] == 2


ARGUMENTS: list[tuple[str, dict[str, Any], str]] = [
    ("list_notes", {"cursor": "nonsense"}, "cursor"),
    ("create_comment", {"content": "c", "parent_type": "note", "parent_uid": str(uuid4())}, "parent"),
    ("create_chat_message", {"content": "c", "chat_uid": "12345678"}, "parent not found: 12345678"),
    ("create_note", {"title": "t", "content": "c", "additional_fields": {"a": "\0"}}, "JSON"),
]


@pytest.mark.parametrize(("tool", "arguments", "says"), ARGUMENTS, ids=lambda value: str(value)[:20])
async def test_the_apis_sentences_have_the_names_of_tools(
    tool: str, arguments: dict[str, Any], says: str, tools: Tools
) -> None:
    refusal = await tools.refusal(tool, **arguments)
    assert says in refusal
    for name in ("nextCursor", "parentUid", "chatUid", "If-Match", "/v1/"):
        assert name not in refusal


async def test_a_deleted_item_is_said_to_be_deleted(tools: Tools) -> None:
    created = await tools.create(NOTE)
    await tools.call("delete_note", uid=created["uid"])
    refusal = await tools.refusal("patch_note", uid=created["uid"], updates={"title": "x"})
    assert "This note has been deleted." in refusal
    assert "get_note with include_deleted still reads it" in refusal
