import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from fastmcp import FastMCP

from tests.harness import log_search
from tests.harness.clients import Rest, Tools, in_memory, settings_for, token
from tests.harness.deployment import STACK_SETTINGS, OwnStack, expect_no_secret_in
from tests.harness.log_search.gateway import note_requests
from tests.harness.processes import REPOSITORY, Process, api_process, gateway_process, shared
from tests.harness.recording import Recording
from tests.harness.stack import stack_process
from tests.harness.wire import connections
from toolbridge_mcp.app import create_server

STARTERS = {"gateway_process", "stack_process", "gateway_before", "signing_in", "embedded", "subprocess"}
"""Names by which a test file starts programs of its own."""


def pytest_configure() -> None:
    """Lets the search for secrets know what servers in this process send to the API."""
    if log_search.FOLDER in os.environ:
        note_requests()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of files that start programs of their own, which `scripts/test.sh fast` leaves out."""
    for item in items:
        if isinstance(item, pytest.Function) and STARTERS & vars(item.module).keys():
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def api_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real API: the binary that scripts/test.sh built, else built here."""
    given = os.environ.get("TOOLBRIDGE_API_BINARY")
    if given:
        return Path(given).absolute()
    binary = tmp_path_factory.mktemp("bin") / "toolbridge-api"
    subprocess.run(
        ["go", "build", "-o", str(binary), "./cmd/toolbridge-api"],
        cwd=REPOSITORY / "api",
        check=True,
    )
    return binary


@pytest.fixture(scope="session")
def api(
    request: pytest.FixtureRequest, api_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """One API process for all tests; each test is a user of its own."""
    with shared(request.session, lambda: api_process(api_binary, tmp_path_factory.mktemp("api"))) as process:
        yield process


@pytest.fixture(scope="session")
def gateway(
    request: pytest.FixtureRequest, api: Process, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """One gateway process in front of `api`."""
    folders = tmp_path_factory
    with shared(request.session, lambda: gateway_process(api.url, folders.mktemp("gateway"))) as process:
        yield process


@pytest.fixture(scope="session")
def stack(
    request: pytest.FixtureRequest, api_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OwnStack]:
    """All of the container for the end-to-end tests. Its log is searched for secrets when they are done."""
    folders = tmp_path_factory
    with shared(
        request.session, lambda: stack_process(api_binary, folders.mktemp("stack"), str, **STACK_SETTINGS)
    ) as process:
        own = OwnStack(process)
        yield own
    expect_no_secret_in(process.log, own.confided)


@pytest.fixture
def user() -> str:
    """The subject of this test's own user."""
    return f"user-{uuid4()}"


@pytest.fixture
def bearer(user: str) -> str:
    return token(user)


@pytest.fixture
async def rest(api: Process, bearer: str) -> AsyncIterator[Rest]:
    client = Rest(api.url, bearer)
    yield client
    await client.aclose()


@pytest.fixture
def upstream() -> Recording:
    """The real connection to the API, which remembers what passed."""
    return Recording(connections())


@pytest.fixture
def server(api: Process, upstream: Recording) -> FastMCP:
    return create_server(settings_for(api.url), transport=upstream)


@pytest.fixture
async def tools(server: FastMCP, bearer: str) -> AsyncIterator[Tools]:
    async with in_memory(server, bearer) as tools:
        yield tools
