"""Secrets that are changed while clients call: the tenant's, the tokens', and an identity provider's key.

The table says how many calls were made meanwhile and how many failed. What was retired is refused afterwards.
TOOLBRIDGE_TEST_CLIENTS sets the number of clients.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.cli.test_stack import Machine
from tests.harness.authorization_server import running_authorization_server
from tests.harness.by_hand import signed_token
from tests.harness.clients import Signed
from tests.harness.rotating_clients import Load, clients
from tests.harness.table import head, row, say
from tests.trouble.test_faults import fill, small_disk
from toolbridge_mcp.cli import key_files
from toolbridge_mcp.cli.settings_file import values
from toolbridge_mcp.keyring import Key

pytestmark = [pytest.mark.anyio, pytest.mark.trouble]

ROTATE = ("tenant", "rotate-secret")
KEY_SET_SECONDS = 6
CLIENTS = int(os.environ.get("TOOLBRIDGE_TEST_CLIENTS", "50"))


@pytest.fixture
def machine(tmp_path: Path, api_binary: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path, api_binary)
    yield machine
    machine("down")


@pytest.fixture(scope="module", autouse=True)
def heading() -> None:
    head("changed under load", "clients", "step", "seconds", "calls meanwhile", "failed")


class Scene:
    """A stack with its present secrets, and the load on it."""

    def __init__(self, machine: Machine, load: Load, what: str) -> None:
        self.machine = machine
        self.load = load
        self.what = what

    async def step(self, name: str, *arguments: str, **settings: str) -> None:
        calls, failed, begun = self.load.calls, self.load.failures.total(), time.monotonic()
        code, said = await asyncio.to_thread(self.machine, *arguments, **settings)
        assert code == 0, said
        await self.load.more(2 * CLIENTS)
        self.row(name, begun, calls, failed)

    async def changed(self, name: str, change: Callable[[], None]) -> None:
        """The programs read a key set at most once in a few seconds."""
        calls, failed, begun = self.load.calls, self.load.failures.total(), time.monotonic()
        await asyncio.sleep(KEY_SET_SECONDS)
        change()
        await self.load.more(3 * CLIENTS)
        self.row(name, begun, calls, failed)

    def row(self, name: str, begun: float, calls: int, failed: int) -> None:
        seconds = f"{time.monotonic() - begun:.1f}"
        done = f"{self.load.calls - calls:,}", self.load.failures.total() - failed
        row(self.what, CLIENTS, name, seconds, *done)


def settings_of(machine: Machine) -> dict[str, str]:
    return values(Path(machine.environment["TOOLBRIDGE_ENV_FILE"]))


def token_of(machine: Machine, user: str, secret: str | None = None) -> str:
    """A token with the secret that is in the file of settings now."""
    claims = {"sub": user, "exp": int(time.time()) + 3600}
    return signed_token(secret or settings_of(machine)["JWT_HS256_SECRET"], claims)


@asynccontextmanager
async def under_load(
    machine: Machine, what: str, token: Callable[[str], str] | None = None, **settings: str
) -> AsyncIterator[Scene]:
    code, said = machine("up", "--detach", **settings)
    assert code == 0, said
    async with clients(url_of(machine), CLIENTS, token or partial(token_of, machine)) as load:
        await load.more(CLIENTS)
        scene = Scene(machine, load, what)
        yield scene
    for failure, times in load.failures.items():
        say(f"{times} times: {failure}")
    assert not load.failures


def url_of(machine: Machine) -> str:
    return f"http://127.0.0.1:{machine.environment['TOOLBRIDGE_PORT']}"


async def answer_of_the_gateway(machine: Machine, token: str) -> int:
    async with (
        httpx.AsyncClient(trust_env=False) as http,
        http.stream("GET", f"{url_of(machine)}/sse", headers={"Authorization": f"Bearer {token}"}) as answer,
    ):
        return answer.status_code


async def answer_of_the_api(machine: Machine, tenant: Key, token: str) -> int:
    headers = {"X-Sync-Session": "new", "Authorization": f"Bearer {token}"}
    signer = Signed(tenant.secret.decode(), settings_of(machine)["TENANT_ID"], tenant.id)
    async with httpx.AsyncClient(trust_env=False, auth=signer) as http:
        api = f"http://127.0.0.1:{machine.environment['API_PORT']}"
        return (await http.get(f"{api}/v1/notes", headers=headers)).status_code


def tenant_key(machine: Machine) -> Key:
    """The one that signs now."""
    return key_files.read(machine.data / "keys/tenant").keys[0]


async def test_the_secret_of_the_tenant(machine: Machine) -> None:
    async with under_load(machine, "tenant secret") as scene:
        before = tenant_key(machine)
        token = token_of(machine, "ann")
        assert await answer_of_the_api(machine, before, token) == 200
        for step in ("add", "switch", "retire"):
            await scene.step(step, *ROTATE, "--step", step)
        await scene.step("all three", *ROTATE)
        after = tenant_key(machine)
        assert after.secret.decode() == settings_of(machine)["TENANT_HEADER_SECRET"]
        assert await answer_of_the_api(machine, after, token) == 200
        assert await answer_of_the_api(machine, before, token) == 401


async def test_the_secret_of_tokens(machine: Machine) -> None:
    rotate = (*ROTATE, "--use", "token")
    async with under_load(machine, "token secret") as scene:
        secrets = settings_of(machine)
        old = token_of(machine, "ann", secrets["JWT_HS256_SECRET"])
        for step in ("add", "switch"):
            await scene.step(step, *rotate, "--step", step)
        assert settings_of(machine)["JWT_HS256_SECRET"] != secrets["JWT_HS256_SECRET"]
        tenant = tenant_key(machine)
        assert await answer_of_the_gateway(machine, old) == 200
        assert await answer_of_the_api(machine, tenant, old) == 200
        await scene.step("retire", *rotate, "--step", "retire", "--retire-now")
        assert await answer_of_the_gateway(machine, old) == 401
        assert await answer_of_the_api(machine, tenant, old) == 401
        assert await answer_of_the_api(machine, tenant, token_of(machine, "ann")) == 200


async def test_a_full_disk_stops_no_call(machine: Machine) -> None:
    """Whatever step meets it. Needs root, for a small disk."""
    folder = machine.data / "keys"
    folder.mkdir(parents=True)
    with small_disk(folder):
        async with under_load(machine, "on a full disk") as scene:
            for step in ("add", "switch", "retire"):
                fill(folder / "filler")
                calls, failed, begun = scene.load.calls, scene.load.failures.total(), time.monotonic()
                code, said = await asyncio.to_thread(machine, *ROTATE, "--step", step)
                assert (code, f"{step}: " in said, "No space left on device" in said) == (1, True, True), said
                await scene.load.more(2 * CLIENTS)
                scene.row(f"{step} refused", begun, calls, failed)
                (folder / "filler").unlink()
                await scene.step(step, *ROTATE, "--step", step)
        machine("down")


async def test_the_key_of_an_identity_provider(machine: Machine) -> None:
    with running_authorization_server() as authority:
        tokens: dict[tuple[str, str], str] = {}

        def signed(user: str) -> str:
            """A token of the key that signs now, made once."""
            of_now = (user, authority.keys[-1].kid)
            return tokens.get(of_now) or tokens.setdefault(of_now, authority.sign(user, "gateway"))

        settings = {**authority.verifiers("gateway"), "TOOLBRIDGE_TOKEN": signed("dev")}
        async with under_load(machine, "key set", signed, **settings) as scene:
            tenant, old = tenant_key(machine), signed("ann")
            await scene.changed("another key signs", authority.rotate)
            assert signed("ann") != old
            assert await answer_of_the_gateway(machine, old) == 200
            authority.withdrawn = {authority.keys[0].kid}
            # Both programs read the set again when a token names a key that they do not know.
            await scene.changed("the first is withdrawn", authority.rotate)
            assert await answer_of_the_gateway(machine, old) == 401
            assert await answer_of_the_api(machine, tenant, old) == 401
            assert await answer_of_the_api(machine, tenant, signed("ann")) == 200
