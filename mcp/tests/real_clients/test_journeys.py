"""Jobs of several calls in Claude Code, each decided from what it hands to its model of the call before."""

import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.harness.clients import Rest
from tests.harness.deployment import OwnStack
from tests.real_clients.claude_code import converse
from tests.real_clients.listening_proxy import ListeningProxy
from tests.real_clients.model import Model, Thinking
from tests.real_clients.programs import Programs
from tests.real_clients.proof import Way
from tests.work.model import ALL, WORK, shown
from tests.work.reading import change_in, id_in, line_with, number_before
from toolbridge_mcp.entities import CHAT, NOTE, TASK

pytestmark = [pytest.mark.anyio, pytest.mark.clients]

PAGES = 'since="'
SECTION = "# Lift\n\n## Next steps\n- Wait for the permit\n\n## Notes\nThe door sticks.\n"


def add_a_line() -> Thinking:
    """Finds a note by what it says, and adds to one of its sections."""
    found = yield "search", {"query": "door sticks", "kinds": '["note"]'}
    item = id_in(line_with(found, "Goods lift"))
    edited = yield "edit_text", {"item": item, "heading": "Next steps", "append": "- Ask Marta"}
    assert change_in(edited.splitlines()[0])
    text = yield "read", {"items": [item]}
    assert "- Wait for the permit\n- Ask Marta\n" in text


def complete_and_take_back() -> Thinking:
    """Looks around, completes what is overdue, and takes it back."""
    seen = yield "overview", {}
    overdue = number_before(seen, "overdue")
    operation = {
        "op": "process",
        "kind": "task",
        "action": "complete",
        "where": {"status": "open", "due_before": str(datetime.now(UTC).date())},
    }
    tried = yield "batch", {"operations": json.dumps([operation]), "dry_run": True}
    assert number_before(tried, "matched") == overdue
    done = yield "batch", {"operations": [operation]}
    assert number_before(done, "matched") == overdue
    undone = yield "undo", {"change": change_in(done.splitlines()[-1])}
    assert number_before(undone, "changes") == overdue


def write_what_changed() -> Thinking:
    """Goes on from page to page of what changed, reads a chat, and creates a task from it."""
    page = yield "changes", {"since": "1 hour", "limit": 4}
    lines = page.splitlines()
    while lines[-1].startswith("More: "):
        page = yield "changes", {"since": lines[-1].partition(PAGES)[2].rstrip('"'), "limit": 4}
        lines += page.splitlines()
    chat = id_in(line_with("\n".join(lines), "Roof"))
    said = yield "read", {"items": [chat], "with_messages": 10}
    title = line_with(said, "To do: ").partition("To do: ")[2].rstrip('"')
    created = yield "create_task", {"title": title, "status": "open"}
    got = yield "get_task", {"uid": json.loads(created)["uid"]}
    assert json.loads(got)["payload"]["title"] == title


async def with_the_line(rest: Rest) -> None:
    (note,) = [item for item in await stored(rest, "notes") if item["title"] == "Goods lift"]
    assert note["content"] == SECTION.replace("permit\n", "permit\n- Ask Marta\n")


async def all_open(rest: Rest) -> None:
    tasks = await stored(rest, "tasks")
    assert [task["status"] for task in tasks] == ["open"] * 6


async def with_the_task(rest: Rest) -> None:
    assert "Order slates" in [task["title"] for task in await stored(rest, "tasks")]


async def stored(rest: Rest, plural: str) -> list[dict[str, str]]:
    """The payloads of all items of a kind."""
    page = await rest.json("GET", f"/v1/{plural}?limit=100")
    return [item["payload"] for item in page["items"]]


async def store(rest: Rest) -> None:
    """Thirteen items."""
    await rest.create(NOTE, {"title": "Goods lift", "content": SECTION})
    for number in range(4):
        await rest.create(NOTE, {"title": f"Note {number}", "content": "Something else. " * 60})
    for days in range(-3, 3):
        due = str(datetime.now(UTC).date() + timedelta(days=days or 3))
        await rest.create(TASK, {"title": f"Task {days}", "status": "open", "dueDate": due})
    chat = await rest.create(CHAT, {"title": "Roof"})
    message = {"chatUid": chat["uid"], "content": "To do: Order slates", "sender": "Ann"}
    await rest.json("POST", "/v1/chat_messages", json=message)


@dataclass(frozen=True)
class Journey:
    """`most` bounds the tokens of the tools' definitions, and of all results together."""

    thinking: Callable[[], Thinking]
    tools: Sequence[str]
    outcome: Callable[[Rest], Awaitable[None]]
    transport: str
    toolset: str
    calls: int
    most: tuple[int, int]


JOURNEYS = (
    Journey(add_a_line, ("search", "edit_text", "read"), with_the_line, "http", WORK, 3, (1_600, 400)),
    Journey(complete_and_take_back, ("overview", "batch", "undo"), all_open, "sse", WORK, 4, (1_600, 600)),
    Journey(
        write_what_changed,
        ("changes", "read", "create_task", "get_task"),
        with_the_task,
        "http",
        ALL,
        7,
        (7_500, 1_000),
    ),
)


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.thinking.__name__)
async def test_a_model_in_claude_code_does_a_job(
    journey: Journey, stack: OwnStack, programs: Programs, user: str
) -> None:
    rest, proxy = Rest(stack.api_url, stack.token_of(user)), ListeningProxy(stack.url)
    await store(rest)
    model = Model(journey.thinking())
    async with proxy.serving():
        way = Way(proxy.url, journey.transport, stack.token_of(user))
        await converse(programs, way, f"{way.url}{journey.toolset}", model, *journey.tools)
    sys.stderr.write(f"{journey.thinking.__name__}: {len(model.results)} calls, {model.tokens} tokens\n")
    await journey.outcome(rest)
    await rest.aclose()
    assert [_same(text) for text in model.results] == [_same(shown(result)) for result in proxy.results]
    assert len(model.results) == journey.calls
    for tokens, most in zip(model.tokens, journey.most, strict=True):
        assert tokens <= most


def _same(text: str) -> object:
    """What a text means: of JSON, not how it is spaced."""
    return json.loads(text) if text.startswith("{") else text
