"""How a token gets onto a request to the API, and what happens when the API refuses it."""

from collections.abc import AsyncGenerator, Awaitable, Callable

import httpx

from toolbridge_mcp.errors import IssuedTokenRefused, TimedOut
from toolbridge_mcp.transport import seconds_left

Flow = AsyncGenerator[httpx.Request, httpx.Response]
_ABOUT_THE_CALLER = frozenset({401, 403})


class BearerAuth(httpx.Auth):
    """Sends each request with the token that `bearer_token` returns for it, and with no other.

    Without a token the request has no `Authorization` header, even if the caller of the client set one.
    """

    def __init__(self, bearer_token: Callable[[], Awaitable[str | None]]) -> None:
        self._bearer_token = bearer_token

    async def async_auth_flow(self, request: httpx.Request) -> Flow:
        _authorize(request, await self._bearer_token())
        yield request


class IssuedTokenAuth(httpx.Auth):
    """Sends each request with a token that the token service issued.

    When the API refuses it, the token is forgotten and the request is sent once more with a new one. The API
    checks the token before it does anything, so this is safe for writes too.

    Raises `IssuedTokenRefused` when the API refuses the new token as well. Raises `TimedOut` when the
    request's deadline passes before there is a token; nothing was sent then.
    """

    def __init__(
        self, bearer_token: Callable[[float | None], Awaitable[str | None]], forget: Callable[[str], None]
    ) -> None:
        """`bearer_token` takes the seconds that it may wait and raises `TimeoutError` after them."""
        self._bearer_token = bearer_token
        self._forget = forget

    async def async_auth_flow(self, request: httpx.Request) -> Flow:
        token = await self._token_in_time(request)
        _authorize(request, token)
        response = yield request
        if not token or not _is_refused(response):
            return
        self._forget(token)
        _authorize(request, await self._token_in_time(request))
        response = yield request
        if _is_refused(response):
            raise IssuedTokenRefused

    async def _token_in_time(self, request: httpx.Request) -> str | None:
        try:
            return await self._bearer_token(seconds_left(request))
        except TimeoutError as error:
            raise TimedOut from error


def _authorize(request: httpx.Request, token: str | None) -> None:
    if token:
        request.headers["Authorization"] = f"Bearer {token}"
    else:
        request.headers.pop("Authorization", None)


def _is_refused(response: httpx.Response) -> bool:
    return response.status_code == httpx.codes.UNAUTHORIZED and not is_about_the_tenant(response)


def is_about_the_tenant(response: httpx.Response) -> bool:
    """Whether the API refused the tenant that the gateway names, which another token would not change. The
    first generation's API says so in plain text, with 401 or 403."""
    return response.status_code in _ABOUT_THE_CALLER and b"tenant" in response.content
