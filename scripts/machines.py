"""Two machines of one tenant, each with an API and a gateway, behind a proxy that honours Fly-Replay.

    machines.py API-BINARY

Both APIs are on one PostgreSQL server. 50 sessions over all transports make 1,000 calls; then, under the load
of 30 clients, one machine is told to stop and started again, and the other is killed. Prints a table, and
ends with 1 if anything acknowledged was lost. Needs what mcp/requirements-dev.lock names.
"""

import asyncio
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "mcp"))

from tests.harness.postgres_server import postgres_server
from tests.harness.processes import Process, api_process, free_port, gateway_process, running
from tests.harness.replaying_proxy import ReplayingProxy
from tests.harness.steady import Caller, Record, columns, kept, row, steady, told, told_besides

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


async def show_all(machines: dict[str, Machine]) -> int:
    """How much of what was acknowledged is lost."""
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
        sys.stdout.write(f"\nBeside answers clients were told:\n\n{told_besides(stop, kill)}")
        found = await kept(proxy.url, max(SESSIONS, CLIENTS), calls, stop, kill)
        sys.stdout.write(f"\n{found}\n")
        return found.lost


def main() -> None:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        sys.exit(__doc__)
    binary = Path(sys.argv[1]).absolute()
    logging.getLogger("mcp").setLevel(logging.CRITICAL)  # it tells of each session that ends
    with tempfile.TemporaryDirectory() as folder, postgres_server(Path(folder)) as server:
        row("two machines", *columns(), "replays")
        row("---", *["---:"] * len(columns()), "---:")
        with two_machines(binary, Path(folder), server.url) as machines:
            lost = asyncio.run(show_all(machines))
    sys.exit(lost > 0)


if __name__ == "__main__":
    main()
