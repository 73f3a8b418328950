"""How much people and programs without an account may ask for."""

import math
from collections.abc import Hashable

from toolbridge_mcp.resilience import RateLimit

EVERYBODY = "everybody"


class TooMany(Exception):
    """A request above a limit. `wait_seconds` says when there is room again."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__()
        self.wait_seconds = max(1, math.ceil(wait_seconds))


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


def token_limit() -> PublicLimit:
    """For the requests of /token and /revoke, each of which the API answers."""
    return PublicLimit((3_000, 1_000), (12_000, 4_000))


def registration_limit() -> PublicLimit:
    """For registrations, which cost a signature and leave nothing behind."""
    return PublicLimit((120, 60), (1_200, 600))


def reading_limit() -> PublicLimit:
    """For readings of metadata documents, each of which is a request to a host that a stranger names."""
    return PublicLimit((30, 20), (120, 60))
