"""What the API says of its keys and of what is revoked, kept for a moment."""

import time
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable

from toolbridge_mcp.login import answers
from toolbridge_mcp.single_flight import SingleFlight

KEPT_SECONDS = 2.0


class LatestState:
    """The API's state, at most `KEPT_SECONDS` old. Callers that come at once share one request."""

    def __init__(
        self, read: Callable[[], Awaitable[answers.State]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._state: answers.State | None = None
        self._read_at = 0.0
        self._readings: SingleFlight[answers.State] = SingleFlight()

    async def get(self) -> answers.State:
        """Raises a `LoginError`."""
        if self._state is not None and self._clock() - self._read_at < KEPT_SECONDS:
            return self._state
        return await self._readings.run(self._renew)

    async def seal(self) -> bytes:
        """What the ids of registered clients are sealed with. Raises a `LoginError`."""
        text = (await self.get()).seal
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))

    async def _renew(self) -> answers.State:
        asked_at = self._clock()
        self._state = await self._read()
        self._read_at = asked_at
        return self._state
