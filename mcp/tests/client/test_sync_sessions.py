"""Sync sessions: within each request where the API offers it, else one that is opened for the tool call."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.harness.clients import Tools, arguments_for, in_memory, sample, settings_for, token
from tests.harness.processes import Process, api_process, running
from tests.harness.recording import Answer, Recording, failing_api
from toolbridge_mcp.app import create_server
from toolbridge_mcp.entities import ENTITIES, NOTE
from toolbridge_mcp.tools.operations import OPERATIONS, Operation
from toolbridge_mcp.transport import connections

pytestmark = pytest.mark.anyio
CONDITIONAL = [operation for operation in OPERATIONS if operation.conditional]
SESSIONS = "/v1/sync/sessions"


@pytest.fixture(scope="module")
def two_hop_api(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("two-hop")
    with running(api_process(api_binary, folder, IN_BAND_SESSIONS="false")) as process:
        yield process


class FirstGeneration(Recording):
    """Makes the real API behave as the first generation does.

    It describes no entity, has no `/readyz`, honours conditions on PUT and PATCH only, and fails if a PUT
    does not name the parent.
    """

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


async def use_every_tool(tools: Tools) -> int:
    """Calls every tool, which must succeed, and returns how many there are."""
    names = set()
    for entity in ENTITIES:
        parent = await tools.parent_of(entity)
        item = await tools.create(entity, **parent)
        for operation in sorted(OPERATIONS, key=lambda operation: operation.method == "DELETE"):
            arguments = arguments_for(operation, entity, item["uid"])
            if operation.conditional:
                arguments["if_match"] = item["version"]
            elif operation.writes:
                arguments |= parent
            answer = await tools.call(operation.tool_name(entity), **arguments)
            item = answer if operation.conditional else item
            names.add(operation.tool_name(entity))
    return len(names)


def sessions_by_call(upstream: Recording) -> Counter[str]:
    """How many sessions were opened for each tool call."""
    return Counter(
        request.headers["X-Correlation-ID"] for request in upstream.calls if request.url.path == SESSIONS
    )


async def test_all_tools_work_without_in_band_sessions(two_hop_api: Process, bearer: str) -> None:
    upstream = Recording(connections())
    async with in_memory(create_server(settings_for(two_hop_api.url), transport=upstream), bearer) as tools:
        assert await use_every_tool(tools) == len(await tools.client.list_tools())
    used = [request.headers["X-Sync-Session"] for request in upstream.calls if request.url.path != SESSIONS]
    assert sessions_by_call(upstream).total() == len(used) == len(set(used))


async def test_all_tools_work_in_front_of_the_first_generation(two_hop_api: Process, bearer: str) -> None:
    upstream = FirstGeneration(connections())
    server = create_server(settings_for(two_hop_api.url), transport=upstream)
    async with in_memory(server, bearer) as tools:
        assert await use_every_tool(tools) == len(await tools.client.list_tools())
    calls = {request.headers["X-Correlation-ID"] for request in upstream.calls}
    assert sessions_by_call(upstream) == dict.fromkeys(calls, 1)


async def test_a_call_that_reads_before_it_writes_does_both_in_one_session(
    two_hop_api: Process, bearer: str
) -> None:
    upstream = FirstGeneration(connections())
    server = create_server(settings_for(two_hop_api.url), transport=upstream)
    async with in_memory(server, bearer) as tools:
        uid = (await tools.call("create_note", **sample(NOTE)))["uid"]
        before = len(upstream.calls)
        await tools.call("delete_note", uid=uid, if_match=1)
    opened, read, deleted = upstream.calls[before:]
    assert [request.method for request in (opened, read, deleted)] == ["POST", "GET", "DELETE"]
    assert read.headers["X-Sync-Session"] == deleted.headers["X-Sync-Session"]


@pytest.mark.parametrize("operation", CONDITIONAL, ids=lambda operation: operation.verb)
async def test_conditions_hold_in_front_of_the_first_generation(
    operation: Operation, two_hop_api: Process, bearer: str
) -> None:
    server = create_server(settings_for(two_hop_api.url), transport=FirstGeneration(connections()))
    async with in_memory(server, bearer) as tools:
        uid = (await tools.call("create_note", **sample(NOTE)))["uid"]
        arguments = arguments_for(operation, NOTE, uid)
        refusal = await tools.refusal(operation.tool_name(NOTE), **arguments, if_match=9)
        assert "has changed since that version; nothing was written" in refusal
        assert (await tools.call("get_note", uid=uid))["version"] == 1


SESSION = httpx.Response(201, json={"id": "s-1", "epoch": 1})
ITEM = httpx.Response(200, json={"uid": "0", "version": 1})


@pytest.mark.parametrize(
    ("answers", "paths"),
    [
        ([SESSION, httpx.Response(503), ITEM], [SESSIONS, "item", "item"]),
        ([SESSION, httpx.ReadError("lost"), ITEM], [SESSIONS, "item", "item"]),
        ([SESSION, httpx.Response(428), SESSION, ITEM], [SESSIONS, "item", SESSIONS, "item"]),
        (
            [SESSION, httpx.Response(409, json={"error": "epoch_mismatch"}), SESSION, ITEM],
            [SESSIONS, "item", SESSIONS, "item"],
        ),
    ],
    ids=["unavailable", "lost", "session refused", "wiped"],
)
async def test_a_repeated_read_keeps_its_session_unless_that_was_refused_or_outdated(
    answers: list[Answer], paths: list[str]
) -> None:
    uid = str(uuid4())
    upstream = failing_api(answers, {"entities": {}})
    async with in_memory(
        create_server(settings_for("http://127.0.0.1:1"), transport=upstream), token("ann")
    ) as tools:
        await tools.call("get_note", uid=uid)
    sent = [request.url.path for request in upstream.calls]
    assert sent == [path.replace("item", f"/v1/notes/{uid}") for path in paths]


class Replaced(Recording):
    """After `swapped` is set, another API is at the address that the gateway already knows."""

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
