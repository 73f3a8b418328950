"""The answer to the message being handled, until its client has taken it.

It joins parts that do not know each other: those that read from the API ask for room, and those that write to
the client return it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class NoRoom(Exception):
    """There is no room for an answer of `size` bytes, because earlier answers have not been taken."""

    def __init__(self, size: int) -> None:
        super().__init__(f"no room for an answer of {size} bytes")
        self.size = size


class Answer(Protocol):
    """An answer that its client has not taken yet."""

    def takes(self, size: int) -> bool:
        """Whether there is room for `size` bytes, which it then occupies until its client has taken it."""

    async def waits(self, size: int, seconds: float) -> bool:
        """The same, but waits for room for so many seconds."""

    def when_taken(self, call: Callable[[], None]) -> None:
        """Calls `call` when the client has taken the answer, or when it will never be sent."""


_current: ContextVar[Answer | None] = ContextVar("answer", default=None)


def current_answer() -> Answer | None:
    """The answer to the message being handled; None where nobody counts answers."""
    return _current.get()


@contextmanager
def answering(answer: Answer | None) -> Iterator[None]:
    """Makes `answer` the current one, also in what the block starts."""
    reset = _current.set(answer)
    try:
        yield
    finally:
        _current.reset(reset)
