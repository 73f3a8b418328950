"""Two machines of one tenant on one PostgreSQL server, each with a gateway and an API: what happens at one
counts at the other. `pytest -s` prints the seconds."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from tests.harness.clients import Rest, over_http, over_sse
from tests.harness.postgres_server import postgres_server
from tests.harness.processes import api_process, gateway_process, running
from tests.harness.table import head, row
from tests.login.embedded import EMBEDDED, Embedded
from tests.telemetry.raw_clients import alone

pytestmark = pytest.mark.anyio
PUBLIC = "https://tools.example"
MOST_SECONDS = 3.0
LIST = {"name": "list_notes", "arguments": {}}
PING = {"id": 1, "method": "ping"}


@contextmanager
def two_machines(api_binary: Path, folder: Path) -> Iterator[list[Embedded]]:
    with TemporaryDirectory() as short, postgres_server(Path(short)) as server, ExitStack() as stack:
        machines = []
        for name in ("one", "two"):
            own = folder / name
            own.mkdir()
            api = api_process(api_binary, own, **EMBEDDED, DATABASE_URL=server.url)
            stack.enter_context(running(api))
            gateway = gateway_process(api.url, own, **EMBEDDED, TOOLBRIDGE_PUBLIC_URL=PUBLIC)
            stack.enter_context(running(gateway))
            machines.append(Embedded(api, gateway))
        yield machines


async def until(ask: Callable[[], Awaitable[httpx.Response]], is_so: Callable[[int], bool]) -> float:
    """How many seconds it takes until the status is so."""
    began = time.monotonic()
    async with asyncio.timeout(2 * MOST_SECONDS):
        while not is_so((await ask()).status_code):
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def until_refused(ask: Callable[[], Awaitable[httpx.Response]]) -> float:
    return await until(ask, lambda status: status == 401)


async def both_refuse(machine: Embedded, bearer: str, revoke: Callable[[], Awaitable[object]]) -> list[float]:
    """How long gateway and API of a machine go on taking a token, after the revocation was answered."""
    rest = Rest(machine.api.url, bearer)
    async with alone(machine.gateway.url, bearer) as client:
        await client("tools/call", LIST)
        assert (await rest("GET", "/v1/notes")).status_code == 200
        await revoke()
        found = await asyncio.gather(
            until_refused(lambda: client.post(PING)), until_refused(lambda: rest("GET", "/v1/notes"))
        )
    await rest.aclose()
    return list(found)


async def test_what_happens_at_one_machine_counts_at_the_other(api_binary: Path, tmp_path: Path) -> None:
    with two_machines(api_binary, tmp_path) as (one, two):
        async with one.people() as at_one, two.people() as at_two:
            ann = await at_one.signed_in()
            first = await at_one.connected(ann)
            async with over_sse(two.gateway.url, first.access) as tools:
                created = await tools.call("create_note", title="t", content="c")
            renewed = await at_two.renewed(first)
            async with over_http(one.gateway.url, renewed.access) as tools:
                assert (await tools.call("get_note", uid=created["uid"]))["uid"] == created["uid"]
            second = await at_two.connected(ann)

            async def disconnect() -> None:
                await at_one.api.end_connection(ann.session, renewed.connection)

            async def disable() -> None:
                await at_one.api.disable(ann.account.id)

            head("done at one machine, refused at the other after seconds", "by its gateway", "by its API")
            for revoke, tokens in ((disconnect, renewed), (disable, second)):
                seconds = await both_refuse(two, tokens.access, revoke)
                row(revoke.__name__, *(f"{each:.2f}" for each in seconds))
                assert max(seconds) < MOST_SECONDS


async def test_a_new_key_of_one_machine_is_known_at_the_other(api_binary: Path, tmp_path: Path) -> None:
    with two_machines(api_binary, tmp_path) as (one, two):
        async with one.people() as at_one, two.people() as at_two:
            before = await at_one.connected(await at_one.signed_in())
            async with over_http(two.gateway.url, before.access) as tools:
                await tools.call("list_notes")
            await at_one.api.rotate_keys(withdraw=True)
            after = await at_one.renewed(before)
            async with over_http(one.gateway.url, after.access) as tools:
                await tools.call("list_notes")
            async with alone(two.gateway.url, after.access) as client:
                await until(lambda: client.post(PING), lambda status: status != 401)
            async with over_http(two.gateway.url, (await at_two.renewed(after)).access) as tools:
                await tools.call("list_notes")
            async with alone(two.gateway.url, before.access) as client:
                assert await until_refused(lambda: client.post(PING)) < MOST_SECONDS
