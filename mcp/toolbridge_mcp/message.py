"""The message being handled: who sent it, what for, and the answer to it until its client has taken that.

It joins parts that do not know each other: those that take messages in, those that carry out what they ask
for, and those that write the answers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Protocol, TypeAlias

from toolbridge_mcp.sender import Sender
from toolbridge_mcp.telemetry import Operation

Choice: TypeAlias = frozenset[str] | None
"""The names of toolsets. None where the address leaves the choice to the deployment."""


class Message(Protocol):
    """A message, and the answer to it."""

    @property
    def sender(self) -> Sender: ...

    @property
    def choice(self) -> Choice:
        """The toolsets that the client has chosen by its address."""

    @property
    def operation(self) -> Operation:
        """What is measured of it."""

    def takes(self, size: int) -> bool:
        """Whether there is room for an answer of `size` bytes, which it then occupies until its client has
        taken it."""

    async def waits(self, size: int, seconds: float) -> bool:
        """The same, but waits for room for so many seconds."""

    def when_taken(self, call: Callable[[], None]) -> None:
        """Calls `call` when the client has taken the answer, or when it will never be sent."""


_current: ContextVar[Message | None] = ContextVar("message", default=None)


def current_message() -> Message | None:
    """The message being handled, also in what its handling starts; None outside of one."""
    return _current.get()


def current_operation() -> Operation:
    """What is measured of the message being handled; outside of one a new operation, which has no message."""
    message = _current.get()
    return message.operation if message else Operation()


def handle(message: Message | None) -> Token[Message | None]:
    """Makes `message` the current one until the token is given to `handled`."""
    return _current.set(message)


def handled(token: Token[Message | None]) -> None:
    _current.reset(token)


@contextmanager
def handling(message: Message | None) -> Iterator[None]:
    """Makes `message` the current one, also in what the block starts."""
    token = handle(message)
    try:
        yield
    finally:
        handled(token)
