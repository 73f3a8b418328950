"""How a model does the ten jobs. It decides from the answers alone, and takes the plain way.

Every function is given what the model knows without a call: the day, and the moment that the user named.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

from tests.work.journeys import NEW_TAG, PHONE, SHEET, Said
from tests.work.life import FIVE_TITLES, OLD_TAG, ROOF, ROOMS
from tests.work.model import Model
from tests.work.reading import change_in, id_in, line_with, number_before

PRIORITIES = ("high", "medium", "low")

Doing = Callable[[Model, date, str], Awaitable[Said]]


async def add_a_line(model: Model, _: date, __: str) -> Said:
    found = await model.call("search", query="goods lift inspector", kinds=["note"])
    item = id_in(line_with(found, "lift", "inspector"))
    await model.call(
        "edit_text", item=item, heading="Next steps", append="- Ask Marta for the inspection report"
    )
    return {}


async def complete_overdue(model: Model, today: date, _: str) -> Said:
    where = {"tag": "garden", "status": "open", "due_before": str(today)}
    operation = {"op": "process", "kind": "task", "action": "complete", "where": where}
    done = await model.call("batch", operations=[operation])
    return {"completed": number_before(done, "matched")}


async def rename_a_tag(model: Model, _: date, __: str) -> Said:
    operation = {
        "op": "tags",
        "kind": "note",
        "where": {"tag": OLD_TAG},
        "add": [NEW_TAG],
        "remove": [OLD_TAG],
    }
    done = await model.call("batch", operations=[operation])
    return {"renamed": number_before(done, "matched")}


async def move_a_comment(model: Model, _: date, __: str) -> Said:
    comment, parent = await _comment_and_new_parent(model)
    await model.call("batch", operations=[{"op": "patch", "item": comment, "fields": parent}])
    return {}


async def move_with_tools_of_entities(model: Model, _: date, __: str) -> Said:
    comment, parent = await _comment_and_new_parent(model)
    await model.call("patch_comment", uid=comment, updates=parent)
    return {}


async def _comment_and_new_parent(model: Model) -> tuple[str, dict[str, str]]:
    comment = id_in(line_with(await model.call("search", query="projector", kinds=["comment"]), "projector"))
    note = id_in(line_with(await model.call("search", query=f'"{ROOMS}"', kinds=["note"]), ROOMS))
    return comment, {"parent_type": "note", "parent_uid": note}


async def bring_back(model: Model, _: date, since: str) -> Said:
    changes = await model.call("changes", since=since, kinds=["note"])
    await model.call("undo", change=change_in(line_with(changes, "deleted", "plum cake")))
    return {}


async def what_changed(model: Model, _: date, since: str) -> Said:
    changes = await model.call("changes", since=since)
    said: Said = {PHONE: set(), SHEET: set()}
    for line in changes.splitlines():
        for client in said:
            if client in line:
                said[client].add(re.findall(r'"([^"]*)"', line)[-1])
    return said


async def sum_up_a_chat(model: Model, _: date, __: str) -> Said:
    note, tasks = _summed_up(await model.call("read", items=[ROOF], with_messages=50))
    operations = [
        {"op": "create", "kind": "note", "fields": note},
        *({"op": "create", "kind": "task", "fields": task} for task in tasks),
    ]
    await model.call("batch", operations=operations)
    return {}


async def sum_up_with_tools_of_entities(model: Model, _: date, __: str) -> Said:
    note, tasks = _summed_up(await model.call("read", items=[ROOF], with_messages=50))
    await model.call("create_note", **note)
    for task in tasks:
        await model.call("create_task", **task)
    return {}


def _summed_up(said: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The note and the tasks that follow from what was said in a chat."""
    decisions = re.findall(r'Decision: ([^"\n]*)', said)
    to_do = re.findall(r"To do: (.*) by (\d{4}-\d\d-\d\d)\.", said)
    note = {"title": f"Decisions: {ROOF}", "content": "\n".join(f"- {decision}" for decision in decisions)}
    return note, [{"title": title, "due_date": due, "status": "open"} for title, due in to_do]


async def take_back(model: Model, _: date, since: str) -> Said:
    changes = await model.call("changes", since=since, kinds=["task"])
    assert SHEET in changes
    await model.call("undo", change=change_in(line_with(changes, "priority")))
    return {}


async def triage(model: Model, today: date, _: str) -> Said:
    await _set_priorities(model, today)
    tried = await model.call(
        "batch",
        dry_run=True,
        operations=[_priority(name, {"status": "open", "priority": name}) for name in PRIORITIES],
    )
    return dict(zip(PRIORITIES, map(int, re.findall(r"(\d+) matched", tried)), strict=True))


async def triage_with_tools_of_entities(model: Model, today: date, _: str) -> Said:
    await _set_priorities(model, today)
    lists = {
        name: await model.call("list_tasks", status="open", priority=name, limit=1) for name in PRIORITIES
    }
    return {name: number_before(listed, "tasks") for name, listed in lists.items()}


async def _set_priorities(model: Model, today: date) -> None:
    await model.call("overview")
    overdue = {"status": "open", "due_before": str(today)}
    soon = {"status": "open", "due_after": str(today), "due_before": str(today + timedelta(days=8))}
    await model.call("batch", operations=[_priority("high", overdue), _priority("medium", soon)])


def _priority(name: str, where: dict[str, str]) -> dict[str, object]:
    return {"op": "patch", "kind": "task", "where": where, "fields": {"priority": name}}


async def read_five(model: Model, _: date, __: str) -> Said:
    text = await model.call("read", items=list(FIVE_TITLES))
    named = re.findall(r"Responsible: (\w+)", text)
    return dict(zip(FIVE_TITLES, named, strict=True))


DOING: dict[str, Doing] = {
    "add a line": add_a_line,
    "complete overdue": complete_overdue,
    "rename a tag": rename_a_tag,
    "move a comment": move_a_comment,
    "bring back": bring_back,
    "what changed": what_changed,
    "sum up a chat": sum_up_a_chat,
    "take back": take_back,
    "triage": triage,
    "read five": read_five,
}
"""With the small set of tools."""

DOING_WITH_ALL: dict[str, Doing] = {
    **DOING,
    "move a comment": move_with_tools_of_entities,
    "sum up a chat": sum_up_with_tools_of_entities,
    "triage": triage_with_tools_of_entities,
}
"""With all tools, of which a model takes those with the plainest names."""
