"""The custom httpx transport between the gateway and the API."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Self

import httpx

from toolbridge_mcp.settings import Settings
from toolbridge_mcp.transport.answers import EDGES, read_whole
from toolbridge_mcp.transport.deadline import seconds_left
from toolbridge_mcp.transport.failures import Failures
from toolbridge_mcp.transport.signing import Signer


class TenantTransport(httpx.AsyncBaseTransport):
    """Signs each request for the tenant, and talks to one host only.

    `signature` returns the headers that sign a request; they replace any of the same name. Responses are read
    whole, within the request's deadline (`UNTIL`) if it has one. A request to any host but that of `base_url`
    is a `ValueError`: signature and token belong to the API alone.

    Raises `NotReached` when nothing was sent, `AnswerLost` when something was sent and no whole answer came,
    and `BadAnswer` when the answer cannot be one of the API's.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        base_url: str,
        signature: Callable[[httpx.Request], Mapping[str, str]],
    ) -> None:
        self._inner = inner
        self._origin = _origin(httpx.URL(base_url))
        self._signature = signature

    @classmethod
    def of(
        cls, settings: Settings, inner: httpx.AsyncBaseTransport, now: Callable[[], float] = time.time
    ) -> Self:
        """The transport to the API that the settings name. `now` is the clock of the signature."""
        secret = settings.tenant_header_secret.get_secret_value().encode()
        signer = Signer(secret, settings.tenant_id, now)
        return cls(inner, base_url=settings.go_api_base_url, signature=signer.headers)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if _origin(request.url) != self._origin:
            raise ValueError("the gateway sends requests to the configured API only")
        request.headers.update(self._signature(request))
        with Failures() as failures:
            async with asyncio.timeout(seconds_left(request)):
                response = await self._inner.handle_async_request(request)
                failures.begun = True
                return await read_whole(response, edges=EDGES in request.extensions)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
