"""How long a tool call may take, from its arrival to its answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Deadline:
    """A moment that is `seconds` after this object was made. `at` is in seconds of `time.monotonic`."""

    __slots__ = ("at",)

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until the deadline; 0 once it has passed."""
        return max(0.0, self.at - time.monotonic())


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[Deadline]:
    """Gives what happens inside `seconds`, or what is left of a deadline around it if that is less."""
    outer = _current.get()
    deadline = Deadline(seconds if outer is None else min(seconds, outer.left))
    reset = _current.set(deadline)
    try:
        yield deadline
    finally:
        _current.reset(reset)


def current_deadline() -> Deadline:
    """The deadline of the call being handled. Outside of `within` there is none: a LookupError."""
    deadline = _current.get()
    if deadline is None:
        raise LookupError("nothing goes to the API without a deadline")
    return deadline
