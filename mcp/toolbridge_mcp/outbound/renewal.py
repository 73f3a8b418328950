"""What happens when the API refuses a token that the token service issued."""

from collections.abc import Callable

import httpx

from toolbridge_mcp.errors import IssuedTokenRefused


class RenewingTransport(httpx.AsyncBaseTransport):
    """Around a transport that adds the token: a 401 drops that token, and the request is sent once more,
    with a new one. The API refuses a token before it does anything, so this is safe for writes too.

    Raises `IssuedTokenRefused` when the new one is refused as well.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, forget: Callable[[str], None]) -> None:
        self._inner = inner
        self._forget = forget

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if not _token_refused(request, response):
            return response
        self._forget(_token_of(request))
        response = await self._inner.handle_async_request(request)
        if _token_refused(request, response):
            raise IssuedTokenRefused
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def _token_of(request: httpx.Request) -> str:
    return str(request.headers.get("Authorization", "")).removeprefix("Bearer ")


def _token_refused(request: httpx.Request, response: httpx.Response) -> bool:
    return (
        response.status_code == httpx.codes.UNAUTHORIZED
        and "Authorization" in request.headers
        and not is_about_the_tenant(response)
    )


def is_about_the_tenant(response: httpx.Response) -> bool:
    """401 is also the answer to a wrong tenant signature, which no other token would mend. The first
    generation says so in plain text."""
    return response.status_code == httpx.codes.UNAUTHORIZED and b"invalid tenant" in response.content
