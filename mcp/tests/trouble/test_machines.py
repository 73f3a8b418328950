"""Two machines of one tenant, each with an API and a gateway, behind a proxy that honours Fly-Replay.

Both APIs are on one PostgreSQL server. 50 sessions over all transports make 1,000 calls; then, under the load
of 30 clients, one machine is stopped and started again, and the other is killed. Nothing that was
acknowledged may be lost.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.postgres_server import postgres_server
from tests.harness.processes import Process, api_process, free_port, gateway_process, running
from tests.harness.replaying_proxy import ReplayingProxy
from tests.harness.table import head, row, say
from tests.trouble.steady import Caller, Record, columns, kept, steady, told, told_besides

pytestmark = [pytest.mark.anyio, pytest.mark.trouble]

SESSIONS, WRITES = 50, 10
CLIENTS = 30


@dataclass(frozen=True)
class Machine:
    api: Process
    gateway: Process

    async def end(self, number: signal.Signals) -> int | None:
        """As supervisord does it: the gateway before the API. Gives the gateway's exit code."""
        self.gateway.signal(number)
        code = await asyncio.to_thread(self.gateway.wait)
        self.api.signal(number)
        await asyncio.to_thread(self.api.wait)
        return code

    async def start(self) -> None:
        await asyncio.to_thread(self.api.start)
        await asyncio.to_thread(self.gateway.start)


@contextmanager
def two_machines(binary: Path, folder: Path, database: str) -> Iterator[dict[str, Machine]]:
    with ExitStack() as stack:
        machines = {}
        for name in ("aaa111", "bbb222"):
            own = folder / name
            own.mkdir()
            api = stack.enter_context(running(api_process(binary, own, DATABASE_URL=database)))
            gateway = stack.enter_context(running(gateway_process(api.url, own, FLY_MACHINE_ID=name)))
            machines[name] = Machine(api, gateway)
        yield machines


async def sessions_on_two_machines(proxy: ReplayingProxy) -> Record:
    record = Record()
    async with asyncio.TaskGroup() as group:
        for number in range(SESSIONS):
            group.create_task(Caller(number, proxy.url, record, WRITES).run())
    return record


async def with_trouble(name: str, proxy: ReplayingProxy, trouble: Callable[[], Awaitable[None]]) -> Record:
    replays = proxy.replays
    async with steady(proxy.url, CLIENTS) as record:
        await record.until_all_have_written(CLIENTS, 30)
        begun = time.monotonic()
        await trouble()
        await record.until_all_have_written(CLIENTS, 60)
    row(name, *told(record, begun), proxy.replays - replays)
    return record


async def test_two_machines_lose_nothing(api_binary: Path, tmp_path: Path) -> None:
    head("two machines", *columns(), "replays")
    with (
        postgres_server(tmp_path) as server,
        two_machines(api_binary, tmp_path, server.url) as machines,
    ):
        await nothing_is_lost(machines)


async def nothing_is_lost(machines: dict[str, Machine]) -> None:
    proxy = ReplayingProxy({name: machine.gateway.url for name, machine in machines.items()})
    first, second = machines.values()

    async def stopped() -> None:
        await first.end(signal.SIGTERM)

    async def killed() -> None:
        await second.end(signal.SIGKILL)

    async with proxy.serve(free_port()) as proxy.url:
        begun = time.monotonic()
        calls = await sessions_on_two_machines(proxy)
        row(f"both serve, {SESSIONS} sessions", *told(calls, begun), proxy.replays)
        stop = await with_trouble("one is stopped (SIGTERM)", proxy, stopped)
        await first.start()
        kill = await with_trouble("the other is killed (SIGKILL)", proxy, killed)
        say(f"\nBeside answers clients were told:\n\n{told_besides(stop, kill)}")
        found = await kept(proxy.url, max(SESSIONS, CLIENTS), calls, stop, kill)
        say(f"\n{found}")
        assert found.lost == 0
