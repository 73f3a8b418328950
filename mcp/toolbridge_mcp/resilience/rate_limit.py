"""How often one user may call, or how much one may send."""

import math
import time
from collections.abc import Callable, Hashable

from toolbridge_mcp.errors import RateLimited

MAX_USERS = 10_000


class RateLimit:
    """A token bucket for each user: `burst` calls, or bytes, at once, refilled with `per_minute` a minute.

    For each user it keeps the time at which the bucket is full again, until that time. Above `MAX_USERS`, the
    user whose latest call is the oldest gets a full bucket.
    """

    def __init__(self, per_minute: int, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self.burst = burst
        self._interval = 60 / per_minute
        self._room = burst * self._interval
        self._now = now
        self._full_at: dict[Hashable, float] = {}

    @property
    def users(self) -> int:
        """How many users are remembered."""
        return len(self._full_at)

    @property
    def exhausted(self) -> int:
        """How many users may not make another call at this moment, from any thread."""
        latest = self._now() + self._room - self._interval
        return sum(full_at > latest for full_at in list(self._full_at.values()))

    def left(self, user: Hashable) -> int:
        """How many calls the user may make at this moment."""
        now = self._now()
        taken = max(0.0, self._full_at.get(user, now) - now) / self._interval
        return math.floor(self.burst - taken + 1e-6)

    def take(self, user: Hashable) -> None:
        """Counts one call. Raises `RateLimited`, with the seconds to wait, when the bucket is empty."""
        wait = self.missing(user)
        if wait > 0:
            raise RateLimited(facts={"retry_after": max(1, math.ceil(wait))})

    def missing(self, user: Hashable, amount: int = 1) -> float:
        """Counts `amount` and returns 0; or the seconds until there is enough, and counts nothing."""
        now = self._now()
        cost = amount * self._interval
        full_at = max(now, self._full_at.pop(user, now))
        wait = full_at + cost - now - self._room
        allowed = wait <= 0
        self._full_at[user] = full_at + cost if allowed else full_at
        self._sweep(now)
        return 0 if allowed else wait

    def _sweep(self, now: float) -> None:
        """Forgets the users whose buckets are full again, beginning with the oldest."""
        while self._full_at:
            oldest = next(iter(self._full_at))
            if len(self._full_at) <= MAX_USERS and self._full_at[oldest] > now:
                return
            del self._full_at[oldest]
