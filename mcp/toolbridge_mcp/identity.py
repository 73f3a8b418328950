"""Whose request this is. The only file that knows how FastMCP exposes the caller's token."""

from fastmcp.server.dependencies import get_access_token


def bearer_token() -> str | None:
    """The verified token of the very message being handled, or None outside of one.

    Over SSE that is the token of the POST that carries the call, never the one that opened the stream.
    """
    access = get_access_token()
    return access.token if access else None
