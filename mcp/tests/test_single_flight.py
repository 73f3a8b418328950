"""Work that runs once for several callers."""

import asyncio
from contextvars import ContextVar

import pytest

from toolbridge_mcp.errors import RateLimited, Unavailable
from toolbridge_mcp.single_flight import SingleFlight

pytestmark = pytest.mark.anyio
caller: ContextVar[str] = ContextVar("caller", default="nobody")


class Work:
    """Waits until it is let go, then returns or raises `outcome`."""

    def __init__(self, outcome: object = "done") -> None:
        self.runs = 0
        self.cancelled = False
        self.started = asyncio.Event()
        self.go = asyncio.Event()
        self._outcome = outcome

    async def __call__(self) -> object:
        self.runs += 1
        self.started.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


async def test_callers_of_one_key_share_a_run_and_the_next_one_starts_another() -> None:
    flights: SingleFlight[object] = SingleFlight()
    work = Work()
    callers = [asyncio.create_task(flights.run(work)) for _ in range(3)]
    await work.started.wait()
    work.go.set()
    assert await asyncio.gather(*callers) == ["done"] * 3
    assert work.runs == 1
    assert not flights.is_running()
    assert await flights.run(work) == "done"
    assert work.runs == 2


async def test_keys_do_not_wait_for_each_other() -> None:
    flights: SingleFlight[object] = SingleFlight()
    slow, quick = Work("slow"), Work("quick")
    waiting = asyncio.create_task(flights.run(slow, "slow"))
    await slow.started.wait()
    quick.go.set()
    assert await flights.run(quick, "quick") == "quick"
    assert flights.is_running("slow")
    slow.go.set()
    assert await waiting == "slow"


async def test_a_cancelled_caller_leaves_the_run_to_the_others() -> None:
    flights: SingleFlight[object] = SingleFlight()
    work = Work()
    first, second = (asyncio.create_task(flights.run(work)) for _ in range(2))
    await work.started.wait()
    first.cancel()
    await asyncio.wait([first])
    work.go.set()
    assert await second == "done"
    assert work.runs == 1


async def test_a_caller_that_waits_no_longer_leaves_the_run_to_the_others() -> None:
    flights: SingleFlight[object] = SingleFlight()
    work = Work()
    patient = asyncio.create_task(flights.run(work))
    with pytest.raises(TimeoutError):
        await flights.run(work, seconds=0.01)
    work.go.set()
    assert await patient == "done"
    assert work.runs == 1


async def test_the_run_knows_nothing_of_the_caller_that_started_it() -> None:
    async def who() -> str:
        return caller.get()

    caller.set("ann")
    flights: SingleFlight[str] = SingleFlight()
    assert await flights.run(who) == "nobody"


async def test_each_caller_gets_the_error() -> None:
    error = RateLimited("slow down", correlation_id="c", wait_seconds=7)
    flights: SingleFlight[object] = SingleFlight()
    work = Work(error)
    callers = [asyncio.create_task(flights.run(work)) for _ in range(2)]
    await work.started.wait()
    work.go.set()
    one, two = await asyncio.gather(*callers, return_exceptions=True)
    assert one is two is error


async def test_a_failure_that_nobody_waits_for_is_not_reported_by_asyncio() -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    flights: SingleFlight[object] = SingleFlight()
    work = Work(Unavailable())
    task = flights.start(work)
    work.go.set()
    await asyncio.wait([task])
    del task
    assert not flights.is_running()
    assert reported == []


async def test_closing_cancels_the_run_and_waits_for_its_end() -> None:
    flights: SingleFlight[object] = SingleFlight()
    work = Work()
    flights.start(work)
    await work.started.wait()
    await flights.aclose()
    assert work.cancelled
    assert not flights.is_running()
