"""Bodies of requests from anyone: how large, how slow, how many."""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest

from toolbridge_mcp.login.refused import EndpointError
from toolbridge_mcp.web.ledger import Room, address_of

MAX_BYTES = 64 * 1024
SECONDS = 10.0
MOST = 400
MOST_EACH = 200
"""At once, of all addresses and of one."""


class Bodies:
    """Reads a body when its turn comes; refuses one above a limit."""

    def __init__(self) -> None:
        self._room = Room(MOST, MOST_EACH)

    async def read(self, request: HttpRequest) -> bytes:
        """Raises `EndpointError`."""
        address = address_of(request.scope)
        if self._room.lacks(address):
            raise EndpointError(503, "temporarily_unavailable", "Too many requests at once.", wait_seconds=1)
        with self._room.held(address):
            try:
                async with asyncio.timeout(SECONDS):
                    return await _whole(request)
            except TimeoutError:
                says = f"The request did not arrive within {SECONDS:.0f} seconds."
                raise EndpointError(408, "invalid_request", says, {"Connection": "close"}) from None
            except ClientDisconnect:
                raise EndpointError(400, "invalid_request", "The request is not complete.") from None


async def _whole(request: HttpRequest) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BYTES:
            says = f"The request has more than {MAX_BYTES} bytes."
            raise EndpointError(413, "invalid_request", says, {"Connection": "close"})
    return bytes(body)
