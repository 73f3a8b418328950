"""Streams: answers that stay open, how long they do, and how they end."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.identity import AccessToken, Sender, User
from toolbridge_mcp.telemetry.sessions import CLIENT, EXPIRED, IDLE, REVOKED, STALLED, STOP
from toolbridge_mcp.web.streaming import abort, mark_stream
from toolbridge_mcp.web.wire import send_and_drain, without_separators, without_session_id

FAREWELL_SECONDS = 1
"""How long the last bytes of a stream may take."""

CROWDING_SECONDS = 1
"""How long a stream may go unread while other users wait for the room that its user occupies."""

FLUSH_SECONDS = 0.1
"""How long a stop waits, each time, for answers that are being sent."""

RECONNECT_SECONDS = 1
"""When the client of a stream that ends shall come back."""

LAST: Message = {"type": "http.response.body", "body": b"", "more_body": False}


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """When a stream is closed, in seconds."""

    idle: float
    """After the last message of its session."""

    expired: float
    """After the latest token of its session expired."""

    stalled: float
    """While its client reads nothing of what is being sent."""


class Stream:
    """One open stream, between the client's connection and FastMCP."""

    def __init__(self, sender: Sender, receive: Receive, send: Send, clock: Callable[[], float]) -> None:
        self.user = sender.user
        self._sender = sender
        self._expires_at = sender.token.expires_at or 0
        self._receive = receive
        self._send = send
        self._clock = clock
        self._closing = asyncio.Event()
        self._turn_to_send = asyncio.Lock()
        self._used_at = clock()
        self._sending_since: float | None = None
        self._sends = 0
        self._is_unread = False
        self._started = self._finished = False
        self.reconnect_seconds: int | None = RECONNECT_SECONDS
        """When the client shall come back after the stream was closed; None if it shall not."""
        self.closed_for = ""
        """Why it was closed here, as one of `ENDS` in `telemetry.sessions`; empty if it was not."""
        self._older: Stream | None = None
        self.ended = asyncio.Event()
        self.occupied = 0
        """The bytes of answers that wait for the stream."""
        self.unread = 0
        """Messages accepted while the client was not reading."""

    def use(self, token: AccessToken) -> None:
        """Records a message of the stream's session, and when its token expires."""
        self._used_at = self._clock()
        self._expires_at = max(self._expires_at, token.expires_at or 0)

    def close(self, reason: str) -> None:
        """Makes FastMCP see a client that disconnects; it then ends the answer."""
        self.closed_for = self.closed_for or reason
        self._closing.set()

    def successor_of(self, older: "Stream | None") -> None:
        """Ends `older`, without the hint to come back: its client has this stream."""
        if older:
            older.reconnect_seconds = None
            older.close(CLIENT)
        self._older = older

    async def turn(self) -> None:
        """Returns when the stream may begin."""
        if self._older:
            await self._older.ended.wait()
            self._older = None

    def is_stalled(self, seconds: float) -> bool:
        """Whether the client has not read what is being sent for more than `seconds`."""
        return self._sending_since is not None and self._clock() - self._sending_since > seconds

    def excess(self, limits: StreamLimits, wall_time: float) -> str:
        """Why the stream may not go on: the token that opened it was revoked, or it exceeds a limit. Empty if
        it may."""
        if self._sender.is_revoked:
            return REVOKED
        if self._clock() - self._used_at > limits.idle:
            return IDLE
        if wall_time - self._expires_at > limits.expired:
            return EXPIRED
        return STALLED if self.is_stalled(limits.stalled) else ""

    async def receive(self) -> Message:
        message, closing = asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait((message, closing), return_when=asyncio.FIRST_COMPLETED)
            return message.result() if message.done() else {"type": "http.disconnect"}
        finally:
            message.cancel()
            closing.cancel()

    async def send(self, message: Message) -> None:
        """Returns when the connection has room again, so little is kept for a client that does not read. What
        comes after the end is dropped."""
        if self._finished:
            return
        if message["type"] == "http.response.start":
            message = without_session_id(message)
        else:
            message = {**message, "body": without_separators(message.get("body", b""))}
        self._started = True
        if not self._sends:
            self._sending_since = self._clock()
        self._sends += 1
        self._is_unread = True
        try:
            async with self._turn_to_send:  # else all that wait would fill the connection at once
                await send_and_drain(self._send, message)
            self._is_unread = False
        finally:
            self._sends -= 1
        self._sending_since, self.unread = self._clock() if self._sends else None, 0

    @property
    def is_unread(self) -> bool:
        """Whether the connection still keeps something that the client has not read."""
        return self._is_unread

    async def finish(self) -> None:
        """Ends the answer of a stream that was closed here, as HTTP requires, unless the client does not
        read."""
        self._finished = True
        if not self._started or not self._closing.is_set() or self.is_stalled(0):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                if self.reconnect_seconds is not None:
                    await self._send(_reconnect(self.reconnect_seconds))
                await self._send(LAST)


def _reconnect(seconds: int) -> Message:
    """Asks the client to come back (HTML, section 9.2.6)."""
    return {"type": "http.response.body", "body": b"retry: %d\r\n\r\n" % (seconds * 1000), "more_body": True}


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
        self._empty = asyncio.Event()
        self._empty.set()

    def new(self, sender: Sender, receive: Receive, send: Send) -> Stream:
        return Stream(sender, receive, send, self._clock)

    async def run(self, app: ASGIApp, scope: Scope, stream: Stream, send: Send | None = None) -> None:
        """Runs `app`, whose answer is the stream. `send` may change what is sent there."""
        mark_stream(scope)
        self._streams.add(stream)
        self._empty.clear()
        try:
            await stream.turn()
            await app(scope, stream.receive, send or stream.send)
            await stream.finish()
        finally:
            if stream.is_unread:
                abort(scope)
            stream.ended.set()
            self._streams.discard(stream)
            if not self._streams:
                self._empty.set()

    def sweep(self, crowding: User | None = None) -> None:
        """Closes the streams that may not go on, and those of the user `crowding` that are not read."""
        now = self._wall_clock()
        for stream in self._streams:
            crowds = stream.user == crowding and stream.is_stalled(CROWDING_SECONDS)
            if reason := STALLED if crowds else stream.excess(self._limits, now):
                stream.close(reason)

    async def close_all(self) -> None:
        """Sends what is on its way, closes all streams, and returns when they have ended. Waits at most three
        times `FAREWELL_SECONDS` in all."""
        await self._flush()
        for stream in self._streams:
            stream.close(STOP)
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * FAREWELL_SECONDS):
                await self._empty.wait()

    async def _flush(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await asyncio.sleep(FLUSH_SECONDS)
                while any(stream.is_stalled(0) for stream in self._streams):  # noqa: ASYNC110  it happens once
                    await asyncio.sleep(FLUSH_SECONDS)
