"""Whether the API accepts the gateway itself: its tenant, its secret and its clock."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from toolbridge_mcp.client.clocks import Clocks
from toolbridge_mcp.errors import NO_FACTS, ReadOnly, ScopeRefused
from toolbridge_mcp.transport import Response

logger = logging.getLogger(__name__)

REFUSED_SECONDS = 30
"""How long a refusal counts. Only calls can show that it is over, and none come while it counts."""

LOG_SECONDS = 60
UNAUTHORIZED = 401

DISAGREES = "The API does not accept this gateway: tenant, secret or clock disagree."
OTHER = "other"
PROCESS = "process"
"""Says that another process of the API took the request: nothing that the next one need meet."""

REASONS: Mapping[str, str] = {
    "clock": "The API refuses this gateway's signatures: the clocks of the two are too far apart.",
    "digest": "The API refuses this gateway's requests: their contents are changed on the way.",
    "downgrade": "The API refuses this gateway's signatures: what it says of them is changed on the way.",
    "expired": "The API refuses this gateway's signatures: they were valid for less time than requests take.",
    "replay": "The API refuses this gateway's requests: it receives one of them twice.",
    "version": "The API refuses signatures of this version: correct TOOLBRIDGE_SIGNATURE.",
    OTHER: DISAGREES,
}
"""Why the API refuses a signature, by what the details of its answer name, in sentences for the operator."""


class Standing:
    """What the API's answers have shown about the gateway's own credentials."""

    def __init__(self, window_seconds: Callable[[], float]) -> None:
        """`window_seconds` says how far the clocks may be apart for the signature in use."""
        self._window_seconds = window_seconds
        self.clocks = Clocks()
        self._refusal = DISAGREES
        self._refused_at = -float("inf")
        self._logged_at: dict[str, float] = {}

    def refused(self, answer: Response, details: Mapping[str, Any] = NO_FACTS) -> None:
        """Takes note of an answer that refuses the tenant, and of what its details say. The operator reads of
        each reason once a minute.

        With 403 the API refuses this user in the tenant, which says nothing about other users.
        """
        self.clocks.compare(answer.header("Date"), time.time())
        named = details.get("reason")
        reason = named if isinstance(named, str) and named in {*REASONS, PROCESS} else OTHER
        skew = details.get("skewSeconds")
        counts = answer.status == UNAUTHORIZED and reason != PROCESS
        if counts and not self._is_too_far_apart():  # that is over when they agree
            self._refused_at = time.monotonic()
            self._refusal = _apart(skew) if isinstance(skew, int) else REASONS[reason]
        if self._is_to_be_logged(reason):
            logger.error(
                "the API does not accept this gateway: tenant, secret or clock disagree",
                extra={
                    "status": answer.status,
                    "reason": reason,
                    "clock_difference_seconds": self.clocks.seconds,
                    **({"skew_seconds": skew} if isinstance(skew, int) else {}),
                },
            )

    def not_allowed(self, error: ScopeRefused | ReadOnly) -> None:
        """Takes note that the API refused a call for its rights. With the same settings, the gateway would
        have done so before. The operator reads of each kind once a minute."""
        reason = "read_only" if isinstance(error, ReadOnly) else "insufficient_scope"
        if self._is_to_be_logged(reason):
            logger.warning(
                "the API refuses what the gateway allows: their scopes or read-only settings differ",
                extra={"reason": reason, **error.facts},
            )

    def problems(self) -> list[str]:
        """Sentences for the operator, which name no setting's value."""
        if self._is_too_far_apart():
            return [_apart(self.clocks.ahead or 0)]
        if time.monotonic() - self._refused_at < REFUSED_SECONDS:
            return [self._refusal]
        return []

    def _is_to_be_logged(self, reason: str) -> bool:
        now = time.monotonic()
        if now - self._logged_at.get(reason, -float("inf")) < LOG_SECONDS:
            return False
        self._logged_at[reason] = now
        return True

    def _is_too_far_apart(self) -> bool:
        ahead = self.clocks.ahead
        return ahead is not None and abs(ahead) >= self._window_seconds()

    def cautions(self) -> list[str]:
        """What will become a problem, in sentences of the same kind."""
        if not self.clocks.are_apart or self.problems():
            return []
        most = f"from {self._window_seconds():g} s on, the API refuses calls"
        return [f"The clocks of gateway and API are {abs(self.clocks.seconds or 0)} s apart; {most}."]


def _apart(seconds: float) -> str:
    return f"The clocks of gateway and API are {abs(round(seconds))} s apart, so the API refuses calls."
