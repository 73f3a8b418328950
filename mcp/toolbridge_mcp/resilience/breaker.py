"""The circuit breaker: while the API is gone, calls are told so at once instead of each finding out."""

import logging
import math
import time
from collections.abc import Callable
from enum import IntEnum

from toolbridge_mcp.errors import CircuitOpen

logger = logging.getLogger(__name__)

FAILURES = 5
TROUBLED_SECONDS = 0.25
SHORTEST_SECONDS = 0.5
LONGEST_SECONDS = 10.0


class State(IntEnum):
    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class CircuitBreaker:
    """Opens after `FAILURES` failures in a row over at least `TROUBLED_SECONDS`, which a restart of the API
    takes; any answer of the API closes it.

    A failure is one of the infrastructure: the API was not reached, or nothing came back. It does not
    count while others got answers. Open, it lets one call through after `SHORTEST_SECONDS`, and doubles
    that time whenever such a call fails.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures = 0
        self._first_failure = 0.0
        self._last_answer = -math.inf
        self._open_until: float | None = None
        self._seconds = SHORTEST_SECONDS
        self._probe: float | None = None

    @property
    def state(self) -> State:
        if self._open_until is None:
            return State.CLOSED
        return State.OPEN if self._now() < self._open_until else State.HALF_OPEN

    @property
    def troubled(self) -> bool:
        """Whether something failed and nothing was answered since."""
        return self._failures > 0

    def enter(self) -> float:
        """Begins an attempt and returns its mark, or raises `CircuitOpen` when it must not be made."""
        now = self._now()
        if self._open_until is None:
            return now
        if now < self._open_until or self._probe is not None:
            wait = max(1, math.ceil(self._open_until - now))
            raise CircuitOpen(facts={"retry_after": wait})
        self._probe = now
        return now

    def look(self) -> float:
        """Begins an attempt of the gateway's own, which an open breaker does not keep back."""
        return self._now()

    def answered(self) -> None:
        """The API answered, whatever it said."""
        self._last_answer = self._now()
        if self._open_until is not None:
            logger.warning("the API answers again")
        self._failures, self._open_until, self._probe = 0, None, None
        self._seconds = SHORTEST_SECONDS

    def left(self, mark: float) -> None:
        """The attempt ended without telling anything of the API, for example because it was cancelled."""
        if mark == self._probe:
            self._probe = None

    def failed(self, mark: float, *, may_be_slow: bool = False) -> None:
        """The attempt failed. `may_be_slow` means that only its time was up: such failures alone never open
        the breaker, or one user's slow calls would keep out everybody."""
        now, was_probe = self._now(), mark == self._probe
        self.left(mark)
        if mark < self._last_answer:
            return
        if was_probe:
            self._seconds = min(2 * self._seconds, LONGEST_SECONDS)
            self._open(now)
            return
        if self._failures == 0:
            self._first_failure = now
        if not may_be_slow or self._failures < FAILURES - 1:
            self._failures += 1
        lasting = now - self._first_failure >= TROUBLED_SECONDS
        if self._failures >= FAILURES and lasting and self._open_until is None:
            logger.warning("the API does not answer; calls are refused until it does")
            self._open(now)

    def _open(self, now: float) -> None:
        self._open_until = now + self._seconds
