"""Requests of clients and the answers to them: which ones are under way, and how much memory they occupy."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from mcp import MCPError
from mcp.types import INVALID_REQUEST

from toolbridge_mcp.identity import Sender, User, client_as_named
from toolbridge_mcp.library_seams import Peer
from toolbridge_mcp.message import Choice, current_message, current_operation
from toolbridge_mcp.telemetry import Operation, asks_for_timings, timings
from toolbridge_mcp.web.ledger import Lack, Room

MESSAGE_BYTES = 16 * 1024
"""What every request occupies, beside its answer."""

MAX_REQUESTS, MAX_REQUESTS_EACH = 4_096, 1_024
"""How many requests, of all users and of one, may be under way before a stream that is not read takes no
more."""

SMALL_BYTES = 64 * 1024
"""An answer of this size needs no room: it must stay possible to say that there is none."""

OTHERS_BYTES = 256 * 1024
"""What a user may occupy although others have taken all of the room."""


TIMED = frozenset({"tools/call", "resources/read", "prompts/get"})
"""The methods whose results may have the times of their call."""

LARGE = {"tools/list": 512 * 1024}
"""What the answers to some methods occupy: the others are small, or ask for room themselves."""

WAIT_SECONDS = 10.0


MANY_BYTES = 8 * 1024 * 1024


class Holder(Protocol):
    """The connection that several answers wait for."""

    occupied: int
    """The bytes of its answers."""


class UnreadAnswers:
    """Room for answers that are not on their sockets: so many bytes in all, of one user, and for one stream
    half of that.

    Whoever occupies nothing else always gets its own room, whatever the size. Nothing is kept of a user
    without requests.
    """

    def __init__(self, most: int, most_each: int) -> None:
        self._room = Room(most, most_each)
        self._requests = Room(MAX_REQUESTS, MAX_REQUESTS_EACH)
        self._waiting: deque[tuple[Exchange, int, asyncio.Future[None]]] = deque()
        self._most_since = 0

    @property
    def total(self) -> int:
        return self._room.total

    def have_gone(self) -> bool:
        """Whether there were many bytes since it was last so, and few are left."""
        gone = self._most_since > MANY_BYTES and self._room.total < self._most_since // 4
        if gone:
            self._most_since = self._room.total
        return gone

    @property
    def waiting(self) -> int:
        """How many answers wait for room."""
        return len(self._waiting)

    def is_full(self, user: User) -> bool:
        """Whether a user has as many requests under way as a client that does not read may have."""
        return self._requests.lacks(user) is not None

    def crowded_by(self) -> User | None:
        """The user who occupies most, if others have to wait for that; else None."""
        is_crowded = any(
            self._room.lacks(exchange.user, more) is Lack.SHARED for exchange, more, _ in self._waiting
        )
        return cast("User", self._room.largest()) if is_crowded else None

    def enter(self, exchange: "Exchange") -> None:
        """Counts a request, and what it occupies beside its answer."""
        self._requests.add(exchange.user)
        self._add(exchange, MESSAGE_BYTES)

    def occupy(self, exchange: "Exchange", size: int) -> bool:
        """Whether `exchange` now occupies `size` bytes at least."""
        more = min(size, self._room.most_each) - exchange.occupied
        if more <= 0:
            return True
        if size > SMALL_BYTES and not self._fits(exchange, more):
            return False
        self._add(exchange, more)
        return True

    async def wait(self, exchange: "Exchange", size: int, seconds: float) -> bool:
        """Whether there was room for `size` bytes within so many seconds."""
        if self.occupy(exchange, size):
            return True
        more = min(size, self._room.most_each) - exchange.occupied
        granted = asyncio.get_running_loop().create_future()
        entry = (exchange, more, granted)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(seconds):
                await granted
        except TimeoutError:
            return granted.done() and not granted.cancelled()
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
        return True

    def leave(self, exchange: "Exchange") -> None:
        """Returns what `exchange` occupies, and gives it to those who wait, the first first."""
        self._requests.remove(exchange.user)
        self._room.remove(exchange.user, exchange.occupied)
        if exchange.stream:
            exchange.stream.occupied -= exchange.occupied
        exchange.occupied = 0
        for entry in list(self._waiting):
            waiting, more, granted = entry
            if not granted.done() and self._fits(waiting, more):
                self._waiting.remove(entry)
                self._add(waiting, more)
                granted.set_result(None)

    def _add(self, exchange: "Exchange", more: int) -> None:
        self._room.add(exchange.user, more)
        self._most_since = max(self._most_since, self._room.total)
        exchange.occupied += more
        if exchange.stream:
            exchange.stream.occupied += more

    def _fits(self, exchange: "Exchange", more: int) -> bool:
        stream, own, alone = exchange.stream, self._room.of(exchange.user), exchange.occupied + SMALL_BYTES
        if stream and stream.occupied > alone and stream.occupied + more > self._room.most_each // 2:
            return False
        lack = self._room.lacks(exchange.user, more)
        if lack is Lack.OWN:
            return own <= alone and self._room.total + more <= self._room.most
        return lack is None or own + more <= OTHERS_BYTES


class Exchange:
    """One request, from its arrival until its answer is on the socket or will never be.

    It has ended when nobody handles the request any more and nobody sends the answer any more.
    """

    __slots__ = (
        *("_answers", "_handlers", "_is_over", "_is_sent", "_task", "_then"),
        *("choice", "is_given", "is_cancelled", "occupied", "operation", "peer", "sender", "stream", "user"),
    )

    def __init__(
        self,
        answers: UnreadAnswers,
        sender: Sender,
        stream: Holder | None = None,
        *,
        choice: Choice = None,
        operation: Operation | None = None,
    ) -> None:
        """`stream` is where the answer will be sent, if other answers are sent there too."""
        self.sender = sender
        self.user = sender.user
        self.choice = choice
        self.operation = operation or Operation(sender=sender)
        self.stream = stream
        self.occupied = 0
        self.peer: Peer | None = None
        """The other end of the session, once the SDK handles the request."""
        self._answers = answers
        self._handlers = 0
        self._is_sent = self._is_over = False
        self.is_given = False
        """Whether the answer is on its way to the stream."""
        self.is_cancelled = False
        self._task: asyncio.Task[Any] | None = None
        self._then: list[Callable[[], None]] = []
        answers.enter(self)

    def takes(self, size: int) -> bool:
        return self._is_over or self._answers.occupy(self, size)

    async def waits(self, size: int, seconds: float) -> bool:
        return self._is_over or await self._answers.wait(self, size, seconds)

    def when_taken(self, call: Callable[[], None]) -> None:
        if self._is_over:
            call()
        else:
            self._then.append(call)

    def handled_by(self, task: "asyncio.Task[Any]") -> None:
        """`task` handles the request, until it ends."""
        self._handlers += 1
        task.add_done_callback(self._end_handling)

    def carried_out_by(self, task: "asyncio.Task[Any]") -> bool:
        """`task` carries a call out here, rather than in the SDK; `cancel` cancels it until `answered`.
        False if the call has been cancelled already."""
        self._task = task
        return not self.is_cancelled

    def answered(self, size: int) -> None:
        """The call has been carried out, and its answer is on its way to the stream."""
        self._task = None
        self.is_given = True
        self.operation.answered(size)
        self.operation.finish()

    def cancel(self) -> None:
        """Cancels the call if it is, or will be, carried out here."""
        if self._task and not self.is_cancelled:
            self._task.cancel()
        self.is_cancelled = True

    def sent(self) -> None:
        """The answer is on the socket, or will never be sent."""
        self._is_sent = True
        self._check()

    def _end_handling(self, _: "asyncio.Task[Any]") -> None:
        self._handlers -= 1
        if self.stream and not self.is_given and not self._handlers:
            self._is_sent = True  # a cancelled request is not answered
        self._check()

    def _check(self) -> None:
        if self._is_sent and not self._handlers and not self._is_over:
            self._is_over = True
            self.operation.finish()
            self._answers.leave(self)
            for call in self._then:
                call()
            self._then.clear()


def present_task() -> "asyncio.Task[Any]":
    """The task that runs this."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a request is handled outside of a task")
    return task


def describe(operation: Operation, peer: Peer) -> None:
    """Records what the SDK knows of the other end, unless it is known already."""
    operation.revision = operation.revision or peer.revision
    if operation.client is None and (info := peer.info):
        operation.client = client_as_named(info.name, info.version)


async def begin_handling(method: str | None, peer: Peer, meta: Mapping[str, Any] | None) -> None:
    """Called in the task that handles a message, before it does; `method` is that of a request. Raises
    `MCPError` if the answer, of a kind that is always large, has no room."""
    exchange = current_message()
    if not isinstance(exchange, Exchange):
        return
    exchange.peer = peer
    describe(exchange.operation, peer)
    exchange.operation.read_meta(meta)
    if method is not None:
        exchange.handled_by(present_task())
        if method in LARGE and not await exchange.waits(LARGE[method], WAIT_SECONDS):
            raise MCPError(INVALID_REQUEST, "Read the earlier answers first, then repeat the request.")


def message_failed(code: int) -> None:
    """Records the code of the JSON-RPC error that the message at hand is answered with."""
    current_operation().error_code = code


def meta_of_result(method: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """What `_meta` of the result has in addition, of a request with the method and `asked` as its `_meta`."""
    return timings(current_operation()) if method in TIMED and asks_for_timings(asked) else {}
