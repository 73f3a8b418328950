"""How much people and programs without an account may ask for."""

import math
from collections.abc import Hashable
from typing import Protocol

from toolbridge_mcp.resilience import RateLimit

EVERYBODY = "everybody"


class TooMany(Exception):
    """A request above a limit. `wait_seconds` says when there is room again."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__()
        self.wait_seconds = max(1, math.ceil(wait_seconds))


class Limit(Protocol):
    """How often an address may ask."""

    def take(self, address: Hashable) -> None:
        """Counts one request. Raises `TooMany`."""

    def failed(self, address: Hashable) -> None:
        """Counts that a request which was counted was refused."""


class PublicLimit:
    """A token bucket for each address, and one for all together. An address may be that of a whole company,
    or of a service that connects its users from there, so neither is small."""

    def __init__(self, each: tuple[int, int], together: tuple[int, int]) -> None:
        """Both are what is allowed a minute and at once."""
        self._each = RateLimit(*each)
        self._together = RateLimit(*together)

    def take(self, address: Hashable) -> None:
        """Counts one request. Raises `TooMany`."""
        wait = self._each.missing(address) or self._together.missing(EVERYBODY)
        if wait:
            raise TooMany(wait)

    def failed(self, address: Hashable) -> None:
        """Makes no difference."""


class AttemptLimit:
    """A `PublicLimit`, and a narrower one for the attempts of an address that fail: whoever guesses, or only
    makes noise, soon waits, and leaves room for those who do neither."""

    def __init__(self, all_of_them: PublicLimit, failed: tuple[int, int]) -> None:
        """`failed` are the failures that are allowed a minute and at once."""
        self._all = all_of_them
        self._failed = RateLimit(*failed)

    def take(self, address: Hashable) -> None:
        """Counts one attempt. Raises `TooMany`."""
        if not self._failed.left(address):
            raise TooMany(60 / self._failed.per_minute)
        self._all.take(address)

    def failed(self, address: Hashable) -> None:
        """Counts the failure of an attempt."""
        self._failed.missing(address)


def token_limit() -> AttemptLimit:
    """For the requests of /token and /revoke, each of which the API answers."""
    return AttemptLimit(PublicLimit((3_000, 1_000), (30_000, 10_000)), (120, 240))


def page_limit() -> PublicLimit:
    """For the pages, of which a sign-in takes about five, and most of which ask the API once."""
    return PublicLimit((6_000, 2_000), (30_000, 10_000))


def registration_limit() -> PublicLimit:
    """For registrations, which cost a signature and leave nothing behind."""
    return PublicLimit((120, 60), (1_200, 600))


def reading_limit() -> PublicLimit:
    """For readings of metadata documents, each of which is a request to a host that a stranger names."""
    return PublicLimit((30, 20), (120, 60))
