"""Ten everyday jobs: what the user says, what happened before, and what must be stored and said afterwards.

How a model does them is in `doing.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.work import life
from tests.work.life import Item
from tests.work.person import Person

Said = dict[str, Any]
"""What the model says to the user at the end, by subject."""

NEW_LINE = "- Ask Marta for the inspection report"
NEW_TAG = "quarterly"
PHONE, SHEET = "phone", "sheet-import"
"""Other programs of the same user."""

CLOCK_SECONDS = 0.005
"""The API's times are whole milliseconds."""


async def _nothing(_: Person) -> None:
    """Nothing happened before."""


@dataclass(frozen=True)
class Journey:
    name: str
    asked: str
    expect: Callable[[Person, dict[str, Item]], Said]
    """Changes what `Person` expects, given what is stored, and returns what the model must have said."""
    before: Callable[[Person], Awaitable[None]] = _nothing

    async def prepare(self, person: Person) -> str:
        """Stores everything. Returns the moment that the user names, after which `before` happens."""
        await person.store()
        await asyncio.sleep(CLOCK_SECONDS)
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        await asyncio.sleep(CLOCK_SECONDS)
        await self.before(person)
        return moment.replace("+00:00", "Z")


def _line_added(person: Person, _: dict[str, Item]) -> Said:
    """At the end of its section, before the blank line in front of the next heading."""
    payload = person.one("note", title=life.LIFT).payload
    before, after = payload["content"].split("\n\n## Photos")
    payload["content"] = f"{before}\n{NEW_LINE}\n\n## Photos{after}"
    return {}


def _overdue(person: Person) -> list[Item]:
    return person.all("task", lambda task: task["status"] == "open" and _due_in(person, task) < 0)


def _due_in(person: Person, task: life.Payload) -> int:
    """Days from today; very many without a due date."""
    if "dueDate" not in task:
        return 9999
    return (datetime.fromisoformat(task["dueDate"]).date() - person.today).days


def _overdue_completed(person: Person, _: dict[str, Item]) -> Said:
    tasks = [task for task in _overdue(person) if "garden" in task.payload["tags"]]
    for task in tasks:
        task.payload["status"] = "completed"
    return {"completed": len(tasks)}


def _tag_renamed(person: Person, stored: dict[str, Item]) -> Said:
    """The order of tags says nothing."""
    notes = person.all("note", lambda note: life.OLD_TAG in note["tags"])
    for note in notes:
        wanted = {*note.payload["tags"], NEW_TAG} - {life.OLD_TAG}
        tags = stored[note.uid].payload["tags"]
        note.payload["tags"] = tags if set(tags) == wanted and len(tags) == len(wanted) else sorted(wanted)
    return {"renamed": len(notes)}


def _comment_moved(person: Person, _: dict[str, Item]) -> Said:
    comment = person.one("comment", content=life.PROJECTOR)
    comment.payload["parentUid"] = person.one("note", title=life.ROOMS).uid
    return {}


async def _cake_deleted(person: Person) -> None:
    cake = person.one("note", title=life.CAKE)
    await person.batch([{"op": "delete", "kind": "note", "uid": cake.uid}], client=PHONE)


def _nothing_else(_: Person, __: dict[str, Item]) -> Said:
    return {}


async def _others_work(person: Person) -> None:
    """What two other programs do after the moment that the user names."""
    by_phone, by_sheet = _work_of_others(person)
    await person.batch(by_phone, client=PHONE)
    await person.batch(by_sheet, client=SHEET)


def _work_of_others(person: Person) -> tuple[list[Any], list[Any]]:
    lift = person.one("note", title=life.LIFT)
    comment = person.one("comment", content=life.PROJECTOR)
    first, second, third = person.all("task", lambda task: task["status"] == "in_progress")[:3]
    lift.payload["pinned"] = True
    comment.payload["status"] = "resolved"
    first.payload["status"] = second.payload["status"] = "completed"
    third.payload["priority"] = "urgent"
    complete = {"op": "process", "kind": "task", "action": "complete"}
    return [
        {"op": "process", "kind": "note", "uid": lift.uid, "action": "pin"},
        {"op": "process", "kind": "comment", "uid": comment.uid, "action": "resolve"},
        {**complete, "uid": first.uid},
    ], [
        {**complete, "uid": second.uid},
        {"op": "patch", "kind": "task", "uid": third.uid, "payload": {"priority": "urgent"}},
    ]


def _changes_told(person: Person, _: dict[str, Item]) -> Said:
    first, second = person.all("task", lambda task: task["status"] == "completed" and _is_late(person, task))
    third = person.one("task", priority="urgent")
    return {
        PHONE: {_title(first), life.LIFT, life.PROJECTOR},
        SHEET: {_title(second), _title(third)},
    }


def _is_late(person: Person, task: life.Payload) -> bool:
    """Whether the task is due in the future, which only those are that somebody completed before time."""
    return _due_in(person, task) > 0


def _title(item: Item) -> str:
    return str(item.payload["title"])


def _decisions_written(person: Person, stored: dict[str, Item]) -> Said:
    said = [content for _, content in life.roof_messages(person.today)]
    decisions = [content.removeprefix("Decision: ") for content in said if content.startswith("Decision: ")]
    notes = [item for uid, item in stored.items() if uid not in person.expected and item.kind == "note"]
    assert len(notes) == 1
    assert all(decision in notes[0].payload["content"] for decision in decisions)
    person.expect_new(stored, "note", title=f"Decisions: {life.ROOF}")
    for content in said:
        if content.startswith("To do: "):
            what, due = content.removeprefix("To do: ").rstrip(".").split(" by ")
            person.expect_new(stored, "task", title=what, dueDate=due, status="open")
    return {}


async def _budget_spoilt(person: Person) -> None:
    tasks = person.all("task", lambda task: "budget" in task["tags"] and task["priority"] != "low")
    wrong = [
        {"op": "patch", "kind": "task", "uid": task.uid, "payload": {"priority": "low"}} for task in tasks
    ]
    await person.batch(wrong, client=SHEET)


def _triaged(person: Person, _: dict[str, Item]) -> Said:
    for task in person.all("task", lambda task: task["status"] == "open"):
        days = _due_in(person, task.payload)
        if days < 0:
            task.payload["priority"] = "high"
        elif days <= 7:
            task.payload["priority"] = "medium"
    opened = person.all("task", lambda task: task["status"] == "open")
    priorities = [task.payload["priority"] for task in opened]
    return {name: priorities.count(name) for name in ("high", "medium", "low")}


def _owners_named(_: Person, __: dict[str, Item]) -> Said:
    return dict(zip(life.FIVE_TITLES, life.OWNERS, strict=True))


JOURNEYS = (
    Journey(
        "add a line",
        "In one of my notes it says that the goods lift waits for the inspector. Add under its Next steps: "
        "ask Marta for the inspection report.",
        _line_added,
    ),
    Journey("complete overdue", "Complete all overdue tasks with the tag garden.", _overdue_completed),
    Journey("rename a tag", f"Rename the tag {life.OLD_TAG} of my notes to {NEW_TAG}.", _tag_renamed),
    Journey(
        "move a comment",
        f"The comment about the projector belongs on the note {life.ROOMS}. Move it.",
        _comment_moved,
    ),
    Journey(
        "bring back",
        f"My phone deleted the note {life.CAKE} after {{since}}. Bring it back.",
        _nothing_else,
        before=_cake_deleted,
    ),
    Journey(
        "what changed",
        "What has changed since {since}, and which program did it?",
        _changes_told,
        before=_others_work,
    ),
    Journey(
        "sum up a chat",
        f"Write the decisions of the chat {life.ROOF} into a note, and make a task of each to-do.",
        _decisions_written,
    ),
    Journey(
        "take back",
        "The sheet import set the priority of my budget tasks to low after {since}. Take that back.",
        _nothing_else,
        before=_budget_spoilt,
    ),
    Journey(
        "triage",
        "Make what is open and overdue high, and what is due this week medium. How many open tasks of "
        "each priority do I have then?",
        _triaged,
    ),
    Journey(
        "read five",
        f"Who is responsible, according to my notes {', '.join(life.FIVE_TITLES)}?",
        _owners_named,
    ),
)
