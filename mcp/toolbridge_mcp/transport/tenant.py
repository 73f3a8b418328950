"""The custom httpx transport between the gateway and the API."""

import time
from collections.abc import Awaitable, Callable

import httpx

from toolbridge_mcp.errors import Unavailable
from toolbridge_mcp.transport.signing import tenant_headers

RETRY_SECONDS = 2


class AnswerLost(Exception):
    """The request went out and no whole answer came back, so what it did is unknown."""


class TenantTransport(httpx.AsyncBaseTransport):
    """Signs each request for the tenant, adds the token of the moment, and talks to one host only.

    Answers come back read whole. Raises `Unavailable` when the API was not reached and `AnswerLost` when
    it was but did not answer. A request for another host than `base_url`'s is a `ValueError`: signature
    and token belong to the API alone.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        base_url: str,
        tenant_id: str,
        secret: bytes,
        bearer_token: Callable[[], Awaitable[str | None]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._inner = inner
        self._origin = _origin(httpx.URL(base_url))
        self._tenant_id = tenant_id
        self._secret = secret
        self._bearer_token = bearer_token
        self._now = now

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if _origin(request.url) != self._origin:
            raise ValueError("the gateway sends requests to the configured API only")
        await self._identify(request)
        self._sign(request)
        try:
            response = await self._inner.handle_async_request(request)
            await response.aread()
        except httpx.ConnectError as error:
            raise Unavailable(facts={"retry_after": RETRY_SECONDS}) from error
        except (httpx.TransportError, httpx.StreamError) as error:
            raise AnswerLost from error
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _sign(self, request: httpx.Request) -> None:
        request.headers.update(tenant_headers(self._secret, self._tenant_id, int(self._now() * 1000)))

    async def _identify(self, request: httpx.Request) -> None:
        request.headers.pop("Authorization", None)
        token = await self._bearer_token()
        if token:
            request.headers["Authorization"] = f"Bearer {token}"


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
