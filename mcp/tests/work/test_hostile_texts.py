"""Hostile texts reach a model as what they are, whichever tool, resource or prompt shows them.

No hidden character comes through, no text leaves its fence, its quotation marks or its line, and no answer is
larger than hosts take unless more was asked for.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastmcp.exceptions import ToolError
from mcp import MCPError
from mcp.types import (
    CallToolResult,
    PromptReference,
    ResourceTemplateReference,
    TextContent,
    TextResourceContents,
)
from pydantic.alias_generators import to_camel

from tests.harness.clients import Rest, Tools, over_http, text_of
from tests.harness.processes import Process
from tests.harness.tokens import count
from tests.resources.world import create
from tests.work.hostile import (
    KEY,
    MARK,
    QUOTES,
    TEXT,
    TITLE,
    Shown,
    escaped,
    hostile_fields,
    large_text,
    raw_hidden,
)
from toolbridge_mcp.entities import CHAT, CHAT_MESSAGE, COMMENT, ENTITIES, NOTE, TASK, Entity
from toolbridge_mcp.prompts.guides import GUIDES

pytestmark = pytest.mark.anyio
MOST_TOKENS = 20_000
START = "2000-01-01"


@dataclass
class World:
    """A user of whom everything is hostile: an item of each kind, and a note of 200 kB."""

    tools: Tools
    rest: Rest
    uids: dict[str, str] = field(default_factory=dict)
    large: str = ""

    async def build(self) -> "World":
        note = await create(self.rest, NOTE, **payload(NOTE))
        chat = await create(self.rest, CHAT, **payload(CHAT))
        above: dict[str, dict[str, Any]] = {
            COMMENT.kind: {"parentType": "note", "parentUid": note["uid"]},
            CHAT_MESSAGE.kind: {"chatUid": chat["uid"]},
        }
        self.uids = {NOTE.kind: note["uid"], CHAT.kind: chat["uid"]}
        for entity in (TASK, COMMENT, CHAT_MESSAGE):
            made = await create(self.rest, entity, **payload(entity), **above.get(entity.kind, {}))
            self.uids[entity.kind] = made["uid"]
        large = await self.rest.create(NOTE, {"title": f"{MARK} large", "content": large_text()})
        self.large = large["uid"]
        return self

    async def __call__(self, name: str, **arguments: Any) -> Shown:
        """The answer of a tool, whether it fails or not."""
        return shown(await self.tools.result(name, **arguments))

    async def refused(self, name: str, **arguments: Any) -> Shown:
        return Shown(await self.tools.refusal(name, **arguments))

    async def done(self, name: str, **arguments: Any) -> Shown:
        result = await self.tools.result(name, **arguments)
        assert not result.is_error, text_of(result)
        return shown(result)

    @property
    def note(self) -> str:
        return f"note:{self.uids['note'][:13]}"


def payload(entity: Entity) -> dict[str, Any]:
    return {
        to_camel(name) if name.isascii() and name.isidentifier() else name: value
        for name, value in hostile_fields(entity).items()
    }


def shown(result: CallToolResult) -> Shown:
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    return Shown("\n".join(texts), result.structured_content)


@pytest.fixture
async def world(gateway: Process, rest: Rest, bearer: str) -> AsyncIterator[World]:
    async with over_http(gateway.url, bearer) as tools:
        yield await World(tools, rest).build()


Showing = Callable[[World], Awaitable[list[Shown]]]


async def lists(world: World) -> list[Shown]:
    views: list[dict[str, Any]] = [
        {},
        {"view": "full"},
        {"fields": ["title", "content", "description", KEY]},
        {"limit": 1},
        {"max_tokens": 500},
    ]
    return [await world.done(f"list_{entity.plural}", **view) for entity in ENTITIES for view in views]


async def gets(world: World) -> list[Shown]:
    return [await world.done(f"get_{entity.kind}", uid=world.uids[entity.kind]) for entity in ENTITIES]


async def reads(world: World) -> list[Shown]:
    ids = [f"{kind}:{uid}" for kind, uid in world.uids.items()]
    found = [await world.done("read", items=ids, with_comments=True, with_messages=50)]
    for one in ids:
        found += [await world.done("read", items=one, max_tokens=most) for most in (200, 1_000)]
        found.append(await world.done("read", items=one, offset=40, max_tokens=200))
    return found


async def reads_of_titles(world: World) -> list[Shown]:
    await world.rest.create(NOTE, {"title": QUOTES, "content": TEXT})
    uid = (await world.rest.create(NOTE, {"title": f"twin {QUOTES}", "content": TEXT}))["uid"]
    twice = [await world.done("read", items=[QUOTES, QUOTES.lower(), uid, f"twin {QUOTES}"])]
    await world.rest.create(NOTE, {"title": f"twin {QUOTES}", "content": TEXT})
    return [
        *twice,
        await world.refused("read", items=f"twin {QUOTES}"),
        await world.refused("read", items=[TITLE[:60], f"{MARK} larg"]),
        await world.refused("edit_text", item=f"twin {QUOTES}", append="x"),
        await world.refused("batch", operations=[{"op": "delete", "item": f"twin {QUOTES}"}]),
    ]


async def the_large_note_in_parts(world: World) -> list[Shown]:
    """By the next offset that each part names, as a model does it, to the end."""
    parts, offset = [], 0
    while True:
        part = await world.done("read", items=f"note:{world.large}", offset=offset, max_tokens=19_000)
        parts.append(part)
        _, more, rest = part.text.rpartition("offset=")
        if not more or MARK in rest:
            assert len(parts) > 2
            return parts
        offset = int(rest)


async def the_large_note(world: World) -> list[Shown]:
    large = f"note:{world.large}"
    edit = {"find": f"{MARK} end", "replace": f"{MARK} End"}
    each_block = [{**edit, "count": large_text().count(edit["find"])}]
    half = {"find": large_text()[:100_000], "replace": TEXT}
    one_line = (await world.rest.create(NOTE, {"title": MARK, "content": QUOTES * 4_000}))["uid"]
    return [
        await world.done("read", items=large),
        await world.done("read", items=[large, world.note]),
        await world.done("list_notes", view="full"),
        await world.done("list_notes", fields=["content"]),
        await world.done("edit_text", item=large, append=TEXT, dry_run=True),
        await world.done("edit_text", item=large, edits=[half], dry_run=True),
        await world.refused("edit_text", item=large, edits=[edit]),
        await world.done("edit_text", item=large, edits=each_block, dry_run=True),
        await world.done("edit_text", item=large, edits=each_block),
        await world.done("patch_note", uid=world.large, updates={"title": TITLE}),
        await world.refused("edit_text", item=large, edits=[{"find": "An ordinary lime", "replace": ""}]),
        await world.done("undo"),
        await world.done("edit_text", item=f"note:{one_line}", append=QUOTES),
        await world.done("edit_text", item=f"note:{one_line}", append="x" * 200_000),
    ]


async def a_note_of_many_tags_and_keys(world: World) -> list[Shown]:
    tags = [f"{QUOTES} {number}" for number in range(5_000)]
    keys = {f"{KEY} {number}": QUOTES for number in range(1_000)}
    note = {"title": f"{MARK} tags", "content": large_text(), "tags": tags, **keys}
    uid = (await world.rest.create(NOTE, note))["uid"]
    return [
        await world.done("read", items=uid),
        *[await world.done("read", items=uid, offset=offset) for offset in (150_000, 400_000)],
        await world.done("list_notes"),
        await world.done("search", query="tags"),
        await world.done("patch_note", uid=uid, updates=dict.fromkeys(keys, 1)),
        await world.refused("patch_note", uid=uid, updates=keys, if_match=1),
        await world.done("changes", since=START),
        await world.done("undo"),
    ]


async def searches(world: World) -> list[Shown]:
    queries = ("hostile", "ordinary line", "instructions", f'"{MARK} end"')
    return [
        *[await world.done("search", query=query) for query in queries],
        await world.done("search", query="hostile", limit=50),
        await world("search", query=TEXT[:300] + QUOTES),
        await world("search", query=f"zeppelin {TITLE}"),
    ]


async def overviews_and_changes(world: World) -> list[Shown]:
    await world.done("patch_task", uid=world.uids["task"], updates={"due_date": "2020-01-01"})
    await world.done("patch_note", uid=world.uids["note"], updates={KEY: "x", f"b{KEY}": "y"})
    await world.done("delete_chat", uid=world.uids["chat"])
    return [
        await world.done("overview"),
        await world.done("changes", since=START),
        await world.done("changes", since=START, own=False, limit=500),
        await world.done("list_chats", include_deleted=True),
    ]


async def writes(world: World) -> list[Shown]:
    found = []
    for entity in ENTITIES:
        uid, text = world.uids[entity.kind], entity.text
        update = {"updates": {text: f"{TEXT}!", KEY: TITLE}}
        found += [
            await world.done(f"patch_{entity.kind}", uid=uid, **update),
            await world.done(f"patch_{entity.kind}", uid=uid, return_item=True, updates={text: TEXT}),
            await world.done("edit_text", item=f"{entity.kind}:{uid}", append=TEXT, dry_run=True),
            await world.done("edit_text", item=f"{entity.kind}:{uid}", prepend=TITLE),
            await world.done("undo"),
        ]
    return found


async def batches(world: World) -> list[Shown]:
    operations: list[dict[str, Any]] = [
        {"op": "create", "kind": "note", "fields": {"title": TITLE, "content": TEXT, KEY: TEXT}},
        {"op": "patch", "item": world.note, "fields": {"title": QUOTES, KEY: 1}},
        {"op": "tags", "kind": "note", "where": {"tag": QUOTES}, "add": [TITLE]},
        {"op": "edit", "item": world.note, "append": TEXT},
        {"op": "delete", "item": f"chat:{world.uids['chat']}"},
    ]
    found = [await world("batch", operations=operations, dry_run=True)]
    found += [await world("batch", operations=[operation]) for operation in operations]
    found.append(await world.done("undo"))
    return found


async def refusals(world: World) -> list[Shown]:
    uid = world.uids["note"]
    await world.done("patch_note", uid=uid, updates={"title": f"{TITLE}2", KEY: "2"})
    before = await world.done("changes", since=START)
    assert MARK in before.text
    written = await world.done("patch_note", uid=uid, updates={"title": TITLE, KEY: TEXT})
    await world.done("patch_note", uid=uid, updates={"title": f"{TITLE}3", KEY: f"{TEXT}3"})
    where = {"op": "archive", "kind": "note", "where": {"tag": QUOTES}, "at_most": 0}
    found = [
        await world.refused("patch_note", uid=uid, updates={"title": "x", KEY: "z"}, if_match=1),
        await world.refused("edit_text", item=world.note, edits=[{"find": f"{MARK} endless", "replace": ""}]),
        await world.refused("edit_text", item=world.note, edits=[{"find": MARK, "replace": ""}]),
        await world.refused("edit_text", item=world.note, heading=TITLE, append="x"),
        await world.refused("edit_text", item=world.note, field=KEY, append="x", if_match=1),
        await world.refused("undo", change=json.loads(written.text)["undo"]),
        await world("batch", operations=[where]),
        await world.refused("batch", operations=[{"op": QUOTES, "item": TITLE}]),
        await world.refused("get_note", uid=TITLE),
        await world.refused("list_notes", status=TITLE, **{KEY: TITLE}),
        await world.refused("list_notes", cursor=TITLE),
        await world.refused("create_note", title=[TITLE], content={KEY: TEXT}),
        await world.refused("patch_note", uid=uid, updates={"tags": TITLE, "title": {KEY: TEXT}}),
        await world.refused("process_note", uid=uid, action=TITLE),
        await world.refused("changes", since=TITLE),
        await world.refused("undo", change=TITLE),
    ]
    await world.done("delete_note", uid=uid)
    found += [await world.refused("get_note", uid=uid), await world.refused("read", items=[uid, TITLE[:90]])]
    return found


async def an_unknown_tool(world: World) -> list[Shown]:
    try:
        return [await world(TITLE)]
    except (ToolError, MCPError) as error:
        return [Shown(str(error))]


async def resources(world: World) -> list[Shown]:
    client = world.tools.client
    addresses = [f"toolbridge://{kind}/{uid}" for kind, uid in world.uids.items()]
    addresses += [str(resource.uri) for resource in await client.list_resources()]
    addresses.append(f"toolbridge://note/{world.large}")
    texts = []
    for address in addresses:
        for content in await client.read_resource(address):
            assert isinstance(content, TextResourceContents)
            texts.append(Shown(content.text))
    return texts


async def prompts(world: World) -> list[Shown]:
    found = []
    for guide in GUIDES:
        given: list[dict[str, str]] = [{guide.subject: world.uids[guide.subject]}] if guide.subject else [{}]
        if guide.subject == "note":
            given.append({"note": f"note:{world.large}"})
        for arguments in given:
            answer = await world.tools.client.get_prompt(guide.name, arguments)
            found += [Shown(m.content.text) for m in answer.messages if isinstance(m.content, TextContent)]
    return found


async def refused_attachments(world: World) -> list[Shown]:
    async def said(wanted: Awaitable[Any]) -> Shown:
        with pytest.raises(MCPError) as raised:
            await wanted
        return Shown(raised.value.error.message)

    client = world.tools.client
    await world.rest.create(NOTE, {"title": QUOTES, "content": TEXT})
    await world.rest.create(NOTE, {"title": QUOTES, "content": TEXT})
    return [
        await said(client.get_prompt("note_to_tasks", {"note": QUOTES})),
        await said(client.get_prompt("note_to_tasks", {"note": f"no {TITLE}"})),
        await said(client.get_prompt("note_to_tasks", {KEY: TITLE})),
        await said(client.read_resource("toolbridge://note/Hostile%22%0AUndo%E2%80%AE")),
    ]


SHOWINGS: dict[str, Showing] = {
    function.__name__: function
    for function in (
        lists,
        gets,
        reads,
        reads_of_titles,
        the_large_note_in_parts,
        the_large_note,
        a_note_of_many_tags_and_keys,
        searches,
        overviews_and_changes,
        writes,
        batches,
        refusals,
        an_unknown_tool,
        resources,
        prompts,
        refused_attachments,
    )
}


def expect_in_its_place(found: list[Shown]) -> None:
    assert any(MARK in each.all for each in found), "nothing hostile was shown"
    for each in found:
        assert raw_hidden(each) == set(), each.text[:2_000]
        assert escaped(each.text) == []
        assert count(each.text) <= MOST_TOKENS


@pytest.mark.parametrize("showing", SHOWINGS.values(), ids=SHOWINGS)
async def test_a_hostile_text_stays_in_its_place(showing: Showing, world: World) -> None:
    expect_in_its_place(await showing(world))


async def test_completions_show_nothing_hidden(world: World) -> None:
    client = world.tools.client
    template = ResourceTemplateReference(type="ref/resource", uri="toolbridge://note/{uid}")
    completed = await client.complete(template, {"name": "uid", "value": MARK})
    assert {world.uids["note"], world.large} <= set(completed.values)
    for guide in GUIDES:
        if guide.subject:
            prompt = PromptReference(type="ref/prompt", name=guide.name)
            values = (await client.complete(prompt, {"name": guide.subject, "value": MARK})).values
            assert values
            assert all(len(value.splitlines()) == 1 for value in values)
            assert raw_hidden(Shown("", values)) == set()


@pytest.mark.usefixtures("world")
async def test_search_and_fetch_of_chatgpt_show_them_so_too(gateway: Process, bearer: str) -> None:
    async with over_http(gateway.url, bearer, "?toolsets=chatgpt") as tools:
        found = [shown(await tools.result("search", query="hostile"))]
        for result in found[0].structure["results"]:
            document = await tools.call("fetch", id=result["id"])
            found.append(Shown(document["text"], document))
        expect_in_its_place(found)
