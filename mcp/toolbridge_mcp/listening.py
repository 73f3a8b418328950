"""Where a server listens, and where a program on the same machine reaches it.

This module uses the standard library only: processes import it that must stay small.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

EVERY_IPV4 = "0.0.0.0"  # noqa: S104  a name for it
BACKLOG = 2048


def listeners(host: str, port: int) -> list[socket.socket]:
    """The listening sockets for `host`, an address or a name. `::` is every IPv6 and every IPv4 address.

    Raises OSError.
    """
    opened: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            opened.append(socket.create_server(address, family=family, backlog=BACKLOG))
    except BaseException:
        for listener in opened:
            listener.close()
        raise
    return opened


def reached_at(host: str) -> str:
    """The address or name under which this machine reaches a server that listens on `host`.

    The loopback address of IPv4 stands for every address: a container may have none of IPv6.
    """
    return "127.0.0.1" if is_every_address(host) else _bare(host)


def local_url(host: str, port: int) -> str:
    """The address for a client on this machine of a server that listens on `host`."""
    reached = reached_at(host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect."""
    address = _address(host)
    return address.is_loopback if address else _bare(host).lower() == "localhost"


def is_every_address(host: str) -> bool:
    address = _address(host)
    return address is not None and address.is_unspecified


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, Any]]:
    """Two sockets serve both families, since one would show an IPv4 client by another spelling of its
    address, which no setting names. Of a name that has both, IPv4 is taken."""
    if isinstance(_address(host), IPv6Address) and is_every_address(host):
        return [(socket.AF_INET6, ("::", port)), (socket.AF_INET, (EVERY_IPV4, port))]
    found = socket.getaddrinfo(_bare(host), port, type=socket.SOCK_STREAM)
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return [(family, address)]


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(_bare(host))
    except ValueError:
        return None


def _bare(host: str) -> str:
    return host.strip().removeprefix("[").removesuffix("]")
