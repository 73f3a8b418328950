"""Bodies that somebody holds back, and those of everybody else."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from toolbridge_mcp.login.bodies import MOST, MOST_EACH, Bodies
from toolbridge_mcp.login.refused import EndpointError

pytestmark = pytest.mark.anyio


def request(address: str, *, is_held_back: bool = False) -> Request:
    async def receive() -> Message:
        if is_held_back:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"a=1", "more_body": False}

    return Request({"type": "http", "headers": [], "client": (address, 1)}, receive)


def held_back(bodies: Bodies, *addresses: str) -> list[asyncio.Task[bytes]]:
    return [asyncio.create_task(bodies.read(request(one, is_held_back=True))) for one in addresses]


async def end(tasks: list[asyncio.Task[bytes]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def statuses(tasks: list[asyncio.Task[bytes]]) -> list[int]:
    """Of those that have ended."""
    ended = await asyncio.gather(*(task for task in tasks if task.done()), return_exceptions=True)
    return [one.status for one in ended if isinstance(one, EndpointError)]


async def test_whoever_holds_bodies_back_keeps_no_other_out() -> None:
    bodies = Bodies()
    slow = held_back(bodies, *[f"10.0.0.{number % 250}" for number in range(MOST)])
    await asyncio.sleep(0)
    assert await bodies.read(request("192.0.2.1")) == b"a=1"
    await asyncio.sleep(0.01)
    assert [slow.index(task) for task in slow if task.done()] == [0]
    assert await statuses(slow) == [503]
    await end(slow)


async def test_nor_those_of_the_same_address() -> None:
    bodies = Bodies()
    other = held_back(bodies, "192.0.2.1")
    slow = held_back(bodies, *["10.0.0.1"] * MOST_EACH)
    await asyncio.sleep(0)
    assert await bodies.read(request("10.0.0.1")) == b"a=1"
    await asyncio.sleep(0.01)
    assert not other[0].done()
    assert await statuses(slow) == [503]
    await end([*other, *slow])


async def test_so_many_are_read_at_once_and_no_more() -> None:
    bodies = Bodies()
    slow = held_back(bodies, *[f"10.0.{number // 250}.{number % 250}" for number in range(3 * MOST)])
    await asyncio.sleep(0.05)
    assert sum(not task.done() for task in slow) == MOST
    assert await statuses(slow) == [503] * 2 * MOST
    await end(slow)
    assert await bodies.read(request("192.0.2.1")) == b"a=1"
