"""Both programs killed under load: clear errors, a quick return, nothing acknowledged is lost."""

import asyncio
import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from e2e.callers import Rest, connected, text_of, token
from e2e.refusals import ADDRESS
from e2e.report import Failed, expect
from e2e.stack import Stack, program_pid, supervisor_pid, until

WRITERS = 5
REFUSALS = 20
API_BACK_WITHIN = 5
GATEWAY_BACK_WITHIN = 10
"""Seconds on a machine that is busy with other tests; the printed figures tell what it takes."""
CLEAR = ("not available", "may or may not have been made")


@dataclass
class Load:
    """Writers that create notes until `done`, and what they were told."""

    stack: Stack
    bearer: str
    done: asyncio.Event = field(default_factory=asyncio.Event)
    acknowledged: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    killed: float = math.inf
    back: float = math.inf
    """When the first call that was begun after the kill was acknowledged."""

    async def write(self, writer: int) -> None:
        async with connected(self.stack.gateway, self.bearer) as tools:
            while not self.done.is_set():
                begun = time.monotonic()
                result = await tools.result("create_note", {"title": f"writer {writer}", "content": "x"})
                if result.is_error:
                    self.refusals.append(text_of(result))
                    await asyncio.sleep(0.01)
                    continue
                self.acknowledged.append((result.structured_content or {})["uid"])
                if begun > self.killed:
                    self.back = min(self.back, time.monotonic())

    async def write_while_it_lasts(self, writer: int) -> None:
        try:
            async with asyncio.timeout(30):
                await self.write(writer)
        except Exception as error:  # noqa: BLE001  however the client puts it: its stream is gone
            self.refusals.append(type(error).__name__)

    async def grow(self, by: int) -> None:
        wanted = len(self.acknowledged) + by
        await until(lambda: len(self.acknowledged) >= wanted, 20, f"{by} more writes were not acknowledged")

    async def all_is_there(self) -> None:
        async with Rest(self.stack, self.bearer) as rest:
            stored = set(await rest.all_uids("note"))
        lost = set(self.acknowledged) - stored
        expect(not lost, f"{len(lost)} of {len(self.acknowledged)} acknowledged writes are lost")


async def the_api_is_killed(stack: Stack) -> str:
    load = Load(stack, token(stack, "writer"))
    async with asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(load.write(writer))
        await load.grow(100)
        # supervisord is held for a moment, or it is so quick that no call notices: those that meet the
        # gap are repeated meanwhile.
        with held(stack):
            load.killed = kill(stack, "api")
            await until(lambda: len(load.refusals) >= REFUSALS, 20, f"not {REFUSALS} calls failed")
        released = time.monotonic()
        await until(lambda: load.back < math.inf, 20, "no write was acknowledged")
        gap = load.back - released
        await load.grow(100)
        load.done.set()
    unclear = [said for said in load.refusals if not _is_clear(said)]
    expect(not unclear, f"{len(unclear)} of {len(load.refusals)} errors are not clear: {unclear[:1]}")
    await load.all_is_there()
    expect(gap <= API_BACK_WITHIN, f"back after {gap:.2f} s, more than {API_BACK_WITHIN} s")
    return (
        f"back {gap:.2f} s after supervisord could restart it, {len(load.refusals)} clear errors in the gap, "
        f"{len(load.acknowledged)} of {len(load.acknowledged)} acknowledged writes are there"
    )


def _is_clear(said: str) -> bool:
    return any(sentence in said for sentence in CLEAR) and not ADDRESS.search(said)


async def the_gateway_is_killed(stack: Stack) -> str:
    load = Load(stack, token(stack, "writer"))
    writers = [asyncio.create_task(load.write_while_it_lasts(writer)) for writer in range(WRITERS)]
    try:
        await load.grow(100)
        killed = kill(stack, "gateway")
        await _reconnected(stack, load)
        gap = time.monotonic() - killed
        await asyncio.gather(*writers)
    finally:
        for writer in writers:
            writer.cancel()
    expect(len(load.refusals) == WRITERS, f"{len(load.refusals)} of {WRITERS} clients noticed")
    await load.all_is_there()
    expect(gap <= GATEWAY_BACK_WITHIN, f"back after {gap:.2f} s, more than {GATEWAY_BACK_WITHIN} s")
    return (
        f"a new connection and its first call after {gap:.2f} s, "
        f"{len(load.acknowledged)} of {len(load.acknowledged)} acknowledged writes are there"
    )


async def _reconnected(stack: Stack, load: Load) -> None:
    """Returns when a new connection has read the last acknowledged note."""
    deadline = time.monotonic() + 20
    while True:
        try:
            async with asyncio.timeout(5), connected(stack.gateway, load.bearer) as tools:
                await tools.call("get_note", uid=load.acknowledged[-1])
                return
        except Exception as error:  # the connection is refused until the gateway is back
            if time.monotonic() > deadline:
                raise Failed("no new connection worked within 20 s") from error
            await asyncio.sleep(0.05)


@contextmanager
def held(stack: Stack) -> Iterator[None]:
    """The stack's supervisord does nothing meanwhile."""
    pid = supervisor_pid(stack)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def kill(stack: Stack, program: str) -> float:
    """Returns the moment."""
    os.kill(program_pid(stack, program), signal.SIGKILL)
    return time.monotonic()
