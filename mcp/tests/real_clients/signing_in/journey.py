"""A client's first days in a few minutes: it signs in, comes back with what it kept, refreshes when its
token has expired, and signs in again when its user has ended its connection."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from tests.real_clients.programs import Programs
from tests.real_clients.signing_in.browser import Browser
from tests.real_clients.signing_in.deployment import LIFETIME, Deployment
from tests.real_clients.signing_in.place import Client, Place, expect_worked

STEPS = ("signs in", "comes back", "refreshes", "signs in again")
SIGNING_IN = {STEPS[0], STEPS[3]}
"""Those for which the client opens the browser."""

REVOKED_SECONDS = 3
"""Until when the gateway has learnt what was revoked."""

AT_ONCE = asyncio.Semaphore(2)
"""Clients that work at the same time: most of them take a core to start. The first two steps are one turn, as
no token may expire between them."""

FINE = "ok"


@dataclass
class Journey:
    """`came` says of each step what came of it: `FINE`, or what went wrong. None follows one that failed."""

    client: Client
    place: Place
    came: dict[str, str] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return list(self.came) == list(STEPS) and set(self.came.values()) == {FINE}


async def travel(journey: Journey, deployment: Deployment) -> None:
    async def expire() -> None:
        await asyncio.sleep(LIFETIME + 1)

    async def disconnect() -> None:
        assert journey.place.browser.account
        await deployment.disconnect(journey.place.browser.account[0])
        await asyncio.sleep(REVOKED_SECONDS)

    await _take(journey, *STEPS[:2])
    await expire()
    await _take(journey, STEPS[2])
    await disconnect()
    await _take(journey, STEPS[3])


async def _take(journey: Journey, *steps: str) -> None:
    async with AT_ONCE:
        for step in steps:
            if set(journey.came.values()) <= {FINE}:
                journey.came[step] = await _outcome(journey, needs_browser=step in SIGNING_IN)


async def _outcome(journey: Journey, *, needs_browser: bool) -> str:
    """What came of using the client once more."""
    browser = journey.place.browser
    visits = len(browser.visits)
    try:
        expect_worked(await journey.client(journey.place))
    except Exception as error:  # noqa: BLE001  each client has errors of its own
        return " | ".join([f"{type(error).__name__}: {error}", *browser.visits[visits:]]).replace("\n", " ")
    if needs_browser == (len(browser.visits) > visits):
        return FINE
    return "it did not open the browser" if needs_browser else "it opened the browser"


async def place_of(
    name: str, transport: str, programs: Programs, deployment: Deployment, folder: Path
) -> Place:
    """A place for a client of a user of its own."""
    home = folder / f"{name}-{transport}".replace(" ", "-")
    home.mkdir()
    browser = Browser(home / "bin", await deployment.account(home.name))
    browser.install()
    return Place(programs, deployment.gateway.url, transport, home, browser)
