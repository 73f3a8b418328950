"""Bodies of requests from anyone: how large, how slow, how many."""

import asyncio
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest

from toolbridge_mcp.login.refused import EndpointError
from toolbridge_mcp.web.ledger import Lack, Room, address_of

MAX_BYTES = 64 * 1024
SECONDS = 10.0
MOST = 400
MOST_EACH = 200
"""At once, of all addresses and of one."""

_CLOSE = {"Connection": "close"}


class Bodies:
    """Reads bodies; refuses one above a limit. When there is no room for a new one, the one that has been
    coming for longest gives way, of the same address or of all: a body takes milliseconds, unless somebody
    holds it back."""

    def __init__(self) -> None:
        self._room = Room(MOST, MOST_EACH)
        self._coming: dict[asyncio.Timeout, Hashable] = {}
        """Whose each is, by what ends it, the oldest first."""

    async def read(self, request: HttpRequest) -> bytes:
        """Raises `EndpointError`."""
        due_at = asyncio.get_running_loop().time() + SECONDS
        try:
            async with asyncio.timeout_at(due_at) as until:
                with self._held(until, address_of(request.scope)):
                    return await _whole(request)
        except TimeoutError:
            raise _late() if until.when() == due_at else _given_way() from None
        except ClientDisconnect:
            raise EndpointError(400, "invalid_request", "The request is not complete.") from None

    @contextmanager
    def _held(self, until: asyncio.Timeout, caller: Hashable) -> Iterator[None]:
        if lack := self._room.lacks(caller):
            self._make_room(caller, lack)
        self._coming[until] = caller
        self._room.add(caller)
        try:
            yield
        finally:
            self._forget(until)

    def _make_room(self, caller: Hashable, lack: Lack) -> None:
        for until, other in self._coming.items():
            if lack is Lack.SHARED or other == caller:
                self._forget(until)
                until.reschedule(asyncio.get_running_loop().time())
                return

    def _forget(self, until: asyncio.Timeout) -> None:
        if until in self._coming:
            self._room.remove(self._coming.pop(until))


def _late() -> EndpointError:
    return EndpointError(
        408, "invalid_request", f"The request did not arrive within {SECONDS:.0f} seconds.", _CLOSE
    )


def _given_way() -> EndpointError:
    return EndpointError(503, "temporarily_unavailable", "Too many requests at once.", _CLOSE, wait_seconds=1)


async def _whole(request: HttpRequest) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BYTES:
            says = f"The request has more than {MAX_BYTES} bytes."
            raise EndpointError(413, "invalid_request", says, _CLOSE)
    return bytes(body)
