"""What callers occupy here: of each one, and of all together.

A caller is a user once the token of a request has been verified, and an address before that.
"""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

SITE_BITS = 64
"""Whoever has one IPv6 address usually has the network of this size around it."""


class Lack(Enum):
    """Whose room is full."""

    OWN = "own"
    SHARED = "shared"


class Room:
    """Room for one kind of thing that callers make the gateway keep: `most` in all, `most_each` of each.

    Nothing is kept of a caller that occupies nothing. What is added is removed by whoever added it.
    """

    def __init__(self, most: int, most_each: int) -> None:
        self.most = most
        self.most_each = most_each
        self.total = 0
        self._of: dict[Hashable, int] = {}

    @property
    def callers(self) -> int:
        """How many callers occupy something."""
        return len(self._of)

    def of(self, caller: Hashable) -> int:
        """How much `caller` occupies."""
        return self._of.get(caller, 0)

    def lacks(self, caller: Hashable, amount: int = 1) -> Lack | None:
        """Whose room is too small for `amount` more of `caller`; None if there is room."""
        if self._of.get(caller, 0) + amount > self.most_each:
            return Lack.OWN
        if self.total + amount > self.most:
            return Lack.SHARED
        return None

    def add(self, caller: Hashable, amount: int = 1) -> None:
        """Counts `amount`, whether there is room or not."""
        self._of[caller] = self._of.get(caller, 0) + amount
        self.total += amount

    def remove(self, caller: Hashable, amount: int = 1) -> None:
        left = self._of.get(caller, 0) - amount
        if left < 0:
            raise ValueError("more is removed than was added")
        self.total -= amount
        if left:
            self._of[caller] = left
        else:
            self._of.pop(caller, None)

    def largest(self) -> Hashable | None:
        """The caller that occupies most; None if nobody occupies anything."""
        return max(self._of, key=self._of.__getitem__, default=None)

    @contextmanager
    def held(self, caller: Hashable, amount: int = 1) -> Iterator[None]:
        """Counts `amount` while the block runs."""
        self.add(caller, amount)
        try:
            yield
        finally:
            self.remove(caller, amount)


def address_of(scope: Scope) -> str:
    """The caller that a request without a verified token comes from."""
    client = scope.get("client")
    return caller_at(client[0]) if client else ""


@lru_cache(maxsize=10_000)
def caller_at(host: str) -> str:
    """The caller at an address: the address itself, or an IPv6 address's network."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, SITE_BITS), strict=False))
