"""Signing in through FastMCP's proxy: a certified provider, the official client library, a real API."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.login.proxy.person import Person
from tests.login.proxy.world import World, a_world

pytestmark = pytest.mark.anyio
each_endpoint = pytest.mark.parametrize("endpoint", ["sse", "mcp"])


@pytest.fixture
async def world(api_binary: Path, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(api_binary, tmp_path) as made:
        yield made


@each_endpoint
async def test_the_api_gets_the_providers_token(endpoint: str, world: World) -> None:
    person = Person()
    async with person.connected(world.url, endpoint) as tools:
        note = await tools.call("create_note", title="mine", content="a")
        assert (await tools.call("get_note", uid=note["uid"]))["uid"] == note["uid"]
    assert world.issuers_at_the_api() == {world.provider.issuer}
    assert person.tokens.access_token not in world.tokens_at_the_api()
