"""The official TypeScript clients sign in at a provider, for an address that chooses toolsets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.auth.test_login import gateway_with
from tests.harness.authorization_server import AuthorizationServer, running_authorization_server
from tests.harness.processes import Process
from tests.real_clients.programs import Programs
from tests.real_clients.signing_in.browser import Browser
from tests.real_clients.signing_in.place import TITLE, Place
from tests.real_clients.signing_in.typescript import answer_of
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.tools.operations import OPERATIONS

pytestmark = [pytest.mark.anyio, pytest.mark.clients]


@pytest.fixture
def authority() -> Iterator[AuthorizationServer]:
    with running_authorization_server() as server:
        yield server


@pytest.fixture
def gateway(api_binary: Path, tmp_path: Path, authority: AuthorizationServer) -> Iterator[Process]:
    with gateway_with(api_binary, tmp_path, authority) as front:
        yield front


@pytest.mark.parametrize("sdk", ["1", "2"])
@pytest.mark.parametrize("transport", ["sse", "http"])
async def test_typescript_signs_in_for_the_whole_address(
    transport: str, sdk: str, gateway: Process, programs: Programs, tmp_path: Path
) -> None:
    browser = Browser(tmp_path / "bin")
    browser.install()
    place = Place(programs, gateway.url, transport, tmp_path, browser, "?toolsets=crud")
    answer = await answer_of(sdk, place)
    assert answer["resource"] == place.url
    assert len(answer["tools"]) == len(ENTITIES) * len(OPERATIONS)
    assert TITLE in answer["results"][-1]["content"][0]["text"]
