"""How long a tool call may take, from its arrival to its answer."""

import time
from contextvars import ContextVar, Token


class Deadline:
    """A moment that is `seconds` after this object was made. `at` is in seconds of `time.monotonic`.

    Inside `with`, it is the deadline of all that happens.
    """

    __slots__ = ("_outer", "at")

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def __enter__(self) -> "Deadline":
        self._outer: Token[Deadline | None] = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._outer)

    @property
    def left(self) -> float:
        """Seconds until the deadline; 0 once it has passed."""
        return max(0.0, self.at - time.monotonic())


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def within(seconds: float) -> Deadline:
    """Gives what happens inside `with` so many seconds, or what is left of a deadline around it if that is
    less."""
    outer = _current.get()
    return Deadline(seconds if outer is None else min(seconds, outer.left))


def current_deadline() -> Deadline:
    """The deadline of the call being handled. Outside of `within` there is none: a LookupError."""
    deadline = _current.get()
    if deadline is None:
        raise LookupError("nothing goes to the API without a deadline")
    return deadline
