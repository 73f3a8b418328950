"""A real authorization server, a real API that verifies with its keys, and the gateway's side of both."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.authorization_server import SERVICE, AuthorizationServer, running_authorization_server
from tests.harness.processes import Process, api_process, running
from tests.harness.recording import Recording
from tests.harness.wire import connections
from tests.outbound.world import API, MakeEndpoint, World
from toolbridge_mcp.outbound.exchange import ExchangedTokens
from toolbridge_mcp.outbound.service import ServiceToken
from toolbridge_mcp.outbound.token_endpoint import TokenEndpoint


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def authority() -> Iterator[AuthorizationServer]:
    with running_authorization_server(algorithm="ES256") as server:
        yield server


@pytest.fixture
def api(api_binary: Path, tmp_path: Path, authority: AuthorizationServer) -> Iterator[Process]:
    """An API that takes tokens of `authority` for the audience API only."""
    with running(api_process(api_binary, tmp_path, **authority.verifiers(API))) as process:
        yield process


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
def endpoint(authority: AuthorizationServer, world: World, http: httpx.AsyncClient) -> MakeEndpoint:
    """Makes the gateway's side of `authority`'s token endpoint."""

    def make(**changes: Any) -> TokenEndpoint:
        options = {"client": SERVICE, "parameters": {"audience": API}, "delays": (0, 0), "now": world.now}
        return TokenEndpoint(authority.token_url, http, **{**options, **changes})

    return make


@pytest.fixture
async def exchanged(endpoint: MakeEndpoint, world: World) -> AsyncIterator[ExchangedTokens]:
    async with ExchangedTokens(endpoint(), lambda: world.caller) as tokens:
        yield tokens


@pytest.fixture
async def service(endpoint: MakeEndpoint, world: World) -> AsyncIterator[ServiceToken]:
    world.call_as("any")
    async with ServiceToken(endpoint(), lambda: world.caller) as tokens:
        yield tokens


@pytest.fixture
def upstream() -> Recording:
    return Recording(connections())
