"""What the exceptions of the engine mean for a request that was signed and handed to it."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from toolbridge_mcp.errors import BadAnswer, NotReached


class AnswerLost(Exception):
    """The request was sent and no whole answer came, so its effect is unknown.

    `late` is true when the deadline passed, and false when the connection broke. `begun` is true when the
    head of the answer had arrived.
    """

    def __init__(self, *, late: bool, begun: bool) -> None:
        super().__init__("the answer did not come in time" if late else "the connection broke")
        self.late = late
        self.begun = begun


def _not_reached(_: bool) -> Exception:
    return NotReached()


def _not_http(_: bool) -> Exception:
    return BadAnswer()


def _late(begun: bool) -> Exception:
    return AnswerLost(late=True, begun=begun)


def _broken(begun: bool) -> Exception:
    return AnswerLost(late=False, begun=begun)


MEANINGS: tuple[tuple[type[Exception], Callable[[bool], Exception]], ...] = (
    (httpx.ConnectError, _not_reached),
    (httpx.DecodingError, _not_http),
    (httpx.ReadTimeout, _late),
    (TimeoutError, _late),
    (httpx.TransportError, _broken),
    (httpx.StreamError, _broken),
)
"""The first row that fits counts. Each function takes whether the answer had begun."""


class Failures:
    """A context manager that raises the meaning of the engine's exceptions instead of them.

    Set `begun` when the head of the answer has arrived.
    """

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for foreign, meaning in MEANINGS if error else ():
            if isinstance(error, foreign):
                raise meaning(self.begun) from error
