"""The connections to the API: opened when needed, kept for the next request, closed when idle."""

import asyncio
import time
from collections import deque
from typing import Self

from toolbridge_mcp.errors import NotReached
from toolbridge_mcp.transport.answers import Reading
from toolbridge_mcp.transport.connection import Connection
from toolbridge_mcp.transport.deadline import CONNECT_SECONDS
from toolbridge_mcp.transport.dialing import Address, dial
from toolbridge_mcp.transport.messages import Request

SPARE_CONNECTIONS = 8
"""Connections for the gateway's own probes of the API, in addition to those for calls."""

IDLE_SECONDS = 15.0
"""How long a connection is kept that carries nothing. The API closes its side later than that."""


class Pool:
    """The engine behind the transport. It sends each request at most once, keeps no cookies, follows no
    redirect and reads no proxy from the environment.

    At most `limit` connections are open. A request beyond that waits for its turn, first come, first served.
    """

    def __init__(self, address: Address, limit: int) -> None:
        self._address = address
        self._limit = limit
        self._taken = 0
        """Places that requests hold, each with a connection or about to have one."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    @classmethod
    def of(cls, base_url: str, calls: int) -> Self:
        """A pool for this many calls at once to the API at `base_url`."""
        return cls(Address.of(base_url), calls + SPARE_CONNECTIONS)

    async def exchange(self, request: Request, reading: Reading) -> None:
        """Sends the request, and reads its answer into `reading`.

        Raises `ValueError` for a request that HTTP/1.1 cannot carry, and `NotReached` without a connection in
        time: then nothing was sent. Else as `Connection.exchange` does.
        """
        head = request.head()
        connection = self._take_idle() if self._taken < self._limit else None
        if connection is not None:
            self._taken += 1
        else:
            connection = await self._connected(request)
        try:
            await connection.exchange(request, head, reading)
        finally:
            self._release(connection)

    async def aclose(self) -> None:
        """Closes all connections, and returns when they are closed. Requests under way fail."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        lost = [connection.lost for connection in self._open]
        for connection in list(self._open):
            connection.close()
        if lost:
            await asyncio.wait(lost)

    def _take_idle(self) -> Connection | None:
        """The connection that was used last and is still open, if there is one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _connected(self, request: Request) -> Connection:
        """A connection, as soon as there is a place for it."""
        until = asyncio.get_running_loop().time() + _seconds_to_connect(request)
        try:
            async with asyncio.timeout_at(until):
                await self._place()
                try:
                    return self._take_idle() or await self._opened(until)
                except BaseException:
                    self._leave()
                    raise
        except OSError as error:  # TimeoutError is one
            raise NotReached from error

    async def _opened(self, until: float) -> Connection:
        if self._is_closed:
            raise ConnectionError("the pool is closed")
        connection = await dial(self._address, lambda: Connection(self._forget), until)
        if self._is_closed or not connection.is_open:
            connection.close()
            raise ConnectionError("closed at once")
        self._open.add(connection)
        return connection

    async def _place(self) -> None:
        """Returns when the request may hold a connection."""
        if self._taken < self._limit:
            self._taken += 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._leave()  # the place came at the same moment
            raise

    def _release(self, connection: Connection) -> None:
        if connection.is_reusable and not self._is_closed:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
            if self._sweep is None:
                self._sweep = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close_idle)
        else:
            connection.close()
        self._leave()

    def _leave(self) -> None:
        """Gives the place to the request that has waited longest."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._taken -= 1

    def _close_idle(self) -> None:
        """Closes what has carried nothing for `IDLE_SECONDS`, and comes back for the rest."""
        self._sweep = None
        now = time.monotonic()
        while self._idle:
            left = self._idle[0].idle_since + IDLE_SECONDS - now
            if left > 0:
                self._sweep = asyncio.get_running_loop().call_later(left, self._close_idle)
                return
            self._idle.pop(0).close()

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)


def _seconds_to_connect(request: Request) -> float:
    """Connecting ends well before the deadline, so that a request whose time is up is known to have been
    sent."""
    seconds = CONNECT_SECONDS if request.connect_seconds is None else request.connect_seconds
    return seconds if request.until is None else min(seconds, (request.until - time.monotonic()) / 2)
