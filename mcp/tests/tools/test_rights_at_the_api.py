"""The API allows a token what the gateway allows it, and refuses the rest by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.harness.by_hand import signed_tenant
from tests.harness.clients import Rest, Tools, over_http, over_sse, token
from tests.harness.processes import TENANT_HEADER_SECRET, Process, api_process, running
from tests.harness.published import KINDS, TOOLS
from tests.journeys.workbench import Workbench
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.tools.operations import OPERATIONS
from toolbridge_mcp.tools.work import ALL_WORK

pytestmark = pytest.mark.anyio
WRITING = frozenset(
    [
        *(operation.tool_name(entity) for entity in ENTITIES for operation in OPERATIONS if operation.writes),
        *(work.name for work in ALL_WORK if work.writes),
    ]
)
UID = "123e4567-e89b-42d3-a456-426614174000"


class Write(NamedTuple):
    """A request that can write, with the example of the API's document as its body."""

    method: str
    path: str
    body: Any


async def writes(rest: Rest) -> list[Write]:
    """One for every route that can write, as the API describes itself."""
    paths = (await rest.json("GET", "/openapi.json"))["paths"]
    return [
        Write(method.upper(), pattern.replace("{uid}", UID), _example(operation))
        for pattern, operations in paths.items()
        for method, operation in operations.items()
        if method != "get" and operation["tags"] != ["sessions"]
    ]


def _example(operation: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {})
    return content.get("application/json", {}).get("example")


@asynccontextmanager
async def straight(api: Process, bearer: str) -> AsyncIterator[Rest]:
    """The API without the gateway, as another program of the machine reaches it."""
    rest = Rest(api.url, bearer)
    yield rest
    await rest.aclose()


async def journal(rest: Rest) -> dict[str, Any]:
    """All that was ever written for the user, line by line."""
    return await rest.json("GET", "/v1/journal")


async def test_the_api_demands_the_scope_that_the_gateways_tool_demands(rest: Rest) -> None:
    paths = (await rest.json("GET", "/openapi.json"))["paths"]
    for entity in ENTITIES:
        for operation in OPERATIONS:
            route = paths[operation.route.replace("{plural}", entity.plural)][operation.method.lower()]
            demanded = [schemes["bearer"] == ["write"] for schemes in route["security"]]
            assert set(demanded) == {operation.writes}, operation.tool_name(entity)


async def test_a_token_that_may_read_gets_all_reads_through_the_gateway(gateway: Process, user: str) -> None:
    async with over_http(gateway.url, token(user)) as tools:
        bench = Workbench(tools, [])
        items = [await bench.sample(kind) for kind in KINDS]
    async with over_sse(gateway.url, token(user, scope="read")) as tools:
        for item in items:
            await tools.call(f"get_{item.kind.name}", uid=item.uid)
            await tools.call(f"list_{item.kind.plural}")
        await tools.text("read", items=[items[0].uid])
        await tools.text("search", query="title")
        await tools.text("overview")
        await tools.text("changes", since="1 hour")
        await tools.text("whoami")
        assert tools.succeeded == TOOLS - WRITING


async def test_a_token_that_may_write_gets_all_writes_through_the_gateway(
    gateway: Process, user: str
) -> None:
    """Some of them look up an item by its title, or what a refused write was about."""
    async with over_http(gateway.url, token(user, scope="write")) as tools:
        for kind in KINDS:
            await _write_everything(tools, kind)
        title = f"Work of {user}"
        note = await tools.call("create_note", title=title, content="One line")
        await tools.text("edit_text", item=title, append="Another line")
        await tools.text("undo")
        await tools.text("batch", operations=[{"op": "tags", "item": title, "add": ["a"]}])
        stale = await tools.refusal("patch_note", uid=note["uid"], if_match=1, updates={"title": "x"})
        assert f'title "{title}"' in stale
        assert "patch_note" in await tools.refusal("patch_task", uid=note["uid"], updates={"title": "x"})
        assert tools.succeeded == WRITING


async def _write_everything(tools: Tools, name: str) -> None:
    bench, kind = Workbench(tools, []), KINDS[name]
    item = await bench.sample(name)
    await bench.replace(item, if_match=1, **kind.arguments(required_only=True))
    await bench.patch(item, {"tags": ["a"]})
    for action in kind.actions:
        await bench.process(item, action)
    await bench.archive(item)
    await bench.delete(item)


async def test_a_token_that_may_only_read_writes_nothing_straight_at_the_api(
    api: Process, rest: Rest, user: str
) -> None:
    async with straight(api, token(user)) as both:
        for entity in ENTITIES:
            parent = {key: "note" if key == "parentType" else UID for key in KINDS[entity.kind].parent_keys}
            await both.create(entity, {"uid": UID, "title": "Milk", **parent})
    every, before = await writes(rest), await journal(rest)
    async with straight(api, token(user, scope="read")) as reader:
        answers = [await reader(write.method, write.path, json=write.body) for write in every]
        assert (await reader("GET", f"/v1/notes/{UID}")).json()["payload"]["title"] == "Milk"
    refused = [answer for answer in answers if answer.status_code == 403]
    print(f"{len(answers)} writes were tried straight at the API, {len(refused)} were refused")  # noqa: T201
    assert {answer.json()["code"] for answer in answers} == {"insufficient_scope"}
    assert len(refused) == len(answers) == 3 + 10 * len(ENTITIES)
    assert await journal(rest) == before
    async with straight(api, token(user, scope="write")) as writer:
        statuses = [(await writer(write.method, write.path, json=write.body)).status_code for write in every]
    assert 403 not in statuses
    assert await journal(rest) != before


async def test_nobody_writes_in_a_read_only_deployment(api_binary: Path, tmp_path: Path, user: str) -> None:
    with running(api_process(api_binary, tmp_path, TOOLBRIDGE_READ_ONLY="true")) as api:
        async with straight(api, token(user)) as both:
            assert (await both.json("GET", "/v1/sync/info"))["readOnly"] is True
            for write in await writes(both):
                answer = await both(write.method, write.path, json=write.body)
                assert (answer.status_code, answer.json()["code"]) == (403, "read_only"), write.path
            assert (await both.json("GET", "/v1/notes"))["items"] == []


async def test_the_api_takes_the_names_and_the_tenant_that_its_settings_say(
    api_binary: Path, tmp_path: Path, user: str
) -> None:
    settings = {
        "TOOLBRIDGE_SCOPE_READ": "items:read",
        "SCOPE_WRITE": "items:write",
        "REQUIRE_SCOPES": "true",
        "TENANT_CLAIM": "https://id.example/tenant",
        "TENANT_ID": "acme",
    }
    with running(api_process(api_binary, tmp_path, **settings)) as api:
        for scope, tenant, statuses in (
            ("items:read", "acme", (200, 403)),
            ("items:write", ["zeta", "acme"], (403, 201)),
            ("items:read items:write", "acme", (200, 201)),
            ("read write", "acme", (403, 403)),
            (None, "acme", (403, 403)),
            ("items:read items:write", "zeta", (401, 401)),
            ("items:read items:write", None, (401, 401)),
        ):
            claims: dict[str, Any] = {"scope": scope, "https://id.example/tenant": tenant}
            bearer = token(user, **{name: value for name, value in claims.items() if value})
            headers = signed_tenant(TENANT_HEADER_SECRET, "acme")
            async with straight(api, bearer) as rest:
                listed = await rest("GET", "/v1/notes", headers=headers)
                created = await rest("POST", "/v1/notes", headers=headers, json={"title": "a"})
            assert (listed.status_code, created.status_code) == statuses
            if statuses == (401, 401):
                assert listed.json()["code"] == created.json()["code"] == "unauthorized"
