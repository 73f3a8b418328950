"""Clients over SSE that call one tool after another while secrets are changed, and count the failures."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import httpx2
from fastmcp import Client
from fastmcp.client.transports import SSETransport

CONNECTING_AT_ONCE = 5
PAUSE = 0.5
"""Each client waits about so long between two calls."""

CALL_SECONDS = 30


class Renewing(httpx2.Auth):
    """Takes a token anew for each request, as a client does that renews its own."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response]:
        request.headers["Authorization"] = f"Bearer {self._token()}"
        yield request


@dataclass
class Load:
    """Calls so far, and why those failed that did."""

    calls: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    async def more(self, calls: int) -> None:
        """Returns when so many more calls have been answered."""
        wanted = self.calls + calls
        while self.calls < wanted:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def clients(url: str, count: int, token_of: Callable[[str], str]) -> AsyncIterator[Load]:
    """So many clients, each of a user of its own, who read and write until the block ends. `token_of` gives
    the present token of a user."""
    async with clients_with(url, count, lambda user: Renewing(partial(token_of, user))) as load:
        yield load


@asynccontextmanager
async def clients_with(url: str, count: int, auth_of: Callable[[str], httpx2.Auth]) -> AsyncIterator[Load]:
    """The same. `auth_of` adds the token of a user to requests."""
    load, connecting = Load(), asyncio.Semaphore(CONNECTING_AT_ONCE)
    ready = [asyncio.Event() for _ in range(count)]
    async with asyncio.TaskGroup() as tasks:
        working = [
            tasks.create_task(_work(url, load, connecting, event, auth_of(f"user-{number}")))
            for number, event in enumerate(ready)
        ]
        await asyncio.gather(*(event.wait() for event in ready))
        try:
            yield load
        finally:
            for task in working:
                task.cancel()


async def _work(
    url: str, load: Load, connecting: asyncio.Semaphore, ready: asyncio.Event, auth: httpx2.Auth
) -> None:
    await connecting.acquire()
    async with Client(SSETransport(f"{url}/sse", auth=auth), timeout=CALL_SECONDS) as client:
        connecting.release()
        ready.set()
        number = 0
        while True:
            number += 1
            try:
                if number % 4:
                    await client.call_tool("list_notes", {"limit": 1})
                else:
                    await client.call_tool("create_note", {"title": f"note {number}", "content": "x"})
            except Exception as error:  # noqa: BLE001  whatever the client makes of it
                load.failures[f"{type(error).__name__}: {str(error)[:200]}"] += 1
            load.calls += 1
            await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))
