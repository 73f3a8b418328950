"""Whether each alert fires when its fault is caused, and is over when the fault is: by a real Prometheus.

The rules are a copy that looks seconds back where the real ones look minutes back, and in which nothing has
to last: beside the time that Prometheus needs, the table says for how long the real rule would have waited.
A full disk needs root, and a busy processor a machine without other work. All of it takes 15 minutes.
"""

import asyncio
import json
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from tests.grafana.rules import alerts, hurried
from tests.grafana.world import BURST, NOTHING, Watched, watched
from tests.harness.clients import HELLO as INITIALIZE
from tests.harness.clients import META, Tools, over_http
from tests.harness.postgres_server import postgres_server
from tests.harness.processes import free_port
from tests.harness.prometheus import Prometheus
from tests.harness.table import head, row
from tests.trouble.test_faults import fill, small_disk

pytestmark = [pytest.mark.anyio, pytest.mark.trouble]

INTERVAL = "2s"
PATIENCE = 150
"""Seconds for which an alert may let one wait."""

QUOTA = 60
SESSIONS = 20
CONNECTIONS = 40
USERS_GATEWAY = """
import pathlib, runpy
from toolbridge_mcp.auth import keys
from toolbridge_mcp.tools.guarded import Guarded
keys.REFRESH_SECONDS = 2
allowed = Guarded._allowed
async def faulty(self, *given):
    if pathlib.Path({fault!r}).exists():
        raise RuntimeError
    return await allowed(self, *given)
Guarded._allowed = faulty
runpy.run_module("toolbridge_mcp", run_name="__main__")
"""
"""A gateway that reads keys again after 2 s, and in which calls fail for no reason while there is a file."""

HELLO = json.dumps(INITIALIZE).encode()

Fault = Callable[["Scene"], AbstractAsyncContextManager[None]]


class Scene:
    """A stack that is in use, and what its faults need."""

    def __init__(self, world: Watched, folder: Path) -> None:
        self.world = world
        self.folder = folder

    async def user(self, name: str) -> None:
        """Lists notes, writes some now and then, and begins again when something ends."""
        while True:
            with suppress(Exception):
                async with over_http(self.world.gateway.url, self.world.bearer(name)) as tools:
                    while True:
                        await self._turn(tools)
            await asyncio.sleep(0.2)

    async def platform(self) -> None:
        """Asks every second whether the gateway is ready, as a platform does."""
        while True:
            await asyncio.to_thread(self.world.gateway.is_ready)
            await asyncio.sleep(1)

    async def _turn(self, tools: Tools) -> None:
        await tools.result("list_notes")
        await tools.result("patch_note", uid=str(uuid4()), updates={"title": "t"})
        await asyncio.sleep(0.2)

    async def post(
        self, http: httpx.AsyncClient, bearer: str, message: bytes = HELLO, **more: str
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {bearer}", "Accept": "application/json, text/event-stream"}
        headers |= {"Content-Type": "application/json"}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        return await http.post(f"{self.world.gateway.url}/mcp", headers=headers, content=message)


@asynccontextmanager
async def scene(
    binary: Path,
    folder: Path,
    of_api: Mapping[str, str] = NOTHING,
    of_gateway: Mapping[str, str] = NOTHING,
    replaced: Mapping[str, str] = NOTHING,
) -> AsyncIterator[Scene]:
    """All is well for a while when this begins."""
    rules = hurried(folder, replaced)
    program = USERS_GATEWAY.format(fault=str(folder / "fault"))
    with watched(
        binary,
        folder,
        of_api=of_api,
        of_gateway=of_gateway,
        program=program,
        rules=rules,
        interval=INTERVAL,
    ) as world:
        scene = Scene(world, folder)
        busy = (scene.user("ann"), scene.user("bob"), scene.platform())
        users = [asyncio.create_task(one) for one in busy]
        await world.until_read()
        await calm(world.prometheus, WAITS)
        try:
            yield scene
        finally:
            for user in users:
                user.cancel()
            await asyncio.gather(*users, return_exceptions=True)


@asynccontextmanager
async def repeated(act: Callable[[], Awaitable[Any]], pause: float = 0.0) -> AsyncIterator[None]:
    """Does it again and again until the end of the block."""

    async def loop() -> None:
        while True:
            with suppress(httpx.HTTPError, AssertionError):
                await act()
            await asyncio.sleep(pause)

    task = asyncio.create_task(loop())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def calm(prometheus: Prometheus, names: Collection[str]) -> None:
    """Returns when none of these alerts fires."""
    end = time.monotonic() + PATIENCE
    while firing := (await asyncio.to_thread(prometheus.firing)) & set(names):
        assert time.monotonic() < end, firing
        await asyncio.sleep(0.5)


WAITS = {alert.name: alert.lasts for alert in alerts()}


async def show(scene: Scene, says: str, fault: Fault, *names: str) -> None:
    """Causes the fault, and writes a line for each alert of which it is the cause."""
    prometheus = scene.world.prometheus
    await calm(prometheus, names)
    fires: dict[str, float] = {}
    begun = time.monotonic()
    async with fault(scene):
        for name in names:
            await prometheus.until(lambda name=name: name in prometheus.firing(), PATIENCE)  # type: ignore[misc]
            fires[name] = time.monotonic() - begun
    ended = time.monotonic()
    for name in names:
        await prometheus.until(lambda name=name: name not in prometheus.firing(), PATIENCE)  # type: ignore[misc]
        over = time.monotonic() - ended
        row(name, says, f"{fires[name]:.0f} s", f"{over:.0f} s", WAITS[name])


@pytest.fixture(scope="module", autouse=True)
def table() -> None:
    head("alert", "fault", "fires after", "over after", "the real rule waits", numbers_from=3)


# The API


@asynccontextmanager
async def api_killed(scene: Scene) -> AsyncIterator[None]:
    scene.world.api.kill()
    yield
    await asyncio.to_thread(scene.world.api.start)


@asynccontextmanager
async def api_restarting(scene: Scene) -> AsyncIterator[None]:
    for _ in range(4):
        scene.world.api.kill()
        await asyncio.to_thread(scene.world.api.start)
        await asyncio.sleep(5)
    yield


@asynccontextmanager
async def another_secret(scene: Scene) -> AsyncIterator[None]:
    api = scene.world.api
    right = api.environment
    api.kill()
    api.environment = {**right, "TENANT_HEADER_SECRET": "another-secret-of-the-tests-0123456789"}
    await asyncio.to_thread(api.start)
    yield
    api.kill()
    api.environment = right
    await asyncio.to_thread(api.start)


@asynccontextmanager
async def quota_used(scene: Scene) -> AsyncIterator[None]:
    async with over_http(scene.world.gateway.url, scene.world.bearer("collector")) as tools:
        for _ in range(QUOTA + 2):
            await tools.result("create_note", title="t", content="c")
        yield


@asynccontextmanager
async def locked_database(scene: Scene) -> AsyncIterator[None]:
    """Another process holds SQLite's lock most of the time."""
    database = sqlite3.connect(scene.folder / "toolbridge.db", isolation_level=None, timeout=10)

    async def hold() -> None:
        database.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(2.5)
        database.execute("COMMIT")

    async def write() -> None:
        async with over_http(scene.world.gateway.url, scene.world.bearer("writer")) as tools:
            for _ in range(5):
                await tools.result("create_note", title="t", content="c")

    async with repeated(hold, 0.05), repeated(write):
        yield
    database.close()


async def test_the_api(api_binary: Path, tmp_path: Path) -> None:
    async with scene(api_binary, tmp_path, of_api={"QUOTA_ITEMS": str(QUOTA)}) as one:
        down = ("ToolBridgeApiMetricsMissing", "ToolBridgeApiDown", "ToolBridgeCallsFail")
        await show(one, "API killed", api_killed, *down)
        await show(one, "API killed 4 times", api_restarting, "ToolBridgeRestarting")
        await show(one, "API with another secret", another_secret, "ToolBridgeTenantRefused")
        await show(one, "a user at the quota", quota_used, "ToolBridgeQuotaExceeded")
        slow = ("ToolBridgeDatabaseSlow", "ToolBridgeSlow")
        await show(one, "another process locks the database", locked_database, *slow)


# The gateway


@asynccontextmanager
async def gateway_killed(scene: Scene) -> AsyncIterator[None]:
    scene.world.gateway.kill()
    yield
    await asyncio.to_thread(scene.world.gateway.start)


@asynccontextmanager
async def serving_killed(scene: Scene) -> AsyncIterator[None]:
    for _ in range(4):
        os.kill(scene.world.gateway.pid, signal.SIGKILL)
        await asyncio.to_thread(scene.world.gateway.wait_until_ready)
        await asyncio.sleep(2)
    yield


@asynccontextmanager
async def stuttering(scene: Scene) -> AsyncIterator[None]:
    """The process gets no processor for 0.4 s of each second."""
    pid = scene.world.gateway.pid

    async def stop() -> None:
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(0.4)
        os.kill(pid, signal.SIGCONT)

    async with repeated(stop, 0.2):
        yield


@asynccontextmanager
async def unexpected(scene: Scene) -> AsyncIterator[None]:
    file = scene.folder / "fault"
    file.touch()
    await asyncio.sleep(3)
    file.unlink()
    yield


@asynccontextmanager
async def large_arguments(scene: Scene) -> AsyncIterator[None]:
    """Calls with arguments that take long to read, and are wrong. What else the machine does makes room."""
    with suppress(PermissionError, AttributeError):
        os.sched_setscheduler(scene.world.gateway.pid, os.SCHED_RR, os.sched_param(1))
    arguments = {"uid": str(uuid4()), "updates": {"tags": [1] * 19_000}}
    call = {"name": "patch_note", "arguments": arguments, "_meta": META}
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode()
    revision = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/call", "Mcp_Name": "patch_note"}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http, AsyncExitStack() as stack:
        for number in range(8):
            bearer = scene.world.bearer(f"large-{number}")
            await stack.enter_async_context(repeated(partial(scene.post, http, bearer, message, **revision)))
        yield


async def test_the_gateway(api_binary: Path, tmp_path: Path) -> None:
    async with scene(api_binary, tmp_path) as one:
        down = ("ToolBridgeGatewayDown", "ToolBridgeMetricsMissing")
        await show(one, "gateway killed", gateway_killed, *down)
        await show(one, "serving process killed 4 times", serving_killed, "ToolBridgeProcessReplaced")
        await show(one, "process stopped for 0.4 s again and again", stuttering, "ToolBridgeEventLoopBusy")
        await show(one, "an exception in every call", unexpected, "ToolBridgeGatewayFault")


async def test_the_processor(api_binary: Path, tmp_path: Path) -> None:
    async with scene(api_binary, tmp_path) as one:
        await show(
            one,
            "large arguments that are wrong, as fast as may be",
            large_arguments,
            "ToolBridgeProcessorBusy",
        )


# Callers


@asynccontextmanager
async def wrong_arguments(scene: Scene) -> AsyncIterator[None]:
    async with (
        over_http(scene.world.gateway.url, scene.world.bearer("mistaken")) as tools,
        repeated(lambda: tools.result("get_note", nonsense=1), 0.02),
    ):
        yield


@asynccontextmanager
async def too_many_calls(scene: Scene) -> AsyncIterator[None]:
    async with over_http(scene.world.gateway.url, scene.world.bearer("loop")) as tools:
        await asyncio.gather(*(tools.result("list_notes") for _ in range(BURST)))
        async with repeated(lambda: tools.result("list_notes"), 0.02):
            yield


@asynccontextmanager
async def wrong_tokens(scene: Scene) -> AsyncIterator[None]:
    async with (
        httpx.AsyncClient(trust_env=False) as http,
        repeated(lambda: scene.post(http, "nonsense"), 0.02),
    ):
        yield


@asynccontextmanager
async def session_for_each_call(scene: Scene) -> AsyncIterator[None]:
    bearer = scene.world.bearer("forgetful")
    async with (
        httpx.AsyncClient(trust_env=False) as http,
        repeated(lambda: scene.post(http, bearer), 0.02),
    ):
        yield


@asynccontextmanager
async def sessions_at_work(scene: Scene) -> AsyncIterator[None]:
    """The API is frozen, so every session has a call under way; then one more is opened."""
    bearer = scene.world.bearer("crowd")
    asked = {"name": "list_notes", "arguments": {}}
    call = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": asked}).encode()
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        opened = await asyncio.gather(*(scene.post(http, bearer) for _ in range(SESSIONS // 2)))
        scene.world.api.signal(signal.SIGSTOP)
        calls = [
            asyncio.create_task(
                scene.post(http, bearer, call, Mcp_Session_Id=answer.headers["Mcp-Session-Id"])
            )
            for answer in opened
        ]
        await asyncio.sleep(0.5)
        await asyncio.gather(*(scene.post(http, bearer) for _ in range(3)))
        try:
            yield
        finally:
            scene.world.api.signal(signal.SIGCONT)
            await asyncio.gather(*calls, return_exceptions=True)


@asynccontextmanager
async def connections_kept(scene: Scene) -> AsyncIterator[None]:
    """One address sends more requests at once than it may, and ends none."""
    opened = []
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {scene.world.bearer('slow')}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )

    async def one_more() -> None:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", scene.world.gateway.port)
            opened.append((reader, writer))
            writer.write(head.encode())

    try:
        async with repeated(one_more, 0.05):
            yield
    finally:
        for _, writer in opened:
            writer.close()


CROWDED = {
    "TOOLBRIDGE_MAX_SESSIONS": str(SESSIONS),
    "TOOLBRIDGE_MAX_SESSIONS_PER_USER": str(SESSIONS // 2),
    "TOOLBRIDGE_MAX_CONNECTIONS": str(CONNECTIONS),
    "TOOLBRIDGE_MAX_CONNECTIONS_PER_ADDRESS": str(CONNECTIONS - 4),
}


async def test_callers(api_binary: Path, tmp_path: Path) -> None:
    async with scene(api_binary, tmp_path, of_gateway=CROWDED) as one:
        room = ("ToolBridgeLimitNear", "ToolBridgeMemoryRefused")
        await show(one, "requests that do not end", connections_kept, *room)
        await show(one, "a model that guesses", wrong_arguments, "ToolBridgeArgumentsWrong")
        await show(one, "a client that loops", too_many_calls, "ToolBridgeRateLimited")
        await show(one, "a token that is not valid", wrong_tokens, "ToolBridgeUnauthorized")
        await show(one, "a session for each call", session_for_each_call, "ToolBridgeSessionStorm")
        await show(one, "a call under way in every session", sessions_at_work, "ToolBridgeSessionsRefused")


# What they run on


@asynccontextmanager
async def disk_filled(scene: Scene) -> AsyncIterator[None]:
    filler = scene.folder / "disk/filler"
    fill(filler)
    yield
    filler.unlink()


async def test_the_disk(api_binary: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    database = {"DATABASE_URL": f"sqlite://{disk}/toolbridge.db"}
    with small_disk(disk):
        async with scene(api_binary, tmp_path, of_api=database) as one:

            async def write() -> None:
                async with over_http(one.world.gateway.url, one.world.bearer("writer")) as tools:
                    await tools.result("create_note", title="t", content="c")

            async with repeated(write, 0.5):
                names = ("ToolBridgeDiskNearlyFull", "ToolBridgeDegraded")
                await show(one, "disk filled", disk_filled, *names)


@asynccontextmanager
async def provider_down(scene: Scene) -> AsyncIterator[None]:
    scene.world.authority.stop()
    yield
    scene.world.authority.start()


@asynccontextmanager
async def started_without_provider(scene: Scene) -> AsyncIterator[None]:
    scene.world.authority.stop()
    scene.world.gateway.kill()
    scene.world.gateway.launch()
    yield
    scene.world.authority.start()
    await asyncio.to_thread(scene.world.gateway.wait_until_ready)


@asynccontextmanager
async def memory_taken(scene: Scene) -> AsyncIterator[None]:
    async with over_http(scene.world.gateway.url, scene.world.bearer("large")) as tools:
        content = "\u00e4" * 900_000
        async with repeated(lambda: tools.result("create_note", title="large", content=content)):
            yield
    scene.world.gateway.kill()
    await asyncio.to_thread(scene.world.gateway.start)


async def test_keys_and_memory(api_binary: Path, tmp_path: Path) -> None:
    replaced = {
        "toolbridge_keys_age_seconds > 3600": "toolbridge_keys_age_seconds > 20",
        "429496729": "185000000",
    }
    async with scene(api_binary, tmp_path, replaced=replaced) as one:
        await show(one, "identity provider down", provider_down, "ToolBridgeKeysOld")
        await show(one, "started without the identity provider", started_without_provider, "ToolBridgeNoKeys")
        await show(one, "large items, and a lower limit", memory_taken, "ToolBridgeMemoryNearLimit")


class Taker(BaseHTTPRequestHandler):
    """A collector that takes whatever it gets."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Collector:
    """A server of that kind."""

    def __init__(self) -> None:
        self.port = free_port()

    def start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Taker)
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


async def test_traces(api_binary: Path, tmp_path: Path) -> None:
    collector = Collector()
    address = f"http://127.0.0.1:{collector.port}"
    own = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_BSP_SCHEDULE_DELAY": "500"}

    @asynccontextmanager
    async def collector_down(_: Scene) -> AsyncIterator[None]:
        collector.stop()
        yield
        collector.start()

    collector.start()
    async with scene(api_binary, tmp_path, of_api=own, of_gateway=own) as one:
        await show(one, "collector down", collector_down, "ToolBridgeTracesLost")
    collector.stop()


@asynccontextmanager
async def database_frozen(scene: Scene) -> AsyncIterator[None]:
    """Every connection to PostgreSQL waits."""
    postmaster = int((scene.folder / "postgres/data/postmaster.pid").read_text().splitlines()[0])
    backends = psutil.Process(postmaster).children()
    for backend in backends:
        backend.suspend()
    try:
        yield
    finally:
        for backend in backends:
            with suppress(psutil.NoSuchProcess):
                backend.resume()


async def test_the_pool(api_binary: Path) -> None:
    """Not in the folder of pytest, which PostgreSQL's user may not enter."""
    with TemporaryDirectory() as folder, postgres_server(tmp_path := Path(folder)) as server:
        settings = {"DATABASE_URL": server.url, "DATABASE_MAX_CONNECTIONS": "2"}
        async with scene(api_binary, tmp_path, of_api=settings) as one:
            await show(one, "PostgreSQL frozen", database_frozen, "ToolBridgePoolExhausted")
