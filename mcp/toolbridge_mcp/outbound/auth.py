"""How a token gets onto a request to the API, and what happens when the API refuses it."""

from collections.abc import Awaitable, Callable

from toolbridge_mcp.errors import IssuedTokenRefused, TimedOut
from toolbridge_mcp.transport import Request, Response, seconds_left

Transmit = Callable[[Request], Awaitable[Response]]
"""Sends a request as it is, once, and returns the answer."""

_UNAUTHORIZED = 401
_ABOUT_THE_CALLER = frozenset({401, 403})


def authorize(request: Request, token: str | None) -> None:
    """Puts the token on the request. Without one it has no `Authorization`, even if somebody set that."""
    if token:
        request.headers["Authorization"] = f"Bearer {token}"
    else:
        request.headers.pop("Authorization", None)


async def send_with_issued_token(
    request: Request,
    transmit: Transmit,
    bearer_token: Callable[[float | None], Awaitable[str | None]],
    forget: Callable[[str], None],
) -> Response:
    """Sends the request with a token that the token service issued. `bearer_token` takes the seconds that it
    may wait and raises `TimeoutError` after them.

    When the API refuses the token, that is forgotten and the request is sent once more with a new one. The
    API checks the token before it does anything, so this is safe for writes too.

    Raises `IssuedTokenRefused` when the API refuses the new token as well. Raises `TimedOut` when the
    request's deadline passes before there is a token; nothing was sent then.
    """
    token = await _token_in_time(request, bearer_token)
    authorize(request, token)
    response = await transmit(request)
    if not token or not _is_refused(response):
        return response
    forget(token)
    authorize(request, await _token_in_time(request, bearer_token))
    response = await transmit(request)
    if _is_refused(response):
        raise IssuedTokenRefused
    return response


async def _token_in_time(
    request: Request, bearer_token: Callable[[float | None], Awaitable[str | None]]
) -> str | None:
    try:
        return await bearer_token(seconds_left(request))
    except TimeoutError as error:
        raise TimedOut from error


def _is_refused(response: Response) -> bool:
    return response.status == _UNAUTHORIZED and not is_about_the_tenant(response.status, response.content)


def is_about_the_tenant(status: int, content: bytes) -> bool:
    """Whether the API refused the tenant that the gateway names, which another token would not change. The
    first generation's API says so in plain text, with 401 or 403."""
    return status in _ABOUT_THE_CALLER and b"tenant" in content
