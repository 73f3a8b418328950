"""What a client keeps for weeks is good for weeks: through restarts, changes of keys, and a move."""

import asyncio
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from joserfc import jws

from tests.harness.processes import TENANT_HEADER_SECRET, Process, running
from tests.login.by_hand import Discovered, SignedIn, client
from tests.login.pitfalls.own import Own, own

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
ROUNDS = 3
RETRY_SECONDS = 0.05
REFRESH_SECONDS = 1.0
"""A connection may be refreshed 20 times within a minute."""
OTHER_SECRET = f"another-{TENANT_HEADER_SECRET}"


@pytest.fixture(scope="module")
def ours(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    with own(api_binary, Path(tmp_path_factory.mktemp("kept"))) as deployed:
        yield deployed


async def signed_in(ours: Own) -> tuple[Discovered, SignedIn]:
    found = await ours.subject().found()
    return found, await found.sign_in(ours.visit)


async def status(found: Discovered, token: str) -> int:
    """What the endpoint answers to a token, before it reads what comes with it."""
    async with client() as http:
        answer = await http.post(found.endpoint, headers={"Authorization": f"Bearer {token}"}, json={})
    return answer.status_code


async def refreshed(found: Discovered, signed: SignedIn) -> str:
    """The next access token."""
    answer = await found.refresh(signed.client_id, signed.refresh_token)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@pytest.mark.parametrize("which", ["api", "gateway"])
async def test_refreshes_go_on_while_a_program_is_killed(which: str, ours: Own) -> None:
    """A client refreshes all the while, and asks again with what it has when it gets no answer."""
    found, signed = await signed_in(ours)
    process: Process = getattr(ours, which)
    stop = threading.Event()
    refreshing = asyncio.create_task(_refresh_until(stop.is_set, found, signed))
    for _ in range(ROUNDS):
        await asyncio.sleep(REFRESH_SECONDS)
        await asyncio.to_thread(process.kill)
        await asyncio.to_thread(process.start)
    stop.set()
    answers = await refreshing
    assert answers.count(200) >= ROUNDS
    assert set(answers) <= {200, 503, None}, answers


async def _refresh_until(
    is_over: Callable[[], bool], found: Discovered, signed: SignedIn
) -> list[int | None]:
    """The status of each answer; None where none came. The last one is good."""
    token, answers = signed.refresh_token, list[int | None]()
    while not is_over() or answers[-1] != 200:
        try:
            answer = await found.refresh(signed.client_id, token)
        except httpx.TransportError:
            answers.append(None)
        else:
            answers.append(answer.status_code)
            if answer.status_code == 200:
                token = answer.json()["refresh_token"]
        await asyncio.sleep(REFRESH_SECONDS if answers[-1] == 200 else RETRY_SECONDS)
        assert len(answers) < 20_000
    return answers


async def test_a_client_is_told_to_refresh_before_its_token_ends(ours: Own) -> None:
    """The Python SDK sends its user to the browser when a token is refused, though it could refresh it."""
    found, signed = await signed_in(ours)
    told = time.time() + signed.tokens["expires_in"]
    ends = jws.extract_compact(signed.tokens["access_token"].encode())
    assert told + 20 < json.loads(ends.payload)["exp"]
    again = (await found.refresh(signed.client_id, signed.refresh_token)).json()
    assert again["expires_in"] == signed.tokens["expires_in"]


async def test_a_change_of_keys_signs_nobody_out(ours: Own) -> None:
    found, signed = await signed_in(ours)
    old = signed.tokens["access_token"]
    async with ours.login() as login:
        await login.rotate_keys(withdraw=False)
    await asyncio.sleep(3)
    assert await status(found, old) != 401
    assert await status(found, await refreshed(found, signed)) != 401


async def test_withdrawn_keys_end_access_tokens_and_nothing_else(ours: Own) -> None:
    found, signed = await signed_in(ours)
    async with ours.login() as login:
        await login.rotate_keys(withdraw=True)
    end = time.monotonic() + 3
    while await status(found, signed.tokens["access_token"]) != 401:
        assert time.monotonic() < end, "a token of a withdrawn key is still good"
        await asyncio.sleep(0.1)
    assert await status(found, await refreshed(found, signed)) != 401


@pytest.mark.parametrize("elsewhere", [{}, {"TENANT_HEADER_SECRET": OTHER_SECRET}], ids=["same", "other"])
async def test_a_copy_of_the_data_serves_the_same_clients(
    elsewhere: dict[str, str], ours: Own, tmp_path: Path
) -> None:
    """Also under another secret between the programs, which cannot open the keys that signed."""
    found, signed = await signed_in(ours)
    with moved(ours, tmp_path, elsewhere):
        token = await refreshed(found, signed)
        assert await status(found, token) != 401
        await found.authorize(ours.visit, signed.client_id, signed.redirect_uri)


@contextmanager
def moved(ours: Own, folder: Path, settings: Mapping[str, str]) -> Iterator[None]:
    """The programs, started with a copy of the data at the same addresses; then again as they were."""
    api, gateway = ours.api, ours.gateway
    before = api.environment, gateway.environment
    gateway.stop()
    api.stop()
    for file in api.log.parent.glob("toolbridge.db*"):
        shutil.copy(file, folder)
    copied = {"DATABASE_URL": f"sqlite://{folder}/toolbridge.db"}
    api.environment, gateway.environment = {**before[0], **copied, **settings}, {**before[1], **settings}
    try:
        with running(api), running(gateway):
            yield
    finally:
        api.environment, gateway.environment = before
        api.start()
        gateway.start()


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("openid offline_access read", "read"),
        ("offline_access write read profile", "read write"),
        ("read", "read"),
        (None, "read write"),
        ("", "read write"),
    ],
)
async def test_what_is_not_offered_is_left_out_of_what_is_asked(
    asked: str | None, granted: str, ours: Own
) -> None:
    """Clients ask for `offline_access` by habit, and then also for `prompt=consent` (OpenID Connect)."""
    found = await ours.subject().found()
    registered = (await found.register("http://127.0.0.1:7/", scope="openid offline_access")).json()
    code = await found.authorize(
        ours.visit, registered["client_id"], "http://127.0.0.1:7/", scope=asked, prompt="consent"
    )
    answer = await found.redeem(registered["client_id"], code)
    assert answer.json()["scope"] == granted
    assert answer.json()["refresh_token"]
    assert code.answer["iss"] == found.server["issuer"]
