"""Bodies on their way in: how many, how large, how slow."""

import asyncio
import math
import time
from collections.abc import Hashable
from dataclasses import dataclass

from starlette.types import Message, Receive

from toolbridge_mcp.library_seams import MAX_BODY_BYTES
from toolbridge_mcp.metrics import watch_held
from toolbridge_mcp.resilience import RateLimit
from toolbridge_mcp.web.envelope import RequestId
from toolbridge_mcp.web.ledger import Lack, Room
from toolbridge_mcp.web.refused import TOO_SLOW, Refused

WAIT_SECONDS = 5.0
"""How long a body waits for room, or for the rate of its user."""

POLL_SECONDS = 0.05
SILENT_SECONDS = 10.0
"""How long a body may pause."""

SLOW_SECONDS = 5.0
"""How long a body may be slower than `LEAST_RATE`."""

LEAST_RATE = 16 * 1024
"""Bytes of a body in a second."""

TOO_LARGE = (
    "The message is too large; nothing was done. Send less, for example split the content into several items."
)
NOT_IN_TIME = "The message did not arrive in time; nothing was done. Send it again."


@dataclass(frozen=True)
class BodyLimits:
    """Limits on bodies on their way in."""

    number: Room
    size: Room
    """Bytes of those that are large or do not come at once, until they are served."""

    rate: RateLimit | None
    """Bytes that a user may send, in all messages."""

    seconds: float
    """How long a body may take."""

    def watch(self) -> None:
        watch_held("bodies", lambda: self.number.total, self.number.most)
        watch_held("body_bytes", lambda: self.size.total, self.size.most)


class IncomingBody:
    """One body, from its first byte on. Its bytes occupy room until it is closed."""

    __slots__ = ("_begin", "_is_coming", "_limits", "_size", "_user", "due_at", "request_id")

    def __init__(self, user: Hashable, limits: BodyLimits) -> None:
        self._user = user
        self._limits = limits
        self._size = 0
        self._is_coming = False
        self._begin = time.monotonic()
        self.request_id: RequestId | None = None
        """The id of the message, once it is known."""
        self.due_at = self._begin + min(limits.seconds, SILENT_SECONDS)
        """When the next piece must be here, in seconds of `time.monotonic`."""

    def close(self) -> None:
        self.arrived()
        if self._size:
            self._limits.size.remove(self._user, self._size)

    def arrived(self) -> None:
        """Nothing more will be received."""
        if self._is_coming:
            self._is_coming = False
            self._limits.number.remove(self._user)

    async def first(self, receive: Receive) -> Message:
        """The first piece. Raises `Refused`."""
        await self._find_room(self._limits.number, 1)
        self._limits.number.add(self._user)
        self._is_coming = True
        return await receive()

    async def read(self, start: bytes, declared: int | None, receive: Receive) -> bytes | None:
        """The body that begins with `start`; None if the client disconnects. Raises `Refused`."""
        body, more = bytearray(start), True
        await self._count(len(body) if declared is None else declared)
        while more:
            allowed = min(self._limits.seconds, SLOW_SECONDS + len(body) / LEAST_RATE)
            self.due_at = min(self._begin + allowed, time.monotonic() + SILENT_SECONDS)
            message = await receive()
            if message["type"] != "http.request":
                return None
            piece, more = message.get("body", b""), message.get("more_body", False)
            if declared is None:
                await self._count(len(piece))
            body += piece
        return bytes(body)

    def too_slow(self) -> Refused:
        return self._refused("slow_body", TOO_SLOW, NOT_IN_TIME)

    async def spend(self, size: int) -> None:
        """Counts bytes of the user, and waits a while if they are too many. Raises `Refused`."""
        rate = self._limits.rate
        while rate and (wait := rate.missing(self._user, size)):
            if wait > WAIT_SECONDS:
                says = (
                    f"The user sends too much; nothing was done. Wait {wait:.0f} seconds, then send it again."
                )
                raise self._refused("byte_rate", 429, says, wait)
            self.due_at = math.inf
            await asyncio.sleep(wait)

    async def _count(self, size: int) -> None:
        if self._size + size > MAX_BODY_BYTES:
            raise self._refused("large_body", 413, TOO_LARGE)
        await self._find_room(self._limits.size, size)
        self._limits.size.add(self._user, size)
        self._size += size
        await self.spend(size)

    async def _find_room(self, room: Room, amount: int) -> None:
        if not room.lacks(self._user, amount):
            return
        self.due_at = math.inf
        end = time.monotonic() + WAIT_SECONDS
        while lack := room.lacks(self._user, amount):
            if time.monotonic() > end:
                raise self._no_room(lack)
            await asyncio.sleep(POLL_SECONDS)
        self.due_at = time.monotonic() + SILENT_SECONDS

    def _no_room(self, lack: Lack) -> Refused:
        whose, status = ("The user sends", 429) if lack is Lack.OWN else ("The users together send", 503)
        says = (
            f"{whose} as many large messages at once as the gateway takes; nothing was done. Send it again."
        )
        return self._refused("bodies", status, says, wait=WAIT_SECONDS)

    def _refused(self, reason: str, status: int, says: str, wait: float | None = None) -> Refused:
        return Refused(reason, status, says, request_id=self.request_id, wait=wait)
