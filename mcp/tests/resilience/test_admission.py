"""Calls at once are limited and shared fairly between users, and a finished call leaves nothing behind."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from tests.harness.clients import over_sse, token
from tests.harness.misbehaving import gateway_before, misbehaving, silent
from toolbridge_mcp.errors import Busy
from toolbridge_mcp.resilience import Admission, within

pytestmark = pytest.mark.anyio


class Calls:
    """Calls that run until the test ends them, in the order in which they began."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.begun: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.ends: list[asyncio.Event] = []

    async def arrive(self, user: str, times: int = 1, deadline: float = 30) -> None:
        for _ in range(times):
            self.tasks.append(asyncio.create_task(self._call(user, deadline)))
            await asyncio.sleep(0)

    async def end_first(self) -> None:
        self.ends.pop(0).set()
        await settled()

    async def _call(self, user: str, deadline: float) -> None:
        with within(deadline):
            await self.admission.enter(user)
        try:
            end = asyncio.Event()
            self.begun.append(user)
            self.ends.append(end)
            await end.wait()
        finally:
            self.admission.finish()
            self.admission.leave(user)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@asynccontextmanager
async def calls_of(admission: Admission) -> AsyncIterator[Calls]:
    """Cancels the calls that still run, and expects that nothing is kept of them."""
    calls = Calls(admission)
    yield calls
    for task in calls.tasks:
        task.cancel()
    await asyncio.gather(*calls.tasks, return_exceptions=True)
    assert (admission.running, admission.waiting, admission.users) == (0, 0, 0)


async def test_calls_of_one_user_leave_room_for_others() -> None:
    async with calls_of(Admission(4, 2)) as calls:
        await calls.arrive("ann", 10)
        await calls.arrive("bob", 2)
        assert Counter(calls.begun) == {"ann": 2, "bob": 2}


async def test_users_take_turns() -> None:
    async with calls_of(Admission(6, 3)) as calls:
        await calls.arrive("ann", 6)
        await calls.arrive("dan", 3)
        await calls.arrive("bob", 2)
        await calls.arrive("cid", 1)
        for _ in range(6):
            await calls.end_first()
        assert calls.begun == ["ann"] * 3 + ["dan"] * 3 + ["ann", "bob", "cid", "ann", "bob", "ann"]


async def test_as_many_may_wait_as_may_run_and_the_next_is_told_at_once() -> None:
    admission = Admission(2, 1)
    async with calls_of(admission) as calls:
        await calls.arrive("ann", 2)
        with within(30), pytest.raises(Busy, match="The user has as many calls"):
            await admission.enter("ann")
        await calls.arrive("bob", 2)
        with within(30), pytest.raises(Busy, match="The users together have as many calls"):
            await admission.enter("cid")


async def test_waiting_ends_with_an_error_that_says_the_seconds() -> None:
    admission = Admission(1, 1, wait_seconds=0.01)
    async with calls_of(admission) as calls:
        await calls.arrive("ann")
        with within(30), pytest.raises(Busy, match="nothing was done. Wait 2 seconds"):  # noqa: RUF043
            await admission.enter("bob")


async def test_waiting_ends_with_the_deadline() -> None:
    admission = Admission(1, 1, wait_seconds=60)
    async with calls_of(admission) as calls:
        await calls.arrive("ann")
        with anyio.fail_after(5), within(0.01), pytest.raises(Busy):
            await admission.enter("bob")


async def test_a_cancelled_call_leaves_its_place_in_the_queue() -> None:
    admission = Admission(2, 1)
    async with calls_of(admission) as calls:
        await calls.arrive("ann", 2)
        await calls.arrive("bob", 2)
        calls.tasks[1].cancel()
        await calls.end_first()
        assert admission.waiting == 1
        await calls.end_first()
        assert calls.begun == ["ann", "bob", "bob"]


async def test_a_place_given_in_the_moment_of_a_cancellation_goes_to_the_next() -> None:
    admission = Admission(2, 2)
    async with calls_of(admission) as calls:
        await calls.arrive("ann", 2)
        await calls.arrive("bob")
        await calls.arrive("cid")
        calls.ends[0].set()
        while admission.waiting == 2:
            await asyncio.sleep(0)
        calls.tasks[2].cancel()
        await settled()
        assert calls.begun == ["ann", "ann", "cid"]


async def test_thousands_of_calls_of_many_users_never_exceed_the_limits() -> None:
    admission = Admission(20, 5, wait_seconds=30)
    most: Counter[str] = Counter()
    now: Counter[str] = Counter()

    async def call(number: int) -> None:
        user = f"user-{number % 7}"
        try:
            with within(30):
                await admission.enter(user)
        except Busy:
            return
        now[user] += 1
        most[user] = max(most[user], now[user])
        most["all"] = max(most["all"], now.total())
        await asyncio.sleep(0)
        now[user] -= 1
        admission.finish()
        admission.leave(user)

    tasks = [asyncio.create_task(call(number)) for number in range(5_000)]
    for task in tasks[::10]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most.pop("all") == 20
    assert max(most.values()) <= 5
    assert (admission.running, admission.waiting, admission.users) == (0, 0, 0)


async def test_one_users_slow_calls_do_not_hold_up_another(tmp_path: Path) -> None:
    limits = {"TOOLBRIDGE_MAX_CALLS": "20", "TOOLBRIDGE_MAX_CALLS_PER_USER": "10"}
    async with (
        misbehaving(silent) as api,
        gateway_before(api, tmp_path, **limits) as gateway,
        over_sse(gateway.url, token("ann")) as slow,
        over_sse(gateway.url, token("bob")) as other,
    ):
        calls = [asyncio.create_task(slow.result("list_notes")) for _ in range(10)]
        await api.until(lambda: len(api.requests) == 10)
        with anyio.fail_after(2):
            await other.call("list_chats")
        assert "The user has as many calls at work" in await slow.refusal("list_chats")
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await slow.call("list_chats")
