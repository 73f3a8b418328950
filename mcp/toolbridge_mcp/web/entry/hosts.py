"""The names by which a request may address this gateway (its Host header)."""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address

from starlette.types import Scope

THIS_MACHINE = ("localhost", "127.0.0.1", "::1")

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]*)(:[0-9]{0,5})?")
"""Host and port (RFC 9110, section 7.2). A user before the host is no part of it, and is refused."""


class MalformedHost(ValueError):
    """Not the one Host header that a request needs (RFC 9112, section 3.2)."""


class Hosts:
    """The names of this machine, the address that a connection came to, and the given names.

    A page of a foreign site can make its own name lead to this machine (DNS rebinding). The browser then
    sends that name.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(_spelled(name) for name in (*THIS_MACHINE, *names))

    def allows(self, scope: Scope, sent: list[str]) -> bool:
        """Whether the request with these Host headers is for this gateway. Raises `MalformedHost`."""
        if not sent and scope.get("http_version") == "1.0":
            return True  # has no Host header; no browser sends this version
        if len(sent) != 1:
            raise MalformedHost
        found = _HOST.fullmatch(sent[0].lower())
        if found is None:
            raise MalformedHost
        host = found[1]
        return host in self._names or _spelled(host) in self._names.union(_own_address(scope))


def _own_address(scope: Scope) -> tuple[str, ...]:
    """The address that a connection came to. Health checks of a platform use it as the Host."""
    server = scope.get("server")
    return (_spelled(server[0]),) if server else ()


def _spelled(host: str) -> str:
    """One spelling of each host."""
    host = host.lower().removesuffix(".").removeprefix("[").removesuffix("]")
    try:
        address = ip_address(host)
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
