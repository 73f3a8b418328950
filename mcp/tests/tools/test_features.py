"""Tools that the API cannot serve are not offered."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.harness.clients import in_memory, settings_for
from tests.harness.first_generation import first_generation
from tests.harness.lesser_api import LesserApi
from tests.harness.processes import Process, free_port, gateway_process, running
from tests.tools.test_toolsets import DEFAULT, NAMES, Connect, each_way, listed
from toolbridge_mcp.app import create_server
from toolbridge_mcp.tools.offers import DESCRIPTION_SECONDS
from toolbridge_mcp.tools.toolsets import CRUD
from toolbridge_mcp.tools.work import ALL_WORK

pytestmark = pytest.mark.anyio

ARGUMENTS: dict[str, dict[str, Any]] = {
    "search": {"query": "x"},
    "read": {"items": ["note:3f9a01bc"]},
    "overview": {},
    "changes": {"since": "24 hours"},
    "batch": {"operations": [{"op": "archive", "kind": "note", "uid": "3f9a01bc"}]},
    "edit_text": {"item": "note:3f9a01bc", "append": "x"},
    "undo": {},
    "whoami": {},
}
"""Of a call of each tool that an API with all features could answer."""

NEEDED = sorted({feature for work in ALL_WORK for feature in work.needs})


@pytest.mark.parametrize("feature", NEEDED)
async def test_tools_that_need_what_the_api_lacks_are_not_offered(
    feature: str, api: Process, bearer: str
) -> None:
    lesser = LesserApi([feature])
    async with in_memory(create_server(settings_for(api.url), transport=lesser), bearer) as tools:
        names = await listed(tools)
        lacking = [work for work in ALL_WORK if feature in work.needs]
        assert lacking
        assert names == [name for name in DEFAULT if name not in {work.name for work in lacking}]
        for work in lacking:
            refusal = await tools.refusal(work.name, **ARGUMENTS[work.name])
            assert refusal.startswith(f"The API behind this server is older: it has no {feature}, which")
            assert "Nothing was done." in refusal


async def test_an_argument_that_needs_what_the_api_lacks_is_refused(api: Process, bearer: str) -> None:
    lesser = LesserApi(["changesOfClient"])
    async with in_memory(create_server(settings_for(api.url), transport=lesser), bearer) as tools:
        assert "No changes since" in await tools.text("changes", since="24 hours")
        refusal = await tools.refusal("changes", since="24 hours", client="claude-code")
        assert refusal.startswith("The API behind this server is older: it has no changesOfClient, which")


@each_way
async def test_in_front_of_the_oldest_api_there_are_the_forty(
    connect: Connect, tmp_path: Path, bearer: str
) -> None:
    with running(first_generation(tmp_path)) as api, running(gateway_process(api.url, tmp_path)) as process:
        async with connect(process.url, bearer, "") as tools:
            assert await listed(tools) == NAMES[CRUD]
            assert await tools.refusal("search", query="x")
        async with connect(process.url, bearer, "?toolsets=work") as tools:
            assert await listed(tools) == [work.name for work in ALL_WORK if not work.needs]


async def test_lists_at_once_ask_the_api_once(api: Process, bearer: str) -> None:
    lesser = LesserApi(NEEDED)
    server = create_server(settings_for(api.url, api_wait_seconds=0), transport=lesser)
    async with in_memory(server, bearer) as tools:
        lists = await asyncio.gather(*(listed(tools) for _ in range(10)))
        assert lists == [NAMES[CRUD]] * 10
        assert lesser.descriptions <= 2


async def test_where_the_api_does_not_answer_all_are_offered_soon(bearer: str) -> None:
    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(keep_silent, "127.0.0.1", 0) as silent:
        for port in (free_port(), silent.sockets[0].getsockname()[1]):
            server = create_server(settings_for(f"http://127.0.0.1:{port}"))
            async with in_memory(server, bearer) as tools:
                began = time.monotonic()
                assert await listed(tools) == DEFAULT
                assert time.monotonic() - began < DESCRIPTION_SECONDS + 2
