"""How soon the tokens of a user stop who is disabled, or of a client that is disconnected: over each
transport, and at the API. `pytest -s` prints the seconds."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from tests.harness.clients import CALL_SECONDS, META, Rest, over_http, over_sse
from tests.harness.published import Json
from tests.harness.table import head, row
from tests.login.embedded import Embedded, embedded
from tests.login.people import Connected, People
from tests.telemetry.raw_clients import NEWEST, NO_HEADERS, RawClient, alone, session, sse

pytestmark = pytest.mark.anyio
MOST_SECONDS = 3.0
API_SECONDS = 0.5
STEP = 0.02
PING = {"id": 9, "method": "ping"}
ALONE = {"mcp-protocol-version": NEWEST, "mcp-method": "tools/list"}
PING_ALONE = {"id": 9, "method": "tools/list", "params": {"_meta": META}}
LIST = {"name": "list_notes", "arguments": {}}


@pytest.fixture(scope="module")
def both(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with embedded(api_binary, tmp_path_factory.mktemp("embedded")) as found:
        yield found


@pytest.fixture
async def people(both: Embedded) -> AsyncIterator[People]:
    async with both.people() as found:
        yield found


class Watched:
    """One user's client in use over every transport, and when each was refused."""

    def __init__(self, both: Embedded, tokens: Connected) -> None:
        self.both = both
        self.token = tokens.access
        self.seconds: dict[str, float] = {}
        self.challenges: dict[str, str] = {}
        self.ready = 0
        self.began = 0.0

    async def run(self, revoke: Callable[[], Awaitable[object]]) -> None:
        """Raises `TimeoutError` when one of them goes on for too long."""
        url = self.both.gateway.url
        async with AsyncExitStack() as stack:
            over_stream = await stack.enter_async_context(sse(url, self.token))
            in_session = await stack.enter_async_context(session(url, self.token))
            each = await stack.enter_async_context(alone(url, self.token))
            rest = Rest(self.both.api.url, self.token)
            stack.push_async_callback(rest.aclose)
            await each("tools/call", LIST)
            assert (await rest("GET", "/v1/notes")).status_code == 200
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._ended("/sse, the open stream", "/sse", {}))
                tasks.create_task(self._ended("/mcp 2025-11-25, the open stream", "/mcp", in_session.session))
                tasks.create_task(self._posted("/messages/, a POST for an open stream", over_stream))
                tasks.create_task(self._posted("/mcp 2025-11-25, a POST in a session", in_session))
                tasks.create_task(self._posted("/mcp 2026-07-28, a POST", each, PING_ALONE, ALONE))
                tasks.create_task(self._api(rest))
                while self.ready < 6:
                    await asyncio.sleep(STEP)
                self.began = time.monotonic()
                await revoke()
                self.began = time.monotonic()

    def _over(self, name: str) -> None:
        self.seconds[name] = time.monotonic() - self.began

    async def _ended(self, name: str, path: str, headers: Mapping[str, str]) -> None:
        accept = {"Accept": "text/event-stream", "Authorization": f"Bearer {self.token}", **headers}
        async with (
            httpx.AsyncClient(base_url=self.both.gateway.url, trust_env=False, timeout=CALL_SECONDS) as http,
            http.stream("GET", path, headers=accept) as stream,
        ):
            assert stream.status_code == 200
            self.ready += 1
            async for _ in stream.aiter_lines():
                pass
            self._over(name)
            again = await http.get(path, headers=accept)
            self._refused(f"{name}, opened again", again)

    async def _posted(
        self, name: str, client: RawClient, message: Json = PING, headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        answer = await client.post(message, headers)
        assert answer.status_code in (200, 202), answer.text
        self.ready += 1
        async with asyncio.timeout(MOST_SECONDS + CALL_SECONDS):
            while (answer := await client.post(message, headers)).status_code in (200, 202):
                await asyncio.sleep(STEP)
        self._over(name)
        self._refused(name, answer)

    async def _api(self, rest: Rest) -> None:
        self.ready += 1
        async with asyncio.timeout(MOST_SECONDS + CALL_SECONDS):
            while (answer := await rest("GET", "/v1/notes?limit=1")).status_code == 200:
                await asyncio.sleep(STEP)
        assert answer.status_code == 401
        self._over("the API itself")

    def _refused(self, name: str, answer: httpx.Response) -> None:
        assert answer.status_code == 401, f"{name}: {answer.status_code} {answer.text}"
        self.challenges[name] = answer.headers["WWW-Authenticate"]


def told(name: str, watched: Watched) -> None:
    head(f"{name}: what stops", "after seconds")
    for what, seconds in sorted(watched.seconds.items()):
        row(what, f"{seconds:.2f}")


def assert_stopped(watched: Watched) -> None:
    assert len(watched.seconds) == 6
    assert max(watched.seconds.values()) < MOST_SECONDS, watched.seconds
    assert watched.seconds["the API itself"] < API_SECONDS


def assert_challenges(watched: Watched) -> None:
    """Each says what was wrong, what to ask for, and where: some clients never sign in again after less."""
    for name, challenge in watched.challenges.items():
        endpoint = "/mcp" if name.startswith("/mcp") else "/sse"
        where = f"{watched.both.gateway.url}/.well-known/oauth-protected-resource{endpoint}"
        says = 'Bearer error="invalid_token", error_description="The access was revoked; sign in again."'
        assert challenge == f'{says}, scope="read write", resource_metadata="{where}"', name
    assert len(watched.challenges) == 5


async def samples(both: Embedded, pattern: str) -> float:
    async with httpx.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"{both.gateway.url}/metrics")).text
    return sum(float(amount) for amount in re.findall(rf"^{pattern} (\S+)$", text, re.MULTILINE))


async def test_the_tokens_of_a_disabled_user_stop_over_each_transport(both: Embedded, people: People) -> None:
    ann, ben = await people.signed_in(), await people.signed_in()
    hers, his = await people.connected(ann), await people.connected(ben)
    watched = Watched(both, hers)
    async with over_sse(both.gateway.url, his.access) as other:
        await other.call("list_notes")
        await watched.run(lambda: people.api.disable(ann.account.id))
        await other.call("list_notes")
    told("a user is disabled", watched)
    assert_stopped(watched)
    assert_challenges(watched)
    assert await samples(both, r'toolbridge_refused_total\{reason="token_revoked"\}') >= 5
    assert await samples(both, r'mcp_session_disconnects_total\{.*reason="revoked"\}') >= 2
    assert await samples(both, "toolbridge_login_state_age_seconds") < 2
    async with asyncio.timeout(MOST_SECONDS):
        while await samples(both, r"toolbridge_sessions\{.*\}"):
            await asyncio.sleep(STEP)


async def test_of_two_clients_the_one_that_is_disconnected_stops(both: Embedded, people: People) -> None:
    ann = await people.signed_in()
    first, second = await people.connected(ann), await people.connected(ann)
    assert first.connection in [one.id for one in await people.api.connections(ann.session)]
    watched = Watched(both, first)
    async with over_sse(both.gateway.url, second.access) as other:
        await watched.run(lambda: people.api.end_connection(ann.session, first.connection))
        await other.call("list_notes")
        renewed = await people.renewed(second)
        async with over_http(both.gateway.url, renewed.access) as later:
            await later.call("list_notes")
    told("a client is disconnected", watched)
    assert_stopped(watched)
    assert_challenges(watched)


async def test_a_user_who_is_enabled_again_signs_in_again(both: Embedded, people: People) -> None:
    """At once: what was made before the end stays refused, what is made afterwards is not."""
    ann = await people.signed_in()
    before = await people.connected(ann)
    await people.api.disable(ann.account.id)
    account = await people.api.enable(ann.account.id)
    link = (await people.api.new_link(account.id, "reset")).link
    again = await people.redeemed(link.token)
    after = await people.connected(again)
    async with over_http(both.gateway.url, after.access) as tools:
        await tools.call("list_notes")
    async with alone(both.gateway.url, before.access) as old, asyncio.timeout(MOST_SECONDS):
        while (await old.post(PING_ALONE, ALONE)).status_code != 401:
            await asyncio.sleep(STEP)
    async with over_http(both.gateway.url, after.access) as tools:
        await tools.call("list_notes")
