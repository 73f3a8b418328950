"""Answers that last: how long they do, and how they end."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.web.sessions import SessionOwner, expiry_of, session_owner_of

FAREWELL_SECONDS = 1
ON_THEIR_WAY_SECONDS = 0.1
RECONNECT: Message = {"type": "http.response.body", "body": b"retry: 1000\r\n\r\n", "more_body": True}
"""Tells the client to come back after a second (HTML, section 9.2.6)."""

LAST: Message = {"type": "http.response.body", "body": b"", "more_body": False}


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """In seconds: without a message, beyond the expiry of the newest token, and with answers unread."""

    idle: float
    expired: float
    stalled: float


class Stream:
    """One open stream, between the client's connection and FastMCP."""

    def __init__(
        self, owner: SessionOwner, expires: float, receive: Receive, send: Send, clock: Callable[[], float]
    ) -> None:
        self.owner = owner
        self._expires = expires
        self._receive = receive
        self._send = send
        self._clock = clock
        self._over = asyncio.Event()
        self._used_at = clock()
        self._sending_since: float | None = None
        self._started = False
        self.unread = 0

    def use(self, expires: float) -> None:
        """Notes a message of the stream's session, with the expiry of its token."""
        self._used_at = self._clock()
        self._expires = max(self._expires, expires)

    def end(self) -> None:
        """FastMCP sees a client that left, and stops what it does for it."""
        self._over.set()

    def is_stalled(self, seconds: float) -> bool:
        return self._sending_since is not None and self._clock() - self._sending_since > seconds

    def has_had_its_time(self, limits: StreamLimits, wall_time: float) -> bool:
        return (
            self._clock() - self._used_at > limits.idle
            or wall_time - self._expires > limits.expired
            or self.is_stalled(limits.stalled)
        )

    async def receive(self) -> Message:
        theirs, ours = asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait((theirs, ours), return_when=asyncio.FIRST_COMPLETED)
            return theirs.result() if theirs.done() else {"type": "http.disconnect"}
        finally:
            theirs.cancel()
            ours.cancel()

    async def send(self, message: Message) -> None:
        """Returns when the connection has room again: little is kept of what a client does not read."""
        self._started = True
        self._sending_since = self._clock()
        await self._send(message)
        self._sending_since, self.unread = None, 0

    async def say_goodbye(self) -> None:
        """Ends the answer as HTTP wants it if it was us who ended it, unless the client does not read."""
        if not self._started or not self._over.is_set() or self.is_stalled(0):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._send(RECONNECT)
                await self._send(LAST)


class OpenStreams:
    """All streams of the process."""

    def __init__(
        self,
        limits: StreamLimits,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._wall_clock = wall_clock
        self._streams: set[Stream] = set()
        self._none_left = asyncio.Event()
        self._none_left.set()

    def __len__(self) -> int:
        return len(self._streams)

    def new(self, scope: Scope, receive: Receive, send: Send) -> Stream:
        return Stream(session_owner_of(scope), expiry_of(scope), receive, send, self._clock)

    async def carry(self, stream: Stream, app: ASGIApp, scope: Scope, send: Send | None = None) -> None:
        """Runs `app`, whose answer lasts, in the stream; `send` may look at what goes there."""
        self._streams.add(stream)
        self._none_left.clear()
        try:
            await app(scope, stream.receive, send or stream.send)
            await stream.say_goodbye()
        finally:
            self._streams.discard(stream)
            if not self._streams:
                self._none_left.set()

    def sweep(self) -> None:
        """Ends those that are idle, whose token has long expired, or that nobody reads."""
        now = self._wall_clock()
        for stream in self._streams:
            if stream.has_had_its_time(self._limits, now):
                stream.end()

    async def end_all(self) -> None:
        """Returns when all have ended, with what was on its way to their clients, or will not end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await asyncio.sleep(ON_THEIR_WAY_SECONDS)
                while any(stream.is_stalled(0) for stream in self._streams):  # noqa: ASYNC110  it happens once
                    await asyncio.sleep(ON_THEIR_WAY_SECONDS)
        for stream in self._streams:
            stream.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * FAREWELL_SECONDS):
                await self._none_left.wait()
