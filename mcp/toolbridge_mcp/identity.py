"""Whose request this is. The only file that knows how FastMCP exposes the caller's token.

Over SSE it is the token of the POST that carries the call, never the one that opened the stream.
"""

from typing import NamedTuple

from fastmcp.server.dependencies import get_access_token


class CallerToken(NamedTuple):
    """A verified token and the Unix time at which it expires, if it does."""

    value: str
    expires_at: float | None = None


def caller_token() -> CallerToken | None:
    """The verified token of the very message being handled, or None outside of one."""
    access = get_access_token()
    return CallerToken(access.token, access.expires_at) if access else None


def caller() -> tuple[str, str]:
    """Issuer and subject of the verified token of this message; both empty outside of one."""
    access = get_access_token()
    if access is None:
        return "", ""
    return str(access.claims.get("iss") or ""), access.subject or str(access.claims.get("sub") or "")


def may(scope: str) -> bool:
    """Whether the token of this message has the scope; False without a token."""
    access = get_access_token()
    return access is not None and scope in access.scopes
