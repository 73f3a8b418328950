"""The official TypeScript clients sign in for an address that chooses toolsets."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.auth.test_login import gateway_with
from tests.harness.authorization_server import AuthorizationServer, running_authorization_server
from tests.harness.processes import Process
from tests.real_clients.programs import Programs
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.tools.operations import OPERATIONS

pytestmark = [pytest.mark.anyio, pytest.mark.clients]
PROGRAM = Path(__file__).with_name("sign-in.mjs")


@pytest.fixture
def authority() -> Iterator[AuthorizationServer]:
    with running_authorization_server() as server:
        yield server


@pytest.fixture
def gateway(api_binary: Path, tmp_path: Path, authority: AuthorizationServer) -> Iterator[Process]:
    with gateway_with(api_binary, tmp_path, authority) as front:
        yield front


@pytest.mark.parametrize("sdk", ["1", "2"])
@pytest.mark.parametrize("endpoint", ["sse", "mcp"])
async def test_typescript_signs_in_for_the_whole_address(
    endpoint: str, sdk: str, gateway: Process, programs: Programs
) -> None:
    address = f"{gateway.url}/{endpoint}?toolsets=crud"
    answer = json.loads(
        await programs.success(
            [str(programs.node), str(PROGRAM)],
            folder=programs.packages,
            SDK=sdk,
            TRANSPORT=endpoint,
            URL=address,
        )
    )
    assert answer["resource"] == address
    assert len(answer["tools"]) == len(ENTITIES) * len(OPERATIONS)
    assert not answer["failed"]
