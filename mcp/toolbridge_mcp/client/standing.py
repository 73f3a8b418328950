"""Whether the API accepts the gateway itself: its tenant, its secret and its clock."""

import logging
import time
from email.utils import parsedate_to_datetime

from toolbridge_mcp.transport import Response

logger = logging.getLogger(__name__)

CLOCK_SECONDS = 300
"""The API accepts signatures that are this old, or this far in the future."""

REFUSED_SECONDS = 30
"""How long a refusal counts. Only calls can show that it is over, and none come while it counts."""

LOG_SECONDS = 60
UNAUTHORIZED = 401


class Standing:
    """What the API's answers have shown about the gateway's own credentials."""

    def __init__(self) -> None:
        self._refused_at = -float("inf")
        self._logged_at = -float("inf")
        self._apart = 0

    def refused(self, answer: Response) -> None:
        """Takes note of an answer that refuses the tenant. The operator reads of it once a minute.

        With 403 the API refuses this user in the tenant, which says nothing about other users.
        """
        now = time.monotonic()
        self.compare_clocks(answer)
        if answer.status == UNAUTHORIZED:
            self._refused_at = now
        if now - self._logged_at >= LOG_SECONDS:
            self._logged_at = now
            logger.error(
                "the API does not accept this gateway: tenant, secret or clock disagree",
                extra={"status": answer.status, "clock_difference_seconds": self._apart},
            )

    def compare_clocks(self, answer: Response) -> None:
        """Compares the clocks, if the answer has a date."""
        difference = seconds_ahead(answer.header("Date"))
        self._apart = 0 if difference is None else difference

    def problems(self) -> list[str]:
        """Sentences for the operator, which name no setting's value."""
        if abs(self._apart) >= CLOCK_SECONDS:
            return [
                f"The clocks of gateway and API are {abs(self._apart)} s apart, so the API refuses calls."
            ]
        if time.monotonic() - self._refused_at < REFUSED_SECONDS:
            return ["The API does not accept this gateway: tenant, secret or clock disagree."]
        return []


def seconds_ahead(date: str, now: float | None = None) -> int | None:
    """How far this clock is ahead of the API's, in seconds. `date` is the header of that name in an answer;
    the result is None if it does not say the time."""
    try:
        there = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    return round((time.time() if now is None else now) - there)
