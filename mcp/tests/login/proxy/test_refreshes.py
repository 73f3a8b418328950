"""Refreshes and ends of sign-ins: twice at once, used again, revoked here and at the provider."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from tests.harness.processes import gateway_process
from tests.login.proxy.by_hand import ByHand
from tests.login.proxy.person import Person
from tests.login.proxy.world import World
from toolbridge_mcp.login.proxy.swap import REMEMBERED_SECONDS

pytestmark = pytest.mark.anyio
ANSWERS = "toolbridge-answers"


async def test_two_refreshes_at_once_get_one_answer(world: World, client: ByHand) -> None:
    first = await client.tokens()
    before = len(world.provider.grants("refresh_token"))
    answers = await asyncio.gather(*(client.refresh(first["refresh_token"]) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert (await client.refresh(first["refresh_token"])).text == answers[0].text
    await _tells(lambda: len(world.provider.grants("refresh_token")) == before + 1)
    second = answers[0].json()
    assert second["refresh_token"] != first["refresh_token"]
    assert (await world.status(second["access_token"])).status_code == 200
    assert (await client.refresh(second["refresh_token"])).status_code == 200


async def test_refreshes_one_after_the_other_never_end_a_sign_in(client: ByHand) -> None:
    """One may come while the answer to the one before it is being written."""
    token = (await client.tokens())["refresh_token"]

    async def later(seconds: float) -> httpx.Response:
        await asyncio.sleep(seconds)
        return await client.refresh(token)

    answers = await asyncio.gather(*(later(number * 0.004) for number in range(40)))
    assert {answer.text for answer in answers} == {answers[0].text}
    assert answers[0].status_code == 200


async def test_machines_share_what_they_keep(world: World, client: ByHand) -> None:
    tokens = await client.tokens()
    async with another_machine(world) as other:
        assert (await other.status(tokens["access_token"])).status_code == 200
        there = replace(client, url=other.url)
        before = len(world.provider.grants("refresh_token"))
        both = [machine.refresh(tokens["refresh_token"]) for machine in (client, there) * 3]
        answers = await asyncio.gather(*both)
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.text for answer in answers}) == 1
        await _tells(lambda: len(world.provider.grants("refresh_token")) == before + 1)
        token = answers[0].json()["access_token"]
        assert (await other.status(token)).status_code == 200
        await client.post("/revoke", token=token, client_id=client.client_id)
        assert (await world.status(token)).status_code == 401
        end = time.monotonic() + REMEMBERED_SECONDS + 5
        while (await other.status(token)).status_code != 401:
            assert time.monotonic() < end
            await asyncio.sleep(0.5)


@asynccontextmanager
async def another_machine(world: World) -> AsyncIterator[World]:
    """A second gateway under the same address, with the same folder."""
    machine = gateway_process("", world.folder.parent)
    machine.environment = {
        **world.gateway.environment,
        "TOOLBRIDGE_PORT": str(machine.port),
        "TOOLBRIDGE_PUBLIC_URL": world.url,
    }
    await asyncio.to_thread(machine.start)
    try:
        yield replace(world, gateway=machine)
    finally:
        await asyncio.to_thread(machine.stop)


async def test_a_refresh_names_the_scopes_of_the_first_again(world: World, client: ByHand) -> None:
    """Entra ID refuses one that names none (AADSTS90009)."""
    tokens = await client.tokens(scope="read")
    assert (await client.refresh(tokens["refresh_token"])).status_code == 200
    assert world.provider.grants("refresh_token")[-1]["scope"] == "openid offline_access read"


async def test_a_refresh_token_that_is_used_late_ends_the_sign_in(world: World, client: ByHand) -> None:
    first = await client.tokens()
    second = (await client.refresh(first["refresh_token"])).json()
    assert (await world.status(second["access_token"])).status_code == 200
    shutil.rmtree(world.folder / ANSWERS)  # as if a minute had passed
    stolen = await client.refresh(first["refresh_token"])
    assert stolen.json()["error"] == "invalid_grant"
    assert (await client.refresh(second["refresh_token"])).json()["error"] == "invalid_grant"
    answer = await world.status(second["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


async def test_a_refresh_token_of_another_client_is_none(world: World, client: ByHand) -> None:
    tokens = await client.tokens()
    other = ByHand(world.url)
    await other.register(client_name="another")
    assert (await other.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await client.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_code_that_is_used_twice_ends_what_came_of_it(world: World, client: ByHand) -> None:
    code = (await client.sign_in())["code"]
    answers = await asyncio.gather(client.redeem(code), client.redeem(code))
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    (tokens,) = (answer.json() for answer in answers if answer.is_success)
    assert (await client.redeem(code)).json()["error"] == "invalid_grant"
    assert (await world.status(tokens["access_token"])).status_code == 401


async def test_a_code_needs_its_client_and_its_verifier(world: World, client: ByHand) -> None:
    code = (await client.sign_in())["code"]
    other = ByHand(world.url, verifier=client.verifier)
    await other.register(client_name="another")
    assert (await other.redeem(code)).json()["error"] == "invalid_grant"
    assert (await client.redeem(code, code_verifier="x" * 43)).json()["error"] == "invalid_grant"
    assert (await client.redeem(code, redirect_uri="http://127.0.0.1:1/other")).status_code == 400
    assert (await client.redeem(code)).status_code == 200


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
async def test_a_client_that_revokes_ends_all_at_once(kind: str, world: World, client: ByHand) -> None:
    tokens = await client.tokens()
    assert (await world.status(tokens["access_token"])).status_code == 200
    answer = await client.post("/revoke", token=tokens[kind], client_id=client.client_id)
    assert answer.status_code == 200
    refused = await world.status(tokens["access_token"])
    assert refused.status_code == 401
    assert "revoked" in refused.headers["WWW-Authenticate"]
    assert (await client.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_stream_ends_with_its_sign_in(world: World) -> None:
    person = Person("eve")
    async with person.connected(world.url, "sse"):
        headers = {"Authorization": f"Bearer {person.tokens.access_token}"}
        async with (
            httpx.AsyncClient(trust_env=False, timeout=20) as http,
            http.stream("GET", f"{world.url}/sse", headers=headers) as stream,
        ):
            form = {"token": person.tokens.refresh_token, "client_id": person.client_id}
            assert (await http.post(f"{world.url}/revoke", data=form)).status_code == 200
            async for _ in stream.aiter_raw():
                pass  # to its end


async def test_what_ends_at_the_provider_ends_here_with_the_next_refresh(
    world: World, client: ByHand
) -> None:
    tokens = await client.tokens()
    world.provider.revoke()
    assert (await client.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await world.status(tokens["access_token"])).status_code == 401
    assert (await client.tokens())["access_token"]  # by a new sign-in


async def test_what_ends_here_ends_at_the_provider(world: World, client: ByHand) -> None:
    tokens = await client.tokens()
    before = len(world.provider.ended)
    await client.post("/revoke", token=tokens["refresh_token"], client_id=client.client_id)
    await _tells(lambda: len(world.provider.ended) > before)


async def _tells(is_so: Callable[[], bool]) -> None:
    """Waits for what the provider tells us, which it does after it has answered."""
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
