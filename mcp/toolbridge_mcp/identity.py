"""Whose request this is.

Over SSE it is the token of the POST that carries the call, never the one that opened the stream.
"""

from typing import NamedTuple, TypeAlias

from fastmcp.server.dependencies import get_access_token
from mcp.server.auth.provider import AccessToken

User: TypeAlias = tuple[str, str]
"""Issuer and subject of a verified token. A part that the token lacks is empty."""


class CallerToken(NamedTuple):
    """A verified token and the Unix time at which it expires, if it does."""

    value: str
    expires_at: float | None = None


def user_of(access: AccessToken | None) -> User:
    """The user that a verified token speaks for; nobody without one."""
    if access is None:
        return "", ""
    return str((access.claims or {}).get("iss") or ""), access.subject or ""


def caller_token() -> CallerToken | None:
    """The verified token of the message being handled, or None outside of a message."""
    access = get_access_token()
    return CallerToken(access.token, access.expires_at) if access else None
