"""How often one user may call."""

import math
import time
from collections.abc import Callable, Hashable

from toolbridge_mcp.errors import RateLimited

MAX_USERS = 10_000


class RateLimit:
    """A token bucket for each user: `burst` calls at once, refilled with `per_minute` a minute.

    For each user it keeps the time at which the bucket is full again, until that time. Above `MAX_USERS`, the
    user whose latest call is the oldest gets a full bucket.
    """

    def __init__(self, per_minute: int, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self._interval = 60 / per_minute
        self._room = burst * self._interval
        self._now = now
        self._full_at: dict[Hashable, float] = {}

    @property
    def users(self) -> int:
        """How many users are remembered."""
        return len(self._full_at)

    def take(self, user: Hashable) -> None:
        """Counts one call. Raises `RateLimited`, with the seconds to wait, when the bucket is empty."""
        now = self._now()
        full_at = max(now, self._full_at.pop(user, now))
        wait = full_at + self._interval - now - self._room
        allowed = wait <= 0
        self._full_at[user] = full_at + self._interval if allowed else full_at
        self._sweep(now)
        if not allowed:
            raise RateLimited(facts={"retry_after": max(1, math.ceil(wait))})

    def _sweep(self, now: float) -> None:
        """Forgets the users whose buckets are full again, beginning with the oldest."""
        oldest = next(iter(self._full_at))
        while len(self._full_at) > MAX_USERS or self._full_at[oldest] <= now:
            del self._full_at[oldest]
            oldest = next(iter(self._full_at))
