"""What every tool call passes on its way in."""

from collections.abc import Iterator
from contextlib import contextmanager

from toolbridge_mcp.resilience.deadline import within

CALL_SECONDS = 30.0


class Gate:
    """Gives each call its deadline."""

    def __init__(self, *, call_seconds: float = CALL_SECONDS) -> None:
        self._call_seconds = call_seconds

    @contextmanager
    def call(self) -> Iterator[None]:
        with within(self._call_seconds):
            yield
