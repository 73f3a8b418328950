"""Sync sessions: within each request where the API offers it, else one that is opened for the tool call."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.harness.clients import in_memory, settings_for, token, use_every_tool
from tests.harness.processes import Process, api_process, running
from tests.harness.recording import Answer, Recording, failing_api
from tests.harness.wire import connections
from toolbridge_mcp.app import create_server

pytestmark = pytest.mark.anyio
SESSIONS = "/v1/sync/sessions"


@pytest.fixture(scope="module")
def two_hop_api(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("two-hop")
    with running(api_process(api_binary, folder, IN_BAND_SESSIONS="false")) as process:
        yield process


def sessions_by_call(upstream: Recording) -> Counter[str]:
    """How many sessions were opened for each tool call."""
    return Counter(
        request.headers["X-Correlation-ID"] for request in upstream.calls if request.url.path == SESSIONS
    )


async def test_all_tools_work_without_in_band_sessions(two_hop_api: Process, bearer: str) -> None:
    upstream = Recording(connections())
    async with in_memory(create_server(settings_for(two_hop_api.url), transport=upstream), bearer) as tools:
        await use_every_tool(tools)
    used = [request.headers["X-Sync-Session"] for request in upstream.calls if request.url.path != SESSIONS]
    assert sessions_by_call(upstream).total() == len(used) == len(set(used))


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
