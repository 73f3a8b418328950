"""Every published tool is listed, and works."""

import json
from pathlib import Path

import pytest

from tests.harness.access_log import AccessLog
from tests.harness.clients import Tools, over_sse, token
from tests.harness.deployment import Deployment, OwnStack, expect_no_secret_in
from tests.harness.processes import (
    JWT_HS256_SECRET,
    TENANT_HEADER_SECRET,
    api_process,
    gateway_process,
    running,
)
from tests.harness.published import CONTRACT, CRUD, KINDS, TOOLS, required_arguments
from tests.harness.tokens import count
from tests.journeys.raw_session import raw_session
from tests.journeys.workbench import Workbench

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]

MAX_TOKENS_A_TOOL = 160


async def test_the_list_is_complete_and_small(deployment: Deployment) -> None:
    async with raw_session(deployment.url, deployment.token_of("reader")) as session:
        answer = await session.request({"id": 2, "method": "tools/list"})
    tools = json.loads(answer)["result"]["tools"]
    assert len({tool["name"] for tool in tools}) == len(tools)
    assert {tool["name"] for tool in tools} in _possible(deployment)
    assert all(tool.get("annotations") for tool in tools)
    assert count(_result(answer)) <= MAX_TOKENS_A_TOOL * len(tools)


def _possible(deployment: Deployment) -> list[frozenset[str]]:
    """The tools that there may be: an API that is not of this repository may not serve those for work."""
    return [TOOLS] if isinstance(deployment, OwnStack) else [TOOLS, CRUD]


def _result(answer: str) -> str:
    start = answer.index('"result":') + len('"result":')
    _, end = json.JSONDecoder().raw_decode(answer, start)
    return answer[start:end]


async def test_the_api_publishes_the_pinned_rules(stack: OwnStack) -> None:
    async with stack.rest("reader") as rest:
        assert (await rest.json("GET", "/v1/sync/info"))["entities"] == CONTRACT["entities"]


async def test_every_tool_succeeds(deployment: Deployment) -> None:
    async with over_sse(deployment.url, deployment.token_of("everything")) as tools:
        assert await every_tool_succeeds(tools) in _possible(deployment)


async def test_every_tool_succeeds_without_in_band_sessions(api_binary: Path, tmp_path: Path) -> None:
    """Every request then takes a session that was opened for it alone."""
    with (
        running(api_process(api_binary, tmp_path, IN_BAND_SESSIONS="false")) as api,
        running(gateway_process(api.url, tmp_path)) as gateway,
    ):
        log = await AccessLog.begin(api.log, api.url)
        async with over_sse(gateway.url, token("two-hops")) as tools:
            assert await every_tool_succeeds(tools) == TOOLS
        routes = [route for route in await log.routes() if route != "/v1/sync/info"]
    sessions = routes.count("/v1/sync/sessions")
    assert sessions
    assert sessions == len(routes) - sessions
    for process in (api, gateway):
        expect_no_secret_in(process.log, {TENANT_HEADER_SECRET, JWT_HS256_SECRET})


async def every_tool_succeeds(tools: Tools) -> set[str]:
    """The names of all tools, of which each was called and succeeded."""
    names = {tool.name for tool in await tools.client.list_tools()}
    bench = Workbench(tools, [])
    for kind in KINDS:
        await _every_operation(bench, kind)
    if names > CRUD:
        await _all_work(tools)
    assert tools.succeeded == names
    await bench.delete_everything()
    return names


async def _all_work(tools: Tools) -> None:
    """Each call is one request."""
    note = await tools.call("create_note", title="Work", content="One line")
    item = f"note:{note['uid']}"
    await tools.text("search", query="work")
    await tools.text("read", items=[item])
    await tools.text("overview")
    await tools.text("changes", since="1 hour")
    await tools.text("whoami")
    await tools.text("edit_text", item=item, append="Another line")
    await tools.text("undo")
    await tools.text("batch", operations=[{"op": "delete", "item": item}])


async def _every_operation(bench: Workbench, name: str) -> None:
    kind, tools = KINDS[name], bench.tools
    kept, item = await bench.sample(name), await bench.sample(name)
    await bench.replace(item, if_match=1, **kind.arguments(required_only=True))
    await bench.patch(item, {"tags": ["a"]})
    for action in kind.actions:
        await bench.process(item, action)
    await bench.archive(item)
    item.compare(await tools.call(f"get_{name}", uid=item.uid))
    pages = await tools.pages(f"list_{kind.plural}", limit=1000)
    assert {kept.uid, item.uid} <= {listed["uid"] for page in pages for listed in page}
    await bench.delete(item)
    item.compare(await tools.call(f"get_{name}", uid=item.uid, include_deleted=True))
    for tool in kind.tools() - tools.succeeded:  # an operation whose effect is not known here
        await tools.call(tool, **required_arguments(tool, kept.uid))
        kept.version = (await tools.call(f"get_{name}", uid=kept.uid))["version"]
