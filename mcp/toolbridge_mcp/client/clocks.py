"""How far this clock is from the API's, by the `Date` of its answers (RFC 9110, section 6.6.1)."""

import logging
import math
import time
from email.utils import parsedate_to_datetime

logger = logging.getLogger(__name__)

COMPARE_SECONDS = 60
"""How long a comparison is good for."""

APART_SECONDS = 30
"""From here on the operator is warned: half of what the stricter signature allows."""

AGREE_SECONDS = 25
"""Below this the warning is over. Between the two it stays as it was, so that it does not come and go."""

REMIND_SECONDS = 3600


class Clocks:
    """The latest comparison. The log says when the clocks begin to be apart, once an hour while they are, and
    when that is over."""

    def __init__(self) -> None:
        self.ahead: float | None = None
        """How many seconds this clock is ahead of the API's, to about half a second; None while that is not
        known."""
        self.are_apart = False
        self._compared_at = self._logged_at = -math.inf

    @property
    def seconds(self) -> int | None:
        """`ahead` as a whole number."""
        return None if self.ahead is None else round(self.ahead)

    @property
    def due_in(self) -> float:
        """In how many seconds another comparison is due; 0 or less if it is now."""
        return self._compared_at + COMPARE_SECONDS - time.monotonic()

    def compare(self, date: str, now: float) -> None:
        """`date` is the header of an answer that was made when this clock said `now`. A header that does not
        say the time changes nothing."""
        ahead = seconds_ahead(date, now)
        if ahead is None:
            return
        self.ahead, self._compared_at = ahead, time.monotonic()
        if abs(ahead) >= APART_SECONDS:
            self._tell(begins=not self.are_apart)
        elif self.are_apart and abs(ahead) < AGREE_SECONDS:
            self.are_apart = False
            logger.warning("the clocks of gateway and API agree again", extra=self._facts())

    def _tell(self, *, begins: bool) -> None:
        self.are_apart = True
        now = time.monotonic()
        if begins or now - self._logged_at >= REMIND_SECONDS:
            self._logged_at = now
            logger.warning("the clocks of gateway and API are apart", extra=self._facts())

    def _facts(self) -> dict[str, object]:
        return {"clock_difference_seconds": self.seconds}


def seconds_ahead(date: str, now: float) -> float | None:
    """How far a clock that says `now` is ahead of the API's, in seconds. `date` is the header of that name in
    an answer; the result is None if it does not say the time. It is cut to whole seconds, half of one is
    lost on average."""
    try:
        return now - parsedate_to_datetime(date).timestamp() - 0.5
    except (ValueError, OverflowError):  # the latter for a zone that is no number of seconds
        return None
