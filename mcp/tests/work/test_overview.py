"""`overview`: what there is, and what needs attention."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.harness.clients import Rest, Tools
from tests.harness.recording import Recording
from tests.harness.tokens import count
from toolbridge_mcp.entities import ENTITIES, NOTE, TASK

pytestmark = pytest.mark.anyio


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


async def task(tools: Tools, title: str, **fields: object) -> str:
    created = await tools.call("create_task", title=title, **fields)
    return f"task:{created['uid'][:8]}"


async def test_it_says_how_many_there_are_of_each_kind_and_state(tools: Tools) -> None:
    for status in ("open", "open", "in_progress", "completed"):
        await task(tools, "t", status=status)
    await tools.call("create_note", title="n", content="c")
    lines = (await tools.text("overview")).splitlines()
    assert lines[0].startswith(f"{datetime.now(UTC):%A} {in_days(0)}, ")
    assert lines[1] == (
        "1 note, 4 tasks (2 open, 1 completed, 1 in_progress), 0 comments, 0 chats, 0 chat messages."
    )


async def test_items_without_a_status_are_counted_too(tools: Tools, rest: Rest) -> None:
    await task(tools, "t")
    assert "1 task (1 without status)" in await tools.text("overview")
    await task(tools, "t", status="open")
    await task(tools, "t")
    for payload in ({}, {"status": "archived"}):
        await rest.create(NOTE, {"title": "n", "content": "c", **payload})
    counts = (await tools.text("overview")).splitlines()[1]
    assert counts.startswith("2 notes (1 archived, 1 without status), 3 tasks (1 open, 2 without status), ")
    for number in range(8):
        await rest.create(TASK, {"title": "t", "status": f"own{number}"})
    assert "others), 0 comments" in await tools.text("overview")


async def test_sections_show_what_needs_attention_each_item_once(tools: Tools) -> None:
    late = await task(tools, "Late", due_date=in_days(-2), priority="high")
    late_and_begun = await task(tools, "Late and begun", due_date=in_days(-1), status="in_progress")
    soon = await task(tools, "Soon", due_date=in_days(5))
    begun = await task(tools, "Begun", status="in_progress")
    await task(tools, "Far", due_date=in_days(30))
    await task(tools, "Done", due_date=in_days(-5), status="completed")
    text = await tools.text("overview")
    _, rest = text.split("2 overdue:\n")
    overdue, rest = rest.split("1 due within 7 days:\n")
    due, rest = rest.split("2 in progress, 1 of them above:\n")
    assert overdue.splitlines() == [
        f'{late} high due {in_days(-2)} "Late"',
        f'{late_and_begun} in_progress due {in_days(-1)} "Late and begun"',
    ]
    assert due.startswith(soon)
    assert rest.startswith(begun)
    assert rest.splitlines()[1] == "0 unread"
    assert "Far" not in text
    assert "Done" not in text
    assert "1 due today" not in await tools.text("overview", due_within_days=0)
    assert "2 due within 40 days" in await tools.text("overview", due_within_days=40)


async def test_of_unread_messages_the_latest_of_each_chat_is_shown(tools: Tools) -> None:
    for title in ("Roof", "Garden"):
        chat = (await tools.call("create_chat", title=title))["uid"]
        for number in range(3):
            await tools.call("create_chat_message", chat_uid=chat, content=f"{title} message {number}")
    text = await tools.text("overview")
    assert "6 unread, the latest 2 by parent:" in text
    assert '"Roof" "Roof message 2"' in text
    assert '"Garden" "Garden message 2"' in text
    assert "message 1" not in text


async def test_a_user_with_nothing_gets_zeros(tools: Tools, upstream: Recording) -> None:
    text = await tools.text("overview")
    counts = ", ".join(f"0 {entity.words['words']}" for entity in ENTITIES)
    assert text.splitlines()[1] == f"{counts}."
    assert text.endswith("0 overdue\n0 due within 7 days\n0 in progress\n0 unread")
    assert len(upstream.calls) == 1


async def test_a_full_account_costs_less_than_700_tokens(tools: Tools) -> None:
    for number in range(60):
        due = in_days(number - 40)
        status = ("open", "in_progress", "completed")[number % 3]
        title = f"Prepare part {number} of the quarterly report for the board"
        await task(tools, title, due_date=due, status=status, priority="high", tags=["work"])
        await tools.call(
            "create_note", title=f"Minutes of the meeting {number} about the budget", content="c" * 99
        )
    for number in range(12):
        chat = (await tools.call("create_chat", title=f"Roof repair of house {number}"))["uid"]
        content = f"The roofer comes on Friday at {number}, if it does not rain too much that day"
        await tools.call("create_chat_message", chat_uid=chat, content=content, sender="Ann")
    assert count(await tools.text("overview")) < 700


async def test_stored_texts_stay_within_their_lines(tools: Tools, rest: Rest) -> None:
    payload = {"title": 'x"\n99 overdue\u202e', "dueDate": in_days(-1), "priority": "p\n9 in progress"}
    await rest.create(TASK, payload)
    text = await tools.text("overview")
    assert '"x\\" 99 overdue\\u202e"' in text
    assert "\n99" not in text
    assert "\n9 in" not in text


async def test_days_out_of_range_are_refused(tools: Tools, upstream: Recording) -> None:
    assert "due_within_days should be a whole number from 0 to 365" in await tools.refusal(
        "overview", due_within_days=366
    )
    assert upstream.calls == []
