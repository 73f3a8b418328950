"""The signing keys of the login, changed while clients call: as it happens every 90 days, and at once.

The table says how many calls were made meanwhile, how many failed, and how many requests got 401 and were
sent again with a renewed token, as clients do. TOOLBRIDGE_TEST_CLIENTS sets the number of clients.
"""

import asyncio
import json
import os
import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from tests.harness.rotating_clients import Load, clients_with
from tests.harness.table import head, row, say
from tests.login.embedded import embedded
from tests.login.people import Connected, People

pytestmark = [pytest.mark.anyio, pytest.mark.trouble]
CLIENTS = int(os.environ.get("TOOLBRIDGE_TEST_CLIENTS", "50"))
SIGNS_SECONDS = 90
"""A new key is published for more than a minute before it signs."""


class Renewing(httpx2.Auth):
    """A client's token, and another one after a 401."""

    def __init__(self, people: People, tokens: Connected) -> None:
        self._people = people
        self._tokens = tokens
        self._turn = asyncio.Lock()
        self.refused = 0

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        used = self._tokens
        request.headers["Authorization"] = f"Bearer {used.access}"
        answer = yield request
        if answer.status_code == httpx2.codes.UNAUTHORIZED:
            self.refused += 1
            async with self._turn:
                if self._tokens is used:
                    await self.renew()
            request.headers["Authorization"] = f"Bearer {self._tokens.access}"
            yield request

    async def renew(self) -> None:
        self._tokens = await self._people.renewed(self._tokens)

    @property
    def key(self) -> str:
        """Which one signed its token."""
        head = self._tokens.access.split(".")[0]
        return str(json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])


class Steps:
    def __init__(self, load: Load, users: dict[str, Renewing]) -> None:
        self._load = load
        self._users = users
        self._begin()

    def _begin(self) -> None:
        self._began, self._calls = time.monotonic(), self._load.calls
        self._failed, self._refused = self._load.failures.total(), self.refused()

    def refused(self) -> int:
        return sum(user.refused for user in self._users.values())

    async def over(self, name: str) -> None:
        """After some more calls of every client."""
        await self._load.more(4 * CLIENTS)
        seconds = f"{time.monotonic() - self._began:.1f}"
        calls, failed = self._load.calls - self._calls, self._load.failures.total() - self._failed
        row(name, seconds, f"{calls:,}", failed, self.refused() - self._refused)
        self._begin()


async def test_the_signing_keys_of_the_login(api_binary: Path, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        both = stack.enter_context(embedded(api_binary, tmp_path))
        people = await stack.enter_async_context(both.people())
        users: dict[str, Renewing] = {}
        for number in range(CLIENTS):
            tokens = await people.connected(await people.signed_in())
            users[f"user-{number}"] = Renewing(people, tokens)
        first = users["user-0"]
        probe = Renewing(people, await people.connected(await people.signed_in()))
        load = await stack.enter_async_context(clients_with(both.gateway.url, CLIENTS, users.__getitem__))
        head(f"login keys, {CLIENTS} clients", "seconds", "calls meanwhile", "failed", "401, then renewed")
        steps = Steps(load, users)
        await steps.over("before")
        old = first.key
        await people.api.rotate_keys(withdraw=False)
        async with asyncio.timeout(SIGNS_SECONDS):
            while probe.key == old:
                await asyncio.sleep(5)  # a connection may be renewed 20 times in a minute
                await probe.renew()
        await steps.over("a new key is published, and then signs")
        for user in users.values():
            await user.renew()
        assert {user.key for user in users.values()} == {probe.key}
        await steps.over("every client has a token of it")
        assert not load.failures, load.failures
        assert steps.refused() == 0
        await people.api.rotate_keys(withdraw=True)
        await steps.over("all keys but a new one are withdrawn")
        failed = load.failures.total()
        await steps.over("afterwards")
        assert load.failures.total() == failed
        assert {user.key for user in users.values()}.isdisjoint({old, probe.key})
        assert failed < CLIENTS / 2, "after the first of them the gateway looks, and answers 401"
        texts = {failure.partition(" Correlation id")[0] for failure in load.failures}
        say(f"Those that failed were told: {texts}")
        assert all("sign in again" in text for text in texts)
