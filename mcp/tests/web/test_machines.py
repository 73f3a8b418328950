"""Several machines: two gateway processes behind a proxy that honours `Fly-Replay`."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from tests.harness.clients import HELLO, Tools, over_sse, token
from tests.harness.processes import Process, free_port, gateway_process, running
from tests.harness.replaying_proxy import ReplayingProxy

pytestmark = pytest.mark.anyio
Machines = dict[str, Process]


@contextmanager
def started(api: Process, folder: Path) -> Iterator[Machines]:
    found: Machines = {}
    for name in ("aaa111", "bbb222"):
        own = folder / name
        own.mkdir()
        found[name] = gateway_process(api.url, own, FLY_MACHINE_ID=name)
    with running(found["aaa111"]), running(found["bbb222"]):
        yield found


@pytest.fixture(scope="module")
def machines(api: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with started(api, tmp_path_factory.mktemp("machines")) as found:
        yield found


@pytest.fixture
def own_machines(api: Process, tmp_path: Path) -> Iterator[Machines]:
    """Machines that may be stopped."""
    with started(api, tmp_path) as found:
        yield found


@asynccontextmanager
async def in_front_of(machines: Machines) -> AsyncIterator[ReplayingProxy]:
    proxy = ReplayingProxy({name: process.url for name, process in machines.items()})
    async with proxy.serve(free_port()) as proxy.url:
        yield proxy


@asynccontextmanager
async def over_http(url: str, bearer: str) -> AsyncIterator[Tools]:
    """The tools over Streamable HTTP, in a revision that has sessions."""
    transport = StreamableHttpTransport(f"{url}/mcp", headers={"Authorization": f"Bearer {bearer}"})
    async with Client(transport, mode="legacy") as client:
        yield Tools(client)


async def test_a_message_finds_the_machine_of_its_session(machines: Machines) -> None:
    """Of 200 calls over 5 sessions of each transport about half arrive at the wrong machine first."""

    async def calls(tools: Tools, number: int) -> None:
        for turn in range(10):
            note = await tools.call("create_note", title=f"{number}/{turn}", content="c")
            assert (await tools.call("get_note", uid=note["uid"]))["uid"] == note["uid"]

    async def session(url: str, number: int) -> None:
        connect = over_sse if number % 2 else over_http
        async with connect(url, token(f"machines-{number % 4}")) as tools:
            await calls(tools, number)

    async with in_front_of(machines) as proxy, anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(session, proxy.url, number)
    assert proxy.replays > 50


async def test_a_machine_that_is_gone_ends_its_sessions_clearly(own_machines: Machines, bearer: str) -> None:
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "application/json, text/event-stream"}
    async with (
        in_front_of(own_machines) as proxy,
        httpx.AsyncClient(base_url=proxy.url, trust_env=False, headers=headers) as http,
    ):
        session = (await http.post("/mcp", json=HELLO)).headers["Mcp-Session-Id"]
        gone = session.partition(".")[2]
        own_machines[gone].stop()
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        for _ in range(3):
            answer = await http.post("/mcp", json=ping, headers={"Mcp-Session-Id": session})
            assert answer.status_code == 404
            assert "connect again" in answer.text
        again = (await http.post("/mcp", json=HELLO)).headers["Mcp-Session-Id"]
        assert (await http.post("/mcp", json=ping, headers={"Mcp-Session-Id": again})).status_code == 200
        dead = f"/messages/?session_id={'0' * 32}&machine={gone}"
        assert (await http.post(dead, json=ping)).status_code == 404


@pytest.mark.parametrize("machine", ["", "x%0d%0aSet-Cookie:%20a=b", "a;instance=b", "x" * 65])
async def test_only_a_machine_can_be_named(machine: str, machines: Machines, bearer: str) -> None:
    headers = {"Authorization": f"Bearer {bearer}"}
    async with httpx.AsyncClient(base_url=machines["aaa111"].url, trust_env=False) as http:
        path = f"/messages/?session_id={'0' * 32}&machine={machine}"
        answer = await http.post(path, json={}, headers=headers)
    assert answer.status_code == 404
    assert "fly-replay" not in answer.headers


async def test_a_stranger_is_refused_before_any_machine_is_named(machines: Machines) -> None:
    async with httpx.AsyncClient(base_url=machines["aaa111"].url, trust_env=False) as http:
        answer = await http.post(f"/messages/?session_id={'0' * 32}&machine=bbb222", json={})
    assert answer.status_code == 401
    assert "fly-replay" not in answer.headers
