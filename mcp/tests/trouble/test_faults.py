"""What clients see of faults of a machine: all of the container runs under load, and something goes wrong.

Nothing that was acknowledged may be lost, and everybody must be served again. Out of memory and a full disk
need root, for a memory group and a small file system. All of it takes 10 minutes.
"""

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.clients import over_http, token
from tests.harness.postgres_server import PostgresServer, postgres_server
from tests.harness.processes import Process
from tests.harness.stack import change_api, entries, pids, serving, stack_process, supervisord
from tests.harness.table import head, row, say
from tests.trouble.steady import columns, kept, steady, told, told_besides

pytestmark = [pytest.mark.anyio, pytest.mark.trouble]

CLIENTS = 12
RECOVERY_SECONDS = 180
MEMORY = 24 << 20
"""What a program may still allocate in a memory group."""
PROGRAMS = ("api", "gateway", "watchdog")
LOGGERS = {"supervision", "supervisord", "toolbridge_mcp.supervision.prefork"}


@dataclass
class Scene:
    """A stack, and what it runs on."""

    stack: Process
    api: Path
    disk: Path
    server: PostgresServer | None = None
    ended_with: int | None = None
    """The exit code, if the whole stack ended."""

    def pid(self, program: str) -> int:
        """The gateway is the process that serves; its parent has a name of its own."""
        if program == "gateway":
            return serving(self.stack)
        if program == "gateway's parent":
            return pids(self.stack, "gateway")[-1]
        return supervisord(self.stack) if program == "supervisord" else pids(self.stack, program)[-1]

    async def restarted(self) -> None:
        """As the platform does with a container: waits for its end, and starts a new one."""
        code = await asyncio.to_thread(self.stack.wait, RECOVERY_SECONDS)
        self.ended_with = code
        for program in PROGRAMS:  # a container takes them along
            with suppress(ProcessLookupError):
                os.kill(pids(self.stack, program)[-1], signal.SIGKILL)
        change_api(self.stack, self.api)
        await asyncio.to_thread(self.stack.start)


Fault = Callable[[Scene], Awaitable[None]]


def signalled(program: str, number: signal.Signals, *, ends_all: bool = False) -> Fault:
    async def fault(scene: Scene) -> None:
        os.kill(scene.pid(program), number)
        if ends_all:
            await scene.restarted()

    return fault


async def crash_loop(scene: Scene) -> None:
    change_api(scene.stack, Path("/bin/false"))
    os.kill(scene.pid("api"), signal.SIGKILL)
    await scene.restarted()


async def all_of_the_gateway_frozen(scene: Scene) -> None:
    for part in ("gateway's parent", "gateway"):
        os.kill(scene.pid(part), signal.SIGSTOP)


def out_of_memory(program: str) -> Fault:
    async def fault(scene: Scene) -> None:
        pid = scene.pid(program)
        with memory_group(pid):
            while scene.pid(program) == pid:
                await asyncio.gather(*(large_write(scene) for _ in range(12)), return_exceptions=True)

    return fault


async def large_write(scene: Scene) -> None:
    async with asyncio.timeout(20), over_http(scene.stack.url, token("large")) as tools:
        await tools.result("create_note", title="large", content="\u00e4" * 900_000)


@contextmanager
def memory_group(pid: int) -> Iterator[None]:
    """The process is killed by the kernel when it takes more. What it has already does not count."""
    lines = [line.split(":") for line in Path("/proc/self/cgroup").read_text().splitlines()]
    _, version_1, own = next(line for line in lines if line[1] in {"memory", ""})
    group = Path("/sys/fs/cgroup", version_1, own.strip("/"), f"toolbridge-faults-{os.getpid()}")
    group.mkdir()
    try:
        (group / ("memory.limit_in_bytes" if version_1 else "memory.max")).write_text(str(MEMORY))
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        while (group / "cgroup.procs").read_text():
            time.sleep(0.1)
        group.rmdir()


def disk_full(*, restarts: bool = False) -> Fault:
    async def fault(scene: Scene) -> None:
        filler = scene.disk / "filler"
        fill(filler)
        if restarts:
            os.kill(scene.pid("api"), signal.SIGKILL)
        await asyncio.sleep(8)
        filler.unlink()

    return fault


def fill(filler: Path) -> None:
    """Until nothing goes onto the disk any more."""
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


async def database_gone(scene: Scene) -> None:
    if scene.server:
        await asyncio.to_thread(scene.server.stop)
        await asyncio.sleep(8)
        await asyncio.to_thread(scene.server.start_again)


FAULTS: dict[str, Fault] = {
    "api-killed": signalled("api", signal.SIGKILL),
    "api-frozen": signalled("api", signal.SIGSTOP),
    "gateway-killed": signalled("gateway", signal.SIGKILL),
    "gateway-frozen": signalled("gateway", signal.SIGSTOP),
    "gateway-parent-killed": signalled("gateway's parent", signal.SIGKILL),
    "gateway-parent-frozen": signalled("gateway's parent", signal.SIGSTOP),
    "gateway-all-frozen": all_of_the_gateway_frozen,
    "watchdog-killed": signalled("watchdog", signal.SIGKILL),
    "watchdog-frozen": signalled("watchdog", signal.SIGSTOP, ends_all=True),
    "supervisord-killed": signalled("supervisord", signal.SIGKILL, ends_all=True),
    "supervisord-frozen": signalled("supervisord", signal.SIGSTOP, ends_all=True),
    "api-crash-loop": crash_loop,
    "api-out-of-memory": out_of_memory("api"),
    "gateway-out-of-memory": out_of_memory("gateway"),
    "disk-full": disk_full(),
    "disk-full-and-api-killed": disk_full(restarts=True),
    "database-gone": database_gone,
}


@contextmanager
def scene_of(name: str, api: Path, folder: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        disk = folder / "disk"
        disk.mkdir()
        server, settings = None, {"DATABASE_URL": f"sqlite://{disk}/toolbridge.db"}
        if name == "database-gone":
            server = stack.enter_context(postgres_server(folder))
            settings = {"DATABASE_URL": server.url}
        if name.startswith("disk-full"):
            stack.enter_context(small_disk(disk))
        process = stack_process(api, folder, str, **settings)
        stack.callback(process.stop)
        process.start()
        yield Scene(process, api, disk, server)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def notes() -> Iterator[list[str]]:
    """The table's head before the first fault; after the last one, what clients were told beside answers."""
    head("fault", *columns(), "acknowledged and lost", "how it ended")
    notes: list[str] = []
    yield notes
    say("\nBeside answers clients were told:\n\n" + "\n".join(notes))


@pytest.mark.parametrize("name", FAULTS)
async def test_nothing_is_lost_and_all_are_served_again(
    name: str, api_binary: Path, tmp_path: Path, notes: list[str]
) -> None:
    with scene_of(name, api_binary, tmp_path) as scene:
        async with steady(scene.stack.url, CLIENTS) as record:
            await record.until_all_have_written(CLIENTS, 60)
            # A program that lived for 5 s counts as started, and the watchdog probes each every 5 s.
            await asyncio.sleep(11)
            begun, before = time.monotonic(), len(entries(scene.stack))
            await FAULTS[name](scene)
            recovered = await record.until_all_have_written(CLIENTS, RECOVERY_SECONDS)
        found = await kept(scene.stack.url, CLIENTS, record)
        end = "served again" if recovered else "NOT SERVED AGAIN"
        lost = f"{found.lost} of {found.acknowledged}"
        row(name, *told(record, begun), lost, f"{end}: {logged(scene, before)}")
    notes.append(f"{name}:\n\n{told_besides(record)}\n")
    assert found.lost == 0
    assert recovered


def logged(scene: Scene, before: int) -> str:
    """What the log says to an operator."""
    lines = entries(scene.stack)[before:]
    said = [str(line["message"]) for line in lines if str(line["logger"]) in LOGGERS]
    words = ("killing", "exited", "ended", "everything")
    found = [one for one in said if any(word in one for word in words)]
    found += [f"cause: {line['cause']}" for line in lines if line["level"] == "error" and "cause" in line]
    found += [f"the stack ended with {scene.ended_with}"] if scene.ended_with is not None else []
    return "; ".join(dict.fromkeys(re.sub(r" \(\d+\)", "", one) for one in found)) or "-"
