"""Whose request this is. The only file that knows how FastMCP exposes the token of a message.

Over SSE it is the token of the POST that carries the call, never the one that opened the stream.
"""

import re
from datetime import tzinfo
from functools import lru_cache
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastmcp.server.auth import AccessToken
from fastmcp.server.dependencies import get_access_token, get_context
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.authentication import AuthCredentials
from starlette.types import Scope

__all__ = [
    "AccessToken",
    "CallerToken",
    "User",
    "authenticated",
    "caller_token",
    "client_name",
    "get_access_token",
    "time_zone",
    "token_of",
    "user_of",
]

LONGEST_ZONE = 64

User: TypeAlias = tuple[str, str]
"""Issuer and subject of a verified token. A part that the token lacks is empty."""


class CallerToken(NamedTuple):
    """A verified token and the Unix time at which it expires, if it does."""

    value: str
    expires_at: float | None = None


def authenticated(token: AccessToken) -> tuple[AuthCredentials, AuthenticatedUser]:
    """The `auth` and `user` of a request's scope, where FastMCP finds the token."""
    return AuthCredentials(token.scopes), AuthenticatedUser(token)


def token_of(scope: Scope) -> AccessToken:
    """The verified token of an HTTP request that has been authenticated."""
    token = scope["user"].access_token
    if not isinstance(token, AccessToken):
        raise TypeError("a request was not authenticated by a token")
    return token


def user_of(token: AccessToken | None) -> User:
    """The user that a verified token speaks for; both parts are empty without a token."""
    if token is None:
        return "", ""
    return str(token.claims.get("iss") or ""), token.subject or ""


def caller_token() -> CallerToken | None:
    """The verified token of the message being handled, or None outside of a message."""
    token = get_access_token()
    return CallerToken(token.token, token.expires_at) if token else None


def time_zone(default: tzinfo | None) -> tzinfo | None:
    """The zone that the token of the message being handled names in `zoneinfo`, as OpenID Connect has it."""
    token = get_access_token()
    name = token.claims.get("zoneinfo") if token else None
    return (_zone_named(name) if isinstance(name, str) else None) or default


@lru_cache(maxsize=256)
def _zone_named(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if len(name) <= LONGEST_ZONE else None
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None


_UNUSABLE = re.compile(r"[^!-~]+")


def client_name() -> str:
    """The client of the message being handled and its version, as it calls itself: `claude-code/2.1.0`.

    At most 128 visible ASCII characters; empty if the client did not say.
    """
    params = get_context().session.client_params
    if params is None:
        return ""
    said = params.client_info
    return _UNUSABLE.sub("-", f"{said.name}/{said.version}"[:128])
