"""Which failed attempts of a call are worth another one, and when."""

import random

from toolbridge_mcp.errors import (
    CircuitOpen,
    EpochChanged,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    SessionRefused,
    TenantRefused,
    TimedOutWrite,
    TokenServiceUnavailable,
    ToolBridgeError,
    Unavailable,
)

HIDDEN = "downgrade"
"""Why the API refuses a signature that was made before it took a better one. It did nothing."""

MAX_ATTEMPTS = 4
FIRST_PAUSE = 0.05
MOST_WAITED = 3.0
"""Seconds that one call waits at most because the API asks for it. Above that, the model reads the number."""


class Retries:
    """The attempts of one call. `writes` says whether the call may change something."""

    __slots__ = ("_once", "_unknown", "_waited", "_writes", "attempts")

    def __init__(self, *, writes: bool) -> None:
        self._writes = writes
        self.attempts = 0
        """Those that have failed."""
        self._waited = 0.0
        self._once: set[type[ToolBridgeError]] = set()
        self._unknown: OutcomeUnknown | None = None

    def pause(self, error: ToolBridgeError, left: float, *, repeats_safely: bool) -> float:
        """Seconds to wait before the next attempt. Raises what the call failed with if there is none.

        `left` is the number of seconds until the deadline. `repeats_safely` says whether the API carries out
        a repeated write once.
        """
        self.attempts += 1
        seconds = self._seconds(error, repeats_safely)
        if isinstance(error, OutcomeUnknown):
            self._unknown = error
        if seconds is not None and self.attempts < MAX_ATTEMPTS and seconds < left:
            return seconds
        raise self._outcome(error)

    def _outcome(self, error: ToolBridgeError) -> ToolBridgeError:
        """What the call failed with. An earlier attempt at a write may have been carried out; only an answer
        for which the API examined the request says whether it was."""
        return error if self._unknown is None or isinstance(error, Rejected) else self._unknown

    def _seconds(self, error: ToolBridgeError, repeats_safely: bool) -> float | None:
        match error:
            case CircuitOpen() | TokenServiceUnavailable() | TimedOutWrite():
                return None
            case SessionRefused():
                return self._at_once(error)
            case TenantRefused() if error.details.get("reason") == HIDDEN:
                return self._at_once(error)
            case EpochChanged():
                return None if self._writes else self._at_once(error)
            case OutcomeUnknown():
                return self._back_off() if repeats_safely else None
            case Unavailable() | RateLimited() if error.wait_seconds is not None:
                return self._as_asked(error.wait_seconds)
            case Unavailable():
                return self._back_off()
        return None

    def _at_once(self, error: ToolBridgeError) -> float | None:
        if type(error) in self._once:
            return None
        self._once.add(type(error))
        return 0.0

    def _as_asked(self, seconds: float) -> float | None:
        self._waited += seconds
        return seconds + self._back_off() if self._waited <= MOST_WAITED else None

    def _back_off(self) -> float:
        """50, 100, 200 ms (±50 %), so that calls that failed together do not return together."""
        return FIRST_PAUSE * 2.0 ** (self.attempts - 1) * random.uniform(0.5, 1.5)  # noqa: S311  no secret
