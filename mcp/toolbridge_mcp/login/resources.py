"""Resource indicators (RFC 8707): which of our addresses a client wants a token for."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from toolbridge_mcp.web.entry.address import ENDPOINTS, Address
from toolbridge_mcp.web.entry.hosts import Hosts, MalformedHost
from toolbridge_mcp.web.entry.toolsets import ToolsetsInAddresses
from toolbridge_mcp.web.refused import Refused

MAX_LENGTH = 1_024


class Resources:
    """The gateway as a whole and its endpoints, under each name by which it may be called. A token is always
    for the address under `issuer`, so that one works at whatever name its client uses."""

    def __init__(
        self, issuer: str, address: Address, hosts: Iterable[str], toolsets: ToolsetsInAddresses
    ) -> None:
        self._issuer = issuer
        self._prefix = urlsplit(issuer).path
        self._hosts = Hosts([*hosts, *([address.host] if address.host else [])])
        self._toolsets = toolsets

    def audience(self, resource: str | None) -> str | None:
        """The `aud` of a token for this resource; None if the resource is none of ours. Toolsets that an
        address chooses give no rights, so they are no part of it."""
        if not resource:
            return self._issuer
        if len(resource) > MAX_LENGTH:
            return None
        try:
            parts = urlsplit(resource)
            is_here = self._hosts.allows({}, [parts.netloc])
            chosen = self._toolsets.query_in(parts.query.encode("latin-1"))
        except (ValueError, MalformedHost, Refused):
            return None
        is_plain = parts.scheme in ("http", "https") and not parts.fragment and not parts.username
        if not is_here or not is_plain or parts.query != chosen.removeprefix("?"):
            return None
        path = parts.path.removeprefix(self._prefix).rstrip("/")
        return self._issuer + path if path in ("", *ENDPOINTS) else None
