"""The circuit breaker: while the API is gone, calls are refused at once instead of each finding out."""

import logging
import math
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Self

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
    takes. Any answer of the API closes it.

    A failure is one of the infrastructure: the API was not reached, or nothing came back. It does not
    count if the API answered anybody after the attempt began. Open, it lets one call try after
    `SHORTEST_SECONDS`, and doubles that time whenever such a call fails.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures = 0
        self._first_failure = 0.0
        self._last_answer = -math.inf
        self._open_until: float | None = None
        self._seconds = SHORTEST_SECONDS
        self._trial: Attempt | None = None

    @property
    def state(self) -> State:
        if self._open_until is None:
            return State.CLOSED
        return State.OPEN if self._now() < self._open_until else State.HALF_OPEN

    @property
    def troubled(self) -> bool:
        """Whether something failed and nothing was answered since."""
        return self._failures > 0

    def attempt(self, *, always: bool = False) -> "Attempt":
        """One attempt at the API, to be entered. Entering raises `CircuitOpen` if it must not be made.

        Say how it went with `answered` or `failed`. An attempt that ends without either, because it was
        cancelled for example, says nothing about the API. `always` is for the gateway's own probes, which an
        open breaker lets pass.
        """
        return Attempt(self, always)

    def _begin(self, attempt: "Attempt", always: bool) -> float:
        """The time at which the attempt begins."""
        now = self._now()
        if self._open_until is not None and not always:
            if now < self._open_until or self._trial is not None:
                wait = max(1, math.ceil(self._open_until - now))
                raise CircuitOpen(facts={"retry_after": wait})
            self._trial = attempt
        return now

    def _end(self, attempt: "Attempt") -> None:
        if self._trial is attempt:
            self._trial = None

    def _answered(self) -> None:
        self._last_answer = self._now()
        if self._open_until is not None:
            logger.warning("the API answers again")
        self._failures, self._open_until, self._trial = 0, None, None
        self._seconds = SHORTEST_SECONDS

    def _failed(self, attempt: "Attempt", may_be_slow: bool) -> None:
        if attempt.begun < self._last_answer:
            return
        now = self._now()
        if attempt.is_trial:
            self._seconds = min(2 * self._seconds, LONGEST_SECONDS)
            self._open_until = now + self._seconds
            return
        if self._failures == 0:
            self._first_failure = now
        if not may_be_slow or self._failures < FAILURES - 1:
            self._failures += 1
        lasting = now - self._first_failure >= TROUBLED_SECONDS
        if self._failures >= FAILURES and lasting and self._open_until is None:
            logger.warning("the API does not answer; calls are refused until it does")
            self._open_until = now + self._seconds


class Attempt:
    """One attempt at the API: a context manager. It began at `begun` on the breaker's clock."""

    __slots__ = ("_always", "_breaker", "begun")

    def __init__(self, breaker: CircuitBreaker, always: bool) -> None:
        self._breaker = breaker
        self._always = always
        self.begun = 0.0

    def __enter__(self) -> Self:
        self.begun = self._breaker._begin(self, self._always)
        return self

    def __exit__(self, *_: object) -> None:
        self._breaker._end(self)

    @property
    def is_trial(self) -> bool:
        """Whether this is the one call that an open breaker lets through."""
        return self._breaker._trial is self

    def answered(self) -> None:
        """The API answered, whatever it said."""
        self._breaker._answered()

    def failed(self, *, may_be_slow: bool = False) -> None:
        """The API was not reached, or did not answer.

        `may_be_slow` means that only the call's time was up. Such failures alone never open the breaker, or
        one user's slow calls would keep out everybody.
        """
        self._breaker._failed(self, may_be_slow)
