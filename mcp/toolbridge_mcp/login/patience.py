"""Waiting for an API that is away for a moment, as while it starts again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from toolbridge_mcp.errors import NotReached
from toolbridge_mcp.login.failures import LoginUnavailable

SECONDS = 10.0
"""A restart takes a second or two, and clients wait longer than this for an answer."""

PAUSE_SECONDS = 0.25
MOST = 200
"""Requests that wait at once. Further ones are told at once that the API is away."""

T = TypeVar("T")


class Patience:
    """Asks again while the API does not answer. A client whose refresh fails may send its user to the
    sign-in, which nobody should meet because of a restart."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._waiting = 0

    async def ask(self, request: Callable[[], Awaitable[T]], *, is_repeatable: bool = True) -> T:
        """What `request` returns. One that is not repeatable is sent again only if it did not reach the API.
        Raises what it raises."""
        until = time.monotonic() + self._seconds
        while True:
            try:
                return await request()
            except LoginUnavailable as error:
                may_be_sent = is_repeatable or isinstance(error.__cause__, NotReached)
                if not may_be_sent or self._waiting >= MOST or time.monotonic() > until:
                    raise
            self._waiting += 1
            try:
                await asyncio.sleep(PAUSE_SECONDS)
            finally:
                self._waiting -= 1
