"""Bodies on their way in: how many, how large, how slow."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass

from starlette.types import Receive

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
    """Limits on bodies that do not come together with their heads."""

    number: Room
    size: Room
    """In bytes."""

    rate: RateLimit | None
    """Bytes that a user may send, in all messages."""

    seconds: float
    """How long a body may take."""

    def watch(self) -> None:
        watch_held("bodies", lambda: self.number.total)
        watch_held("body_bytes", lambda: self.size.total)


class IncomingBody:
    """One body. It occupies room until it is closed."""

    def __init__(self, user: Hashable, limits: BodyLimits, request_id: RequestId | None) -> None:
        self._user = user
        self._limits = limits
        self._request_id = request_id
        self._is_counted = False
        self._size = 0

    def close(self) -> None:
        if self._is_counted:
            self._limits.number.remove(self._user)
        self._limits.size.remove(self._user, self._size)

    async def read(self, start: bytes, declared: int | None, receive: Receive) -> bytes | None:
        """The body that begins with `start`; None if the client disconnects. Raises `Refused`."""
        await self._find_room(self._limits.number, 1)
        self._limits.number.add(self._user)
        self._is_counted = True
        if declared is not None:
            await self._count(declared)
        return await self._rest(bytearray(start), declared is None, receive)

    async def _rest(self, body: bytearray, is_chunked: bool, receive: Receive) -> bytes | None:
        now = asyncio.get_running_loop().time
        begin, more = now(), True
        if is_chunked:
            await self._count(len(body))
        while more:
            allowed = min(self._limits.seconds, SLOW_SECONDS + len(body) / LEAST_RATE)
            try:
                async with asyncio.timeout_at(min(begin + allowed, now() + SILENT_SECONDS)):
                    message = await receive()
            except TimeoutError as error:
                raise self._refused(
                    "slow_body",
                    TOO_SLOW,
                    "The message did not arrive in time; nothing was done. Send it again.",
                ) from error
            if message["type"] != "http.request":
                return None
            piece, more = message.get("body", b""), message.get("more_body", False)
            if is_chunked:
                await self._count(len(piece))
            body += piece
        return bytes(body)

    async def _count(self, size: int) -> None:
        if self._size + size > MAX_BODY_BYTES:
            raise self._refused("large_body", 413, TOO_LARGE)
        await self._find_room(self._limits.size, size)
        self._limits.size.add(self._user, size)
        self._size += size
        await spend(self._limits.rate, self._user, size, self._request_id)

    async def _find_room(self, room: Room, amount: int) -> None:
        end = asyncio.get_running_loop().time() + WAIT_SECONDS
        while lack := room.lacks(self._user, amount):
            if asyncio.get_running_loop().time() > end:
                raise self._no_room(lack)
            await asyncio.sleep(POLL_SECONDS)

    def _no_room(self, lack: Lack) -> Refused:
        whose, status = ("The user sends", 429) if lack is Lack.OWN else ("The users together send", 503)
        says = (
            f"{whose} as many large messages at once as the gateway takes; nothing was done. Send it again."
        )
        return self._refused("bodies", status, says, wait=WAIT_SECONDS)

    def _refused(self, reason: str, status: int, says: str, wait: float | None = None) -> Refused:
        return Refused(reason, status, says, request_id=self._request_id, wait=wait)


async def spend(
    rate: RateLimit | None, user: Hashable, size: int, request_id: RequestId | None = None
) -> None:
    """Counts bytes of `user`, and waits a while if they are too many. Raises `Refused`."""
    while rate and (wait := rate.missing(user, size)):
        if wait > WAIT_SECONDS:
            says = f"The user sends too much; nothing was done. Wait {wait:.0f} seconds, then send it again."
            raise Refused("byte_rate", 429, says, request_id=request_id, wait=wait)
        await asyncio.sleep(wait)
