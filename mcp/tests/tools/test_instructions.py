"""What a model is told first: true of the tools that the client has, and short."""

import re
from pathlib import Path

import pytest

from tests.harness.clients import Tools, over_http, token
from tests.harness.first_generation import first_generation
from tests.harness.processes import Process, gateway_process, running
from tests.tools.test_toolsets import Connect, each_way
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.tools.instructions import MAX_CHARACTERS, STORED_TEXT

pytestmark = pytest.mark.anyio

TOLD_APART = ("search", "fetch", "overview", "batch", "edit_text", "undo", "dry_run", "if_match")
"""Names of tools and arguments that are no words of other sentences."""


async def expect_true(tools: Tools) -> str:
    """The instructions, which must speak of the tools that there are, and of no other."""
    says = tools.client.instructions or ""
    there = {tool.name: tool.input_schema["properties"] for tool in await tools.client.list_tools()}
    known = {*there, *(name for properties in there.values() for name in properties)}
    for name in TOLD_APART:
        assert bool(re.search(rf"\b{name}\b", says)) == (name in known), f"{name}: {says}"
    assert len(says) <= MAX_CHARACTERS
    assert says.endswith(STORED_TEXT)
    return says


@each_way
@pytest.mark.parametrize("query", ["", "?toolsets=crud", "?toolsets=work"])
async def test_they_speak_of_the_tools_that_the_client_has(
    query: str, connect: Connect, gateway: Process, bearer: str
) -> None:
    async with connect(gateway.url, bearer, query) as tools:
        says = await expect_true(tools)
    if query != "?toolsets=work":
        assert says.startswith("Notes, tasks, comments (on notes and tasks), chats and chat messages of ")
        assert f"such as {ENTITIES[0].kind}:3f9a01bc;" in says


async def test_who_may_not_write_is_not_told_how(gateway: Process, user: str) -> None:
    async with over_http(gateway.url, token(user, scope="read")) as tools:
        assert "if_match" not in await expect_true(tools)


async def test_they_fit_the_deployment(api: Process, tmp_path: Path, bearer: str) -> None:
    with running(gateway_process(api.url, tmp_path, TOOLBRIDGE_TOOLS="tasks")) as process:
        async with over_http(process.url, bearer) as tools:
            says = await expect_true(tools)
    assert says.startswith("Tasks of the signed-in user. ")
    assert "such as task:3f9a01bc;" in says
    assert "note" not in says


async def test_they_fit_the_api(tmp_path: Path, bearer: str) -> None:
    with (
        running(first_generation(tmp_path)) as api,
        running(gateway_process(api.url, tmp_path)) as process,
    ):
        async with over_http(process.url, bearer) as tools:
            await tools.client.list_tools()
        async with over_http(process.url, bearer) as tools:
            await expect_true(tools)
