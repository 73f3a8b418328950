"""Notices a request that goes without an answer for long."""

import asyncio
from collections.abc import Callable

SILENCE_SECONDS = 3.0
"""How long a request may go without an answer before the gateway probes whether the API is there at all."""


class Silence:
    """Calls `alarm` once for each request that has waited for `SILENCE_SECONDS`.

    One timer serves all requests: it is set for the oldest of them.
    """

    def __init__(self, alarm: Callable[[], None]) -> None:
        self._alarm = alarm
        self._since: dict[object, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, request: object) -> None:
        loop = asyncio.get_running_loop()
        self._since[request] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(SILENCE_SECONDS, self._look)

    def end(self, request: object) -> None:
        self._since.pop(request, None)

    def close(self) -> None:
        self._since.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        for request, since in list(self._since.items()):
            left = since + SILENCE_SECONDS - loop.time()
            if left > 0:
                self._timer = loop.call_later(left, self._look)
                return
            del self._since[request]
            self._alarm()
