"""The opening of sync sessions, which some APIs limit: the calls of one user then take turns."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import TypeVar

from toolbridge_mcp.errors import DEFAULT_WAIT_SECONDS, RateLimited
from toolbridge_mcp.resilience import current_deadline

Opened = TypeVar("Opened")


class Openings:
    """Opens sessions. While the API limits those of a user, that user's calls wait for their turn, each up to
    its deadline. Nothing is kept of a user whose calls do not wait.

    `user` names the user of the call at hand, as the API knows them.
    """

    def __init__(self, user: Callable[[], Hashable]) -> None:
        self._user = user
        self._lines: dict[Hashable, _Line] = {}

    async def open(self, opening: Callable[[], Awaitable[Opened]]) -> Opened:
        """What `opening` returns. Raises `RateLimited` when the call's turn comes too late."""
        user = self._user()
        line = self._lines.get(user)
        if line is None:
            try:
                return await opening()
            except RateLimited as limited:
                line = self._lines.setdefault(user, _Line())
                line.limited(limited)
        try:
            return await line.in_turn(opening)
        finally:
            if not line.waiting:
                self._lines.pop(user, None)


class _Line:
    """The calls of one user that wait, first come, first served."""

    def __init__(self) -> None:
        self.waiting = 0
        self._turn = asyncio.Lock()
        self._not_before = 0.0
        self._pace = 0.0
        """Seconds between two sessions, as far as is known."""
        self._opened_at = 0.0

    def limited(self, error: RateLimited) -> None:
        self._pace = float(DEFAULT_WAIT_SECONDS if error.wait_seconds is None else max(1, error.wait_seconds))
        self._not_before = time.monotonic() + self._pace

    async def in_turn(self, opening: Callable[[], Awaitable[Opened]]) -> Opened:
        self.waiting += 1
        try:
            self._expect_in_time(self.waiting * self._pace)
            async with self._my_turn():
                return await self._open(opening)
        finally:
            self.waiting -= 1

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(current_deadline().left):
                await self._turn.acquire()
        except TimeoutError as error:
            raise RateLimited(wait_seconds=math.ceil(self.waiting * self._pace)) from error
        try:
            yield
        finally:
            self._turn.release()

    async def _open(self, opening: Callable[[], Awaitable[Opened]]) -> Opened:
        while True:
            pause = self._not_before - time.monotonic()
            self._expect_in_time(pause)
            await asyncio.sleep(max(0.0, pause))
            try:
                opened = await opening()
            except RateLimited as limited:
                self.limited(limited)
            else:
                self._learn_pace()
                return opened

    def _learn_pace(self) -> None:
        """`Retry-After` has whole seconds, so the API may well let sessions follow each other faster."""
        now = time.monotonic()
        if self._opened_at:
            self._pace = now - self._opened_at
        self._opened_at = now

    def _expect_in_time(self, seconds: float) -> None:
        """Refuses a call at once that would only wait in vain."""
        if seconds >= current_deadline().left:
            raise RateLimited(wait_seconds=math.ceil(seconds))
