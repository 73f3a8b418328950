"""A provider that is down, and gateways that start again."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from tests.login.proxy.by_hand import ByHand, arrived
from tests.login.proxy.world import World, a_world

pytestmark = pytest.mark.anyio


async def until(seconds: float, world: World, status: int) -> httpx.Response:
    """The answer of `/readyz` when it has that status."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(httpx.TransportError):
            async with httpx.AsyncClient(trust_env=False) as http:
                answer = await http.get(f"{world.url}/readyz")
            if answer.status_code == status:
                return answer
        await asyncio.sleep(0.1)
    raise AssertionError(f"no {status} within {seconds} s")


async def test_a_gateway_starts_without_the_provider_and_becomes_ready_with_it(
    api_binary: Path, tmp_path: Path
) -> None:
    async with a_world(api_binary, tmp_path) as world:
        client = ByHand(world.url)
        tokens = await client.tokens()
        world.provider.stop()
        await asyncio.to_thread(world.gateway.stop)
        world.gateway.environment = {**world.gateway.environment, "TOOLBRIDGE_API_WAIT_SECONDS": "1"}
        world.gateway.launch()
        answer = await until(30, world, 503)
        assert "could not be read yet" in answer.json()["problems"][0] or "no usable key" in answer.text
        refused = await world.status(tokens["access_token"])
        assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")
        async with httpx.AsyncClient(trust_env=False) as http:
            page = await http.get(client.authorize_url())
            document = await http.get(f"{world.url}/.well-known/oauth-authorization-server")
        assert (page.status_code, page.json()["error"]) == (503, "temporarily_unavailable")
        assert document.status_code == 200
        assert (await client.refresh(tokens["refresh_token"])).status_code == 503
        world.provider.start()
        await until(30, world, 200)
        assert (await world.status(tokens["access_token"])).status_code == 200


async def test_a_refresh_waits_for_the_provider(world: World, client: ByHand) -> None:
    tokens = await client.tokens()
    world.provider.change(refuses=True)
    try:
        answer = await client.refresh(tokens["refresh_token"])
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert (await world.status(tokens["access_token"])).status_code == 200
    finally:
        world.provider.change(refuses=False)
    assert (await client.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_sign_in_goes_on_over_a_restart(world: World, client: ByHand) -> None:
    await client.register()
    consent = await client.browser.visit(client.authorize_url(), until="/consent")
    await world.restart()
    at_the_gateway = await client.browser.visit(consent, until="/auth/callback")
    await world.restart()
    code = arrived(await client.browser.visit(urljoin(world.url, at_the_gateway)))["code"]
    await world.restart()
    tokens = (await client.redeem(code)).json()
    await world.restart()
    assert (await world.status(tokens["access_token"])).status_code == 200
    assert (await client.refresh(tokens["refresh_token"])).status_code == 200
