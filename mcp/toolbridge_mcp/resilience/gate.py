"""What every tool call passes on its way in."""

from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager

from toolbridge_mcp.resilience.admission import Admission
from toolbridge_mcp.resilience.deadline import within
from toolbridge_mcp.resilience.rate_limit import RateLimit

CALL_SECONDS = 30.0


class Gate:
    """Gives each call its deadline and holds each user to their limits. `caller` says whose call it is."""

    def __init__(
        self,
        caller: Callable[[], Hashable],
        *,
        admission: Admission,
        rate_limit: RateLimit | None = None,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._caller = caller
        self._admission = admission
        self._rate_limit = rate_limit
        self._call_seconds = call_seconds

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """One call, from its arrival to its answer. Raises `RateLimited` or `Busy` when it may not be."""
        user = self._caller()
        with within(self._call_seconds):
            if self._rate_limit is not None:
                self._rate_limit.take(user)
            await self._admission.enter(user)
            try:
                yield
            finally:
                self._admission.leave(user)
