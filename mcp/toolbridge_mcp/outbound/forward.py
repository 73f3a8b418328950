"""Forwards the caller's own token to the API."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from toolbridge_mcp.identity import CallerToken
from toolbridge_mcp.outbound.auth import Transmit, authorize
from toolbridge_mcp.transport import Request, Response


class ForwardedToken:
    """Keeps nothing: each request carries the token of the message that caused it."""

    def __init__(self, caller: Callable[[], CallerToken | None]) -> None:
        self._caller = caller

    async def send(self, request: Request, transmit: Transmit) -> Response:
        """Sends the request once, with the caller's token."""
        authorize(request, self._token())
        return await transmit(request)

    async def bearer_token(self) -> str | None:
        """The caller's token, or None outside of a message."""
        return self._token()

    def _token(self) -> str | None:
        caller = self._caller()
        return caller.value if caller else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass
