"""Whose request this is. The only file that knows how FastMCP exposes the token of a message.

Over SSE it is the token of the POST that carries the call, never the one that opened the stream.
"""

import re
from datetime import tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastmcp.server.auth import AccessToken
from fastmcp.server.dependencies import get_access_token as fastmcp_token
from fastmcp.server.dependencies import get_context

from toolbridge_mcp.message import current_message
from toolbridge_mcp.sender import Revoked, Sender, SessionOwner, User, sender_of, user_of

__all__ = [
    "AccessToken",
    "CallerToken",
    "Revoked",
    "Sender",
    "SessionOwner",
    "User",
    "as_sent",
    "caller_token",
    "client_as_named",
    "client_name",
    "get_access_token",
    "sender_of",
    "time_zone",
    "user_of",
]

LONGEST_ZONE = 64


class CallerToken(NamedTuple):
    """A verified token and the Unix time at which it expires, if it does."""

    value: str
    expires_at: float | None = None


def get_access_token() -> AccessToken | None:
    """The verified token of the message being handled. In a server without our `web/`, which tests use,
    FastMCP knows it."""
    message = current_message()
    return message.sender.token if message else fastmcp_token()


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
    message = current_message()
    if message and message.operation.client is not None:
        return message.operation.client
    params = get_context().session.client_params
    return client_as_named(params.client_info.name, params.client_info.version) if params else ""


def client_as_named(name: str, version: str) -> str:
    """How `client_name` writes a client that calls itself so."""
    return as_sent(f"{name}/{version}")


def as_sent(client: str) -> str:
    """A client's name in the form in which the API has it."""
    return _UNUSABLE.sub("-", client[:128])
