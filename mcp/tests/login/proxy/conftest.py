from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.login.proxy.by_hand import ByHand
from tests.login.proxy.world import World, a_world


@pytest.fixture(scope="module")
async def world(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with a_world(api_binary, tmp_path_factory.mktemp("proxy")) as made:
        yield made


@pytest.fixture
def client(world: World) -> ByHand:
    return ByHand(world.url)
