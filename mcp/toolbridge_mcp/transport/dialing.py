"""How a connection to the API is opened."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple, Self, TypeVar

import httpx

PORTS = {"http": 80, "https": 443}

Protocol = TypeVar("Protocol", bound=asyncio.Protocol)


class Address(NamedTuple):
    """Where the API is. `host` is a name or an address of IPv4 or IPv6, without brackets."""

    host: str
    port: int
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, url: str) -> Self:
        """The address of an http or https URL. With https, certificates are checked by what this machine
        trusts."""
        parsed = httpx.URL(url)
        tls = ssl.create_default_context() if parsed.scheme == "https" else None
        if tls is not None:
            tls.set_alpn_protocols(["http/1.1"])
        return cls(parsed.raw_host.decode("ascii"), parsed.port or PORTS[parsed.scheme], tls)


async def dial(address: Address, protocol: Callable[[], Protocol], until: float) -> Protocol:
    """An open connection. Of a name with several addresses each is tried in turn, with an equal share of the
    time that is left until `until`, in seconds of the event loop. Raises `OSError` or `TimeoutError`."""
    loop = asyncio.get_running_loop()
    found = await _addresses(address)
    for number, (host, port) in enumerate(found):
        tries_left = len(found) - number
        try:
            async with asyncio.timeout((until - loop.time()) / tries_left):
                _, connected = await loop.create_connection(
                    protocol,
                    host,
                    port,
                    ssl=address.tls,
                    server_hostname=address.host if address.tls else None,
                )
                return connected
        except OSError:  # TimeoutError is one
            if tries_left == 1:
                raise
    raise OSError("the name of the API has no address")


async def _addresses(address: Address) -> list[tuple[str, int]]:
    """The addresses of the API, of IPv4 and IPv6, in the order in which this machine would use them."""
    with suppress(ValueError):
        ip_address(address.host)
        return [(address.host, address.port)]  # asking for a name would take a thread
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    return [(str(where[0]), int(where[1])) for *_, where in found]
