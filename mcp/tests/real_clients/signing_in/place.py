"""Where a client works, and what must come of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.published import Json
from tests.real_clients.programs import Programs
from tests.real_clients.signing_in.browser import Browser

TITLE = "Written after signing in"
CALLS: list[tuple[str, Json]] = [
    ("create_note", {"title": TITLE, "content": "Text of a client that signed in"}),
    ("list_notes", {"order": "desc"}),
]
"""What each client asks of the tools."""


@dataclass(frozen=True)
class Place:
    """One client of one person: its programs, the address typed into it, and what it keeps.

    `home` is a folder that is kept between the client's starts; `kept` is the same for a client that runs in
    this process.
    """

    programs: Programs
    gateway: str
    transport: str
    home: Path
    browser: Browser
    query: str = ""
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.gateway}/{'sse' if self.transport == 'sse' else 'mcp'}{self.query}"

    def environment(self, **more: str) -> dict[str, str]:
        return {"HOME": str(self.home), **self.browser.environment, **more}

    async def success(self, command: list[str], *, folder: Path | None = None, **more: str) -> str:
        """What a program of the client prints."""
        return await self.programs.success(command, folder=folder or self.home, **self.environment(**more))


@dataclass(frozen=True)
class Seen:
    """What a client got: the names of the tools, and the results of `CALLS` as the protocol has them."""

    tools: list[str]
    results: list[Json]


Client = Callable[[Place], Awaitable[Seen]]
"""Connects, signs in if the server wants it, lists the tools and makes the calls."""


def expect_worked(seen: Seen) -> None:
    """The note was created, and it is in the list."""
    assert {name for name, _ in CALLS} <= set(seen.tools)
    assert not any(result.get("isError") for result in seen.results), seen.results
    created, listed = seen.results
    assert created["structuredContent"]["uid"]
    assert TITLE in listed["content"][0]["text"]
