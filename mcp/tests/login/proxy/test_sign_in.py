"""Signing in through FastMCP's proxy: a certified provider, the official client library, a real API."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.harness.authorization_server import SERVICE, running_authorization_server
from tests.harness.clients import Rest
from tests.login.proxy.by_hand import ByHand
from tests.login.proxy.openid import CLIENT
from tests.login.proxy.person import Person
from tests.login.proxy.world import World, a_world, claims_of

pytestmark = pytest.mark.anyio
each_endpoint = pytest.mark.parametrize("endpoint", ["sse", "mcp"])


@each_endpoint
async def test_the_api_gets_the_providers_token(endpoint: str, world: World) -> None:
    person = Person()
    async with person.connected(world.url, endpoint) as tools:
        note = await tools.call("create_note", title="mine", content="a")
        assert (await tools.call("get_note", uid=note["uid"]))["uid"] == note["uid"]
    assert world.issuers_at_the_api() == {world.provider.issuer}
    assert person.tokens.access_token not in world.tokens_at_the_api()
    assert claims_of(person.tokens.access_token)["iss"] == world.url


async def test_the_api_refuses_the_gateways_token(world: World, client: ByHand) -> None:
    ours = (await client.tokens())["access_token"]
    assert (await world.status(ours)).status_code == 200
    before = world.tokens_at_the_api()
    await world.call_a_tool(ours)
    (providers,) = world.tokens_at_the_api() - before
    for token, status in ((providers, 200), (ours, 401)):
        rest = Rest(world.api.url, token)
        answer = await rest("GET", "/v1/notes")
        await rest.aclose()
        assert answer.status_code == status, answer.text


@each_endpoint
async def test_a_client_stays_signed_in_beyond_the_life_of_a_token(endpoint: str, world: World) -> None:
    world.provider.change(lifetime=4)
    person = Person("bob")
    try:
        async with person.connected(world.url, endpoint) as tools:
            note = await tools.call("create_note", title="mine", content="a")
            session, first = tools.client.session, person.tokens.access_token
            await asyncio.sleep(4.5)
            assert (await tools.call("get_note", uid=note["uid"]))["uid"] == note["uid"]
            assert tools.client.session is session
    finally:
        world.provider.change(lifetime=3600)
    assert person.tokens.access_token != first
    assert len(person.visits) == 1


async def test_users_are_told_apart(world: World) -> None:
    async with Person("cid").connected(world.url, "mcp") as tools:
        note = await tools.call("create_note", title="of cid", content="a")
    async with Person("dan").connected(world.url, "mcp") as tools:
        with pytest.raises(AssertionError):
            await tools.call("get_note", uid=note["uid"])


async def test_a_client_gets_no_more_than_it_asks_for(world: World, client: ByHand) -> None:
    tokens = await client.tokens(scope="openid offline_access read")
    assert tokens["scope"] == "read"
    assert (await world.call_a_tool(tokens["access_token"])).status_code == 200
    refused = await world.call_a_tool(tokens["access_token"], "create_note", {"title": "a", "content": "b"})
    assert "scope" in refused.text


async def test_the_api_gets_the_token_that_was_exchanged(api_binary: Path, tmp_path: Path) -> None:
    with running_authorization_server() as authority:
        name, secret = SERVICE
        inner = authority.verifiers("https://inner.example")
        exchange = {
            "TOOLBRIDGE_OUTBOUND_IDENTITY": "exchange",
            "TOOLBRIDGE_TOKEN_URL": authority.token_url,
            "TOOLBRIDGE_CLIENT_ID": name,
            "TOOLBRIDGE_CLIENT_SECRET": secret,
            "TOOLBRIDGE_OUTBOUND_AUDIENCE": "https://inner.example",
        }
        async with a_world(api_binary, tmp_path, exchange, of_api=inner) as world:
            authority.trusts[world.provider.issuer] = f"{world.provider.issuer}/jwks"
            async with Person().connected(world.url, "sse") as tools:
                await tools.call("create_note", title="mine", content="a")
            assert world.issuers_at_the_api() == {authority.issuer}
            (exchanged,) = {form["subject_token"] for form in authority.forms}
            assert claims_of(exchanged)["iss"] == world.provider.issuer


async def test_an_id_token_stands_for_the_user_where_access_tokens_say_nothing(
    api_binary: Path, tmp_path: Path
) -> None:
    both = {"REQUIRE_SCOPES": "false", "TENANT_CLAIM": "tenant"}
    settings = {
        "TOOLBRIDGE_PROXY_TOKEN": "id_token",
        "TOOLBRIDGE_PROXY_CLIENT_AUTHENTICATION": "client_secret_post",
        **both,
    }
    provider = {"opaque": True, "audience": CLIENT[0], "authentication": "client_secret_post"}
    async with a_world(api_binary, tmp_path, settings, of_provider=provider, of_api=both) as world:
        person = Person()
        async with person.connected(world.url, "mcp") as tools:
            await tools.call("create_note", title="mine", content="a")
        (token,) = world.tokens_at_the_api()
        assert (claims_of(token)["aud"], claims_of(token)["sub"]) == (CLIENT[0], "ann")
        assert (await world.status(person.tokens.access_token)).status_code == 200
        assert (await world.status(token)).status_code == 401  # an ID token is no proof to others


async def test_a_token_of_the_provider_is_taken_as_it_is(world: World, client: ByHand) -> None:
    await world.call_a_tool((await client.tokens())["access_token"])
    token = world.calls[-1].headers["Authorization"].removeprefix("Bearer ")
    assert (await world.status(token)).status_code == 200


async def test_a_token_stops_with_the_providers(world: World, client: ByHand) -> None:
    world.provider.change(lifetime=2)
    try:
        token = (await client.tokens(scope="read"))["access_token"]
    finally:
        world.provider.change(lifetime=3600)
    assert (await world.status(token)).status_code == 200
    end = time.monotonic() + 10
    while (await world.status(token)).status_code == 200:
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
