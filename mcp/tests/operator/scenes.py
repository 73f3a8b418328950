"""Deployments in the states that an operator meets, each with its page."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeAlias

from tests.harness.clients import Tools, over_http, over_sse, token
from tests.harness.processes import Process, api_process, free_port, gateway_process, running
from tests.operator.raw import PrivatePort

SMALL_DISK = """
mount -t tmpfs -o size=64m tmpfs "$1"
head -c 54m /dev/zero >"$1/filler"
exec "$2"
"""
"""Runs the API on a disk of its own, which only it sees, and on which 5 MB are left."""

Scene: TypeAlias = Callable[[Path, Path], AbstractAsyncContextManager[PrivatePort]]
"""Takes the API's program and an empty folder."""


@contextmanager
def deployed(api: Process, folder: Path) -> Iterator[tuple[Process, PrivatePort]]:
    port = free_port()
    with (
        running(api),
        running(gateway_process(api.url, folder, TOOLBRIDGE_METRICS_PORT=str(port))) as gateway,
    ):
        yield gateway, PrivatePort(port)


@asynccontextmanager
async def idle(program: Path, folder: Path) -> AsyncIterator[PrivatePort]:
    with deployed(api_process(program, folder), folder) as (_, port):
        yield examined(port)


@asynccontextmanager
async def busy(program: Path, folder: Path) -> AsyncIterator[PrivatePort]:
    """Two users work while the page is read."""
    with deployed(api_process(program, folder), folder) as (gateway, port):
        async with over_http(gateway.url, token("ann")) as ann, over_sse(gateway.url, token("bob")) as bob:
            await asyncio.gather(*(worked(tools, 10) for tools in (ann, bob)))
            working = [asyncio.create_task(worked(tools, 10_000)) for tools in (ann, bob)]
            try:
                yield examined(port)
            finally:
                for task in working:
                    task.cancel()
                await asyncio.gather(*working, return_exceptions=True)


async def worked(tools: Tools, times: int) -> None:
    for number in range(times):
        note = await tools.call("create_note", title=f"Plan {number}", content="words " * 50)
        await tools.call("get_note", uid=note["uid"])
        await tools.call("list_notes")
        await tools.refusal("get_task", uid=note["uid"])
        await asyncio.sleep(0.05)


@asynccontextmanager
async def down(program: Path, folder: Path) -> AsyncIterator[PrivatePort]:
    """The API was killed after some calls."""
    api = api_process(program, folder)
    with deployed(api, folder) as (gateway, port):
        async with over_http(gateway.url, token("ann")) as ann:
            await worked(ann, 5)
            api.kill()
            for _ in range(4):
                await ann.refusal("list_notes")
        yield examined(port)


@asynccontextmanager
async def frozen(program: Path, folder: Path) -> AsyncIterator[PrivatePort]:
    """The API runs, and answers nobody."""
    api = api_process(program, folder)
    with deployed(api, folder) as (_, port):
        api.signal(signal.SIGSTOP)
        try:
            yield port
        finally:
            api.signal(signal.SIGCONT)


@asynccontextmanager
async def nearly_full(program: Path, folder: Path) -> AsyncIterator[PrivatePort]:
    """Writes still work."""
    disk = folder / "disk"
    disk.mkdir()
    api = api_process(program, disk)
    namespace = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--mount"]
    api.command = [*namespace, "sh", "-ec", SMALL_DISK, "sh", str(disk), str(program)]
    api.log = folder / "api.log"
    with deployed(api, folder) as (gateway, port):
        async with over_http(gateway.url, token("ann")) as ann:
            await worked(ann, 5)
        yield examined(port)


def examined(port: PrivatePort) -> PrivatePort:
    """Waits until the page has what doctor finds."""
    end = time.monotonic() + 30
    while port.get("/?json").json()["doctor"]["at"] is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    return port


SCENES: dict[str, tuple[Scene, str, str]] = {
    "idle": (idle, "fine", "Fine."),
    "busy": (busy, "fine", "Fine."),
    "down": (down, "refused", "Calls are refused: the API does not answer"),
    "nearly-full": (nearly_full, "degraded", "Degraded: the disk is 9"),
}
"""With what the line on top says, and how its sentence begins."""
