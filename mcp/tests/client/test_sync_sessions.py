"""A fresh session for each request: one hop where the API offers it, two where it does not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.harness.clients import in_memory, required_fields, sample, settings_for
from tests.harness.processes import Process, api_process, running
from tests.harness.recording import Recording
from toolbridge_mcp.app import create_server
from toolbridge_mcp.entities import ENTITIES, NOTE
from toolbridge_mcp.transport import connections

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def two_hop_api(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("two-hop")
    with running(api_process(api_binary, folder, IN_BAND_SESSIONS="false")) as process:
        yield process


class FirstGeneration(Recording):
    """Makes the real API look as the first generation did: it describes no entity, knows no `/readyz`,
    takes no condition but on PUT and PATCH, and a PUT must name the parent."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/readyz":
            return httpx.Response(404, text="404 page not found")
        if request.url.path == "/v1/sync/info":
            return httpx.Response(200, json={"entities": {entity.plural: {} for entity in ENTITIES}})
        if request.method not in {"PUT", "PATCH"}:
            request.headers.pop("If-Match", None)
        if request.method == "PUT" and not _names_its_parent(request):
            return httpx.Response(500, json={"error": "failed to update"})
        return await super().handle_async_request(request)


def _names_its_parent(request: httpx.Request) -> bool:
    (entity,) = (entity for entity in ENTITIES if f"/{entity.plural}/" in request.url.path)
    body: dict[str, Any] = json.loads(request.content)
    return set(entity.parent_keys) <= body.keys()


async def use_every_tool(tools: Any) -> int:
    """Calls all tools, each must succeed; returns how many there were."""
    names = set()
    for entity in ENTITIES:
        uid = (await tools.create(entity))["uid"]
        required = required_fields(entity)
        calls: dict[str, dict[str, Any]] = {
            f"list_{entity.plural}": {"limit": 1},
            f"get_{entity.kind}": {"uid": uid},
            f"update_{entity.kind}": {"uid": uid, "if_match": 1, **required},
            f"patch_{entity.kind}": {"uid": uid, "if_match": 2, "updates": {"tags": ["x"]}},
            f"archive_{entity.kind}": {"uid": uid, "if_match": 3},
            f"process_{entity.kind}": {"uid": uid, "if_match": 4, "action": entity.actions[0]},
            f"delete_{entity.kind}": {"uid": uid, "if_match": 5},
        }
        for name, arguments in calls.items():
            await tools.call(name, **arguments)
            names.add(name)
        names.add(f"create_{entity.kind}")
    return len(names)


async def test_all_tools_work_without_in_band_sessions(two_hop_api: Process, bearer: str) -> None:
    upstream = Recording(connections())
    async with in_memory(create_server(settings_for(two_hop_api.url), transport=upstream), bearer) as tools:
        assert await use_every_tool(tools) == len(await tools.client.list_tools())
    opened = [request for request in upstream.calls if request.url.path == "/v1/sync/sessions"]
    used = [request.headers.get("X-Sync-Session") for request in upstream.calls if request not in opened]
    assert len(opened) == len(used) == len(set(used))


async def test_all_tools_work_in_front_of_the_first_generation(two_hop_api: Process, bearer: str) -> None:
    upstream = FirstGeneration(connections())
    server = create_server(settings_for(two_hop_api.url), transport=upstream)
    async with in_memory(server, bearer) as tools:
        assert await use_every_tool(tools) == len(await tools.client.list_tools())


@pytest.mark.parametrize("verb", ["delete", "archive", "process"])
async def test_conditions_hold_in_front_of_the_first_generation(
    verb: str, two_hop_api: Process, bearer: str
) -> None:
    server = create_server(settings_for(two_hop_api.url), transport=FirstGeneration(connections()))
    action = {"action": "pin"} if verb == "process" else {}
    async with in_memory(server, bearer) as tools:
        uid = (await tools.call("create_note", **sample(NOTE)))["uid"]
        refusal = await tools.refusal(f"{verb}_note", uid=uid, if_match=9, **action)
        assert "has changed since that version; nothing was written" in refusal
        assert (await tools.call("get_note", uid=uid))["version"] == 1


class Replaced(Recording):
    """The API is exchanged for another one after the gateway has asked it what it offers."""

    def __init__(self, successor: Recording, port: int) -> None:
        super().__init__(connections())
        self._successor, self._port, self.swapped = successor, port, False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self.swapped:
            return await super().handle_async_request(request)
        request.url = request.url.copy_with(port=self._port)
        return await self._successor.handle_async_request(request)

    async def aclose(self) -> None:
        await super().aclose()
        await self._successor.aclose()


async def test_a_gateway_notices_that_the_api_no_longer_opens_sessions_in_band(
    api: Process, two_hop_api: Process, bearer: str
) -> None:
    upstream = Replaced(Recording(connections()), two_hop_api.port)
    async with in_memory(create_server(settings_for(api.url), transport=upstream), bearer) as tools:
        await tools.call("list_notes")
        upstream.swapped = True
        assert (await tools.call("list_notes"))["items"] == []


async def test_a_condition_holds_over_the_exchange_of_the_api(
    api: Process, two_hop_api: Process, bearer: str
) -> None:
    first_generation = FirstGeneration(connections())
    async with in_memory(
        create_server(settings_for(two_hop_api.url), transport=first_generation), bearer
    ) as tools:
        uid = (await tools.call("create_note", **sample(NOTE)))["uid"]
    upstream = Replaced(FirstGeneration(connections()), two_hop_api.port)
    async with in_memory(create_server(settings_for(api.url), transport=upstream), bearer) as tools:
        await tools.call("list_notes")
        upstream.swapped = True
        assert "has changed since" in await tools.refusal("delete_note", uid=uid, if_match=9)
        assert (await tools.call("get_note", uid=uid))["version"] == 1


async def test_the_first_generation_is_not_asked_to_filter(two_hop_api: Process, bearer: str) -> None:
    server = create_server(settings_for(two_hop_api.url), transport=FirstGeneration(connections()))
    async with in_memory(server, bearer) as tools:
        assert "cannot filter" in await tools.refusal("list_notes", tag="home")
        assert (await tools.call("list_notes"))["items"] == []


async def test_a_taken_uid_is_refused_in_front_of_the_first_generation(
    two_hop_api: Process, bearer: str
) -> None:
    server = create_server(settings_for(two_hop_api.url), transport=FirstGeneration(connections()))
    async with in_memory(server, bearer) as tools:
        uid = (await tools.call("create_note", **sample(NOTE)))["uid"]
        again = {"title": "t", "content": "c", "additional_fields": {"uid": uid}}
        assert "already exists" in await tools.refusal("create_note", **again)
        await tools.call("delete_note", uid=uid)
        assert "already exists" in await tools.refusal("create_note", **again)
        again["additional_fields"] = {"uid": str(uuid4())}
        await tools.call("create_note", **again)
