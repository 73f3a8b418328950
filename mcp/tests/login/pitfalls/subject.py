"""What is checked, and how."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.login.by_hand import Discovered, Visit


@dataclass(frozen=True)
class Subject:
    """A server that is looked at. `typed` are the addresses that people type into their clients."""

    url: str
    typed: tuple[str, ...]
    visit: Visit
    restart: Callable[[], None]
    accepts_lifetime: Callable[[int], bool]
    blocked_agent_is_found: Callable[[], bool]

    async def found(self, path: str = "/mcp") -> Discovered:
        return await Discovered.at(f"{self.url}{path}")


@dataclass(frozen=True)
class Pitfall:
    name: str
    source: str
    check: Callable[[Subject], Awaitable[str]]


async def outcome(pitfall: Pitfall, subject: Subject) -> tuple[bool, str]:
    """Whether the server stands the check, and what is to be said of it."""
    try:
        return True, await pitfall.check(subject)
    except AssertionError as error:
        return False, str(error).partition("\n")[0]
