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


MEANINGS: tuple[tuple[type[Exception], Callable[[bool], Exception]], ...] = (
    (httpx.ConnectError, lambda _: NotReached()),
    (httpx.DecodingError, lambda _: BadAnswer()),
    (httpx.ReadTimeout, lambda begun: AnswerLost(late=True, begun=begun)),
    (TimeoutError, lambda begun: AnswerLost(late=True, begun=begun)),
    (httpx.TransportError, lambda begun: AnswerLost(late=False, begun=begun)),
    (httpx.StreamError, lambda begun: AnswerLost(late=False, begun=begun)),
)
"""The first row that fits counts. `begun` says whether the head of the answer had arrived."""


class Failures:
    """A context manager that raises the meaning of an exception of the engine in its place.

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
