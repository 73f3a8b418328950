"""The caller's own token goes on to the API."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from toolbridge_mcp.identity import CallerToken


class ForwardedToken:
    """Holds nothing: each request carries the token of the message that caused it."""

    def __init__(self, caller: Callable[[], CallerToken | None]) -> None:
        self._caller = caller

    async def bearer_token(self) -> str | None:
        caller = self._caller()
        return caller.value if caller else None

    def around(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return transport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass
