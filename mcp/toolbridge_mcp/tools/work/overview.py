"""Shows in short what there is, and what needs attention."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import Field

from toolbridge_mcp.client import Call
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.entities.entity import Number
from toolbridge_mcp.rendering import from_summary, lines, one_line, word
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.hints import READS
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.tools.work.texts import STORED, text_result
from toolbridge_mcp.tools.work.work_tool import Work, WorkArguments

MOST_DUE = 5
MOST_OTHERS = 3
"""Items of a section that are shown, if it is about due dates or not."""

TITLE_CHARACTERS = 44

MOST_STATES = 8

DUE = "due_date"
"""The field of the entities whose items the sections about due dates show."""


class OverviewArguments(WorkArguments):
    due_within_days: Number = Field(default=7, ge=0, le=365)

    async def carry_out(self, caller: Caller) -> Result:
        query = {"dueWithinDays": str(self.due_within_days)}
        if zone := caller.zone():
            query["timezone"] = str(zone)
        answer = await caller.send(Call("GET", "/v1/overview", query=query))
        return text_result(*_overview(answer.data))


def _overview(found: Mapping[str, Any]) -> Iterator[str]:
    today = date.fromisoformat(found["today"])
    yield f"{today:%A} {today}, {found['now'][11:16]} UTC; today is that of {word(found['timezone'])}."
    yield f"{', '.join(_counts(found['counts']))}."
    yield f"Below: {STORED}. read, search and changes show more."
    shown: set[str] = set()
    yield from _section("overdue", found["overdue"], shown, MOST_DUE)
    days = found["dueWithinDays"]
    yield from _section(f"due within {days} days" if days else "due today", found["dueSoon"], shown, MOST_DUE)
    yield from _section("in progress", found["inProgress"], shown, MOST_OTHERS)
    yield from _section("unread", found["unread"], shown, MOST_OTHERS, one_a_parent=True)
    for entity in ENTITIES:
        latest = found["lastChanged"].get(entity.kind, ())[:MOST_OTHERS]
        changed = [item for item in latest if item["uid"] not in shown]
        if changed and DUE not in entity.fields.model_fields:
            yield f"Last changed {entity.words['words']}:"
            yield from _lines(changed, dated=True)


def _counts(counts: Mapping[str, Any]) -> Iterator[str]:
    """Such as `242 tasks (140 open, 100 completed, 2 without status)`."""
    for entity in ENTITIES:
        if (count := counts.get(entity.kind)) is None:
            continue
        several = entity.words["words" if count["total"] != 1 else "word"]
        states = sorted(count["states"].items(), key=lambda state: -state[1]["total"])
        named = [f"{_number(number)} {word(state)}" for state, number in states[:MOST_STATES]]
        if len(states) > MOST_STATES or count.get("moreStates"):
            named.append("others")
        elif (named or entity.due) and (rest := _without_state(count)):
            named.append(f"{rest} without status")
        in_states = f" ({', '.join(named)})" if named else ""
        yield f"{_number(count)} {several}{in_states}"


def _without_state(count: Mapping[str, Any]) -> int:
    """How many items are in none of the states; 0 where not all are counted."""
    states = count["states"].values()
    if any(number.get("more") for number in (count, *states)):
        return 0
    return int(count["total"] - sum(number["total"] for number in states))


def _section(
    name: str, section: Mapping[str, Any], shown: set[str], most: int, *, one_a_parent: bool = False
) -> Iterator[str]:
    """What it is and how many there are, above the first of them. An item is shown once in all sections, and
    so is a parent; with `one_a_parent` only the first of each parent."""
    fresh: dict[str, Mapping[str, Any]] = {}
    for item in section["items"]:
        if item["uid"] not in shown:
            fresh.setdefault(((one_a_parent and item.get("parent")) or item)["uid"], item)
    items = list(fresh.values())[:most]
    above = sum(item["uid"] in shown for item in section["items"])
    shown |= {part["uid"] for item in items for part in (item, item.get("parent")) if part}
    notes = [f"{above} of them above"] if above else []
    if section["total"] > above + len(items):
        notes.append(f"the latest {len(items)} by parent" if one_a_parent else f"{len(items)} shown")
    head = ", ".join([f"{_number(section)} {name}", *notes])
    yield f"{head}:" if items else head
    yield from _lines(items, dated=False)


def _lines(items: Sequence[Mapping[str, Any]], *, dated: bool) -> list[str]:
    """The items without their texts."""
    return lines(
        [
            summary._replace(
                title=summary.title and one_line(summary.title, TITLE_CHARACTERS),
                preview=None,
                tags=(),
                version=None,
                updated_at=summary.updated_at if dated else None,
            )
            for summary in map(from_summary, items)
        ],
        with_kind=True,
    )


def _number(count: Mapping[str, Any]) -> str:
    return f"{count['total']}{'+' if count.get('more') else ''}"


OVERVIEW = Work(
    name="overview",
    about="Overview of today: what is overdue, due soon, in progress, unread and new, and counts by state.",
    arguments=OverviewArguments,
    hints=READS,
    needs=frozenset({"overview"}),
)
