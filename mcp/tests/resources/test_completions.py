"""Ids are completed by title."""

import pytest
from mcp.types import Completion, PromptReference, ResourceTemplateReference

from tests.harness.clients import Rest, Tools, over_http, over_sse, token
from tests.harness.processes import Process
from tests.resources.test_resources import older
from tests.resources.world import Connect, create, each_connection, read
from toolbridge_mcp.entities import CHAT, COMMENT, NOTE, TASK

pytestmark = pytest.mark.anyio
__all__ = ["older"]


async def completed(tools: Tools, begun: str, kind: str = "note", argument: str = "uid") -> Completion:
    reference = ResourceTemplateReference(type="ref/resource", uri=f"toolbridge://{kind}/{{uid}}")
    completion: Completion = await tools.client.complete(reference, {"name": argument, "value": begun})
    return completion


@each_connection
async def test_a_template_is_completed_by_the_beginning_of_a_title(
    connect: Connect, gateway: Process, rest: Rest, bearer: str
) -> None:
    plan = (await create(rest, NOTE, title="Weekly plan", content="c"))["uid"]
    creme = (await create(rest, NOTE, title="Crème brûlée", content="weekly plan"))["uid"]
    tokyo = (await create(rest, NOTE, title="東京都の計画", content="c"))["uid"]
    await create(rest, TASK, title="Weekly plan")
    async with connect(gateway.url, bearer) as tools:
        for begun, found in {
            "wee": [plan],
            "Weekly P": [plan],
            "plan": [plan],
            "CREME": [creme],
            "京都": [tokyo],
            plan[:8]: [plan],
            f"note:{creme}": [creme],
            "nothing": [],
            "": [tokyo, creme, plan],
            '-"': [tokyo, creme, plan],
        }.items():
            completion = await completed(tools, begun)
            assert completion.values == found, begun
            assert completion.total == len(found)
            assert not completion.has_more
        (uid,) = (await completed(tools, "weekly")).values
        assert '"Weekly plan"' in await read(tools, f"toolbridge://note/{uid}")


async def test_titles_that_begin_so_come_first(gateway: Process, rest: Rest, bearer: str) -> None:
    first = (await create(rest, NOTE, title="Budget", content="c"))["uid"]
    second = (await create(rest, NOTE, title="The budget", content="c"))["uid"]
    async with over_http(gateway.url, bearer) as tools:
        assert (await completed(tools, "bud")).values == [first, second]


async def test_what_has_no_title_is_completed_by_its_first_line(
    gateway: Process, rest: Rest, bearer: str
) -> None:
    comment = (await create(rest, COMMENT, content="Agreed, since\nThursday"))["uid"]
    async with over_http(gateway.url, bearer) as tools:
        assert (await completed(tools, "agr", "comment")).values == [comment]
        assert (await completed(tools, "thurs", "comment")).values == []


async def test_values_are_bounded(gateway: Process, rest: Rest, bearer: str) -> None:
    for number in range(51):
        await create(rest, NOTE, title=f"Minutes {number}", content="c")
    async with over_sse(gateway.url, bearer) as tools:
        for begun in ("minutes", ""):
            completion = await completed(tools, begun)
            assert len(completion.values) == 50
            assert completion.has_more
            assert completion.total is None
        assert (await completed(tools, "x " * 30_000)).values == []


@each_connection
async def test_a_prompts_argument_is_completed_with_titles_that_it_takes(
    connect: Connect, gateway: Process, rest: Rest, bearer: str
) -> None:
    chat = await create(rest, CHAT, title='Kick-off "Ñ" (2026)')
    reference = PromptReference(type="ref/prompt", name="chat_outcome")
    async with connect(gateway.url, bearer) as tools:
        for begun in ("kick", "off", chat["uid"], ""):
            completion = await tools.client.complete(reference, {"name": "chat", "value": begun})
            (value,) = completion.values
            assert value == f'Kick-off "Ñ" (2026) ({chat["uid"][:8]})'
        prompt = await tools.client.get_prompt("chat_outcome", {"chat": value})
        assert f"chat:{chat['uid'][:8]}" in prompt.model_dump_json()


async def test_what_cannot_be_completed_has_no_values(
    gateway: Process, rest: Rest, user: str, bearer: str, older: Process
) -> None:
    await create(rest, NOTE, title="Weekly plan")
    nothing = Completion(values=[], total=0, has_more=False)
    async with over_sse(gateway.url, bearer) as tools:
        for kind, argument in (("note", "other"), ("nothing", "uid"), ("note/x", "uid")):
            assert await completed(tools, "wee", kind, argument) == nothing
        for name, argument in (("chat_outcome", "other"), ("weekly_review", "chat"), ("nothing", "chat")):
            reference = PromptReference(type="ref/prompt", name=name)
            assert await tools.client.complete(reference, {"name": argument, "value": ""}) == nothing
    async with over_sse(gateway.url, token(user, scope="write")) as tools:
        assert await completed(tools, "wee") == nothing
    async with over_http(older.url, bearer) as tools:
        made = await tools.call("create_note", title="Weekly plan", content="c")
        assert await completed(tools, "wee") == nothing
        assert (await completed(tools, "")).values == [made["uid"]]
