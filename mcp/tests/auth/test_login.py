"""Signing in with the official client library: real authorization server, gateway and API on real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastmcp import Client
from fastmcp.client.transports import SSETransport, StreamableHttpTransport
from mcp import MCPError
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
)

from tests.harness.authorization_grants import TOKEN_EXCHANGE, Registration
from tests.harness.authorization_server import SERVICE, AuthorizationServer, running_authorization_server
from tests.harness.client_memory import ClientMemory
from tests.harness.clients import Tools, over_http, over_sse
from tests.harness.processes import Process, api_process, free_port, gateway_process, running
from tests.harness.published import TOOLS

pytestmark = pytest.mark.anyio
API = "https://api.example"
CALLBACK = "http://127.0.0.1:1/callback"
each_endpoint = pytest.mark.parametrize("endpoint", ["sse", "mcp"])


class Person:
    """Follows the address that a client opens in a browser, up to the client's own."""

    def __init__(self) -> None:
        self.visits = 0
        self.memory = ClientMemory()

    async def visit(self, address: str) -> None:
        self.visits += 1
        self.began_at = address
        async with httpx.AsyncClient(trust_env=False) as browser:
            answer = await browser.get(address)
        assert answer.is_redirect, answer.text
        self.arrived_at = answer.headers["Location"]

    async def came_back(self) -> AuthorizationCodeResult:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.arrived_at).query).items()}
        return AuthorizationCodeResult(code=query["code"], state=query.get("state"), iss=query.get("iss"))

    def provider(self, address: str) -> OAuthClientProvider:
        metadata = OAuthClientMetadata.model_validate(
            {
                "redirect_uris": [CALLBACK],
                "client_name": "a client",
                "token_endpoint_auth_method": "none",
            }
        )
        return OAuthClientProvider(address, metadata, self.memory, self.visit, self.came_back)

    @asynccontextmanager
    async def connected(self, gateway: Process, endpoint: str) -> AsyncIterator[Tools]:
        address = f"{gateway.url}/{endpoint}"
        make: Any = SSETransport if endpoint.startswith("sse") else StreamableHttpTransport
        async with Client(make(address, auth=self.provider(address))) as client:
            yield Tools(client)


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def authority() -> Iterator[AuthorizationServer]:
    with running_authorization_server() as server:
        yield server


def resources(gateway_url: str) -> tuple[str, str]:
    return f"{gateway_url}/sse", f"{gateway_url}/mcp"


@contextmanager
def gateway_with(
    api_binary: Path, folder: Path, authority: AuthorizationServer, **more: str
) -> Iterator[Process]:
    """A gateway that forwards, and an API: both take `authority`'s tokens for the gateway's addresses."""
    front = gateway_process("", folder)
    settings = {**authority.verifiers(*resources(front.url)), **more}
    with running(api_process(api_binary, folder, **settings)) as api:
        environment = {**front.environment, **settings, "TOOLBRIDGE_GO_API_BASE_URL": api.url}
        front.environment = {name: value for name, value in environment.items() if name != "JWT_HS256_SECRET"}
        with running(front):
            yield front


@pytest.fixture
def gateway(api_binary: Path, tmp_path: Path, authority: AuthorizationServer) -> Iterator[Process]:
    with gateway_with(api_binary, tmp_path, authority) as front:
        yield front


async def expired(lifetime: float, since: float) -> None:
    """Returns when the tokens issued at `since` are over."""
    while time.time() <= since + lifetime + 0.1:
        await asyncio.sleep(0.02)


@each_endpoint
async def test_a_person_signs_in_works_and_stays_signed_in(
    endpoint: str, gateway: Process, authority: AuthorizationServer, person: Person
) -> None:
    authority.lifetime = 5  # so that a busy machine gets to the first call in time
    async with person.connected(gateway, endpoint) as tools:
        assert len(await tools.client.list_tools()) == len(TOOLS)
        session = tools.client.session
        first = person.memory.tokens
        note = await tools.call("create_note", title="mine", content="a")
        await expired(authority.lifetime, time.time())
        authority.lifetime = 3600
        assert (await tools.call("get_note", uid=note["uid"]))["uid"] == note["uid"]
        assert tools.client.session is session
    assert person.visits == 1
    assert len(authority.grants("refresh_token")) == 1
    assert first
    assert person.memory.tokens
    assert person.memory.tokens.access_token != first.access_token


@pytest.mark.parametrize("endpoint", ["sse", "mcp", "sse?toolsets=crud", "mcp?toolsets=crud,work"])
async def test_the_tokens_are_for_the_address_that_the_person_typed(
    endpoint: str, gateway: Process, authority: AuthorizationServer, person: Person
) -> None:
    async with person.connected(gateway, endpoint) as tools:
        await tools.call("list_notes")
    (form,) = authority.grants("authorization_code")
    assert form["resource"] == f"{gateway.url}/{endpoint}"


@each_endpoint
async def test_a_client_requests_scopes_as_the_provider_wants_them(
    endpoint: str, api_binary: Path, tmp_path: Path, authority: AuthorizationServer, person: Person
) -> None:
    """Entra ID: `api://app/read` in the request, `read` in the token, and clients registered by hand. The API
    reads no scopes."""
    grant_types = ("authorization_code", "refresh_token")
    authority.clients["app"] = Registration("app", "", "none", grant_types, (CALLBACK,))
    person.memory.client = OAuthClientInformationFull.model_validate(
        {"client_id": "app", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
    )
    names = {f"TOOLBRIDGE_ADVERTISED_SCOPE_{name.upper()}": f"api://app/{name}" for name in ("read", "write")}
    with gateway_with(api_binary, tmp_path, authority, **names) as gateway:
        async with person.connected(gateway, endpoint) as tools:
            assert (await tools.call("create_note", title="mine", content="a"))["uid"]
    query = parse_qs(urlsplit(person.began_at).query)
    assert query["scope"] == ["api://app/read api://app/write"]


@each_endpoint
async def test_two_persons_see_their_own(
    endpoint: str, gateway: Process, authority: AuthorizationServer
) -> None:
    ann, bob = Person(), Person()
    async with ann.connected(gateway, endpoint) as tools:
        note = await tools.call("create_note", title="of ann", content="a")
    authority.signed_in = "bob"
    async with bob.connected(gateway, endpoint) as tools:
        assert "has no note" in await tools.refusal("get_note", uid=note["uid"])


async def test_a_new_key_of_the_identity_provider_needs_no_restart(
    gateway: Process, authority: AuthorizationServer
) -> None:
    async with over_sse(gateway.url, authority.sign("ann", f"{gateway.url}/sse")) as tools:
        await tools.call("list_notes")
        authority.rotate()
        await accepted(gateway, authority.sign("ann", f"{gateway.url}/mcp"))
        await tools.call("list_notes")
    async with over_http(gateway.url, authority.sign("ann", f"{gateway.url}/mcp")) as tools:
        await tools.call("list_notes")


async def accepted(gateway: Process, token: str) -> None:
    """Returns when gateway and API take the token: they ask for unknown keys every few seconds at most."""
    async with asyncio.timeout(15):
        while True:
            try:
                async with over_http(gateway.url, token) as tools:
                    if not (await tools.result("list_notes")).is_error:
                        return
            except MCPError:
                await asyncio.sleep(0.2)


async def test_known_keys_outlive_the_identity_provider(
    gateway: Process, authority: AuthorizationServer
) -> None:
    async with over_http(gateway.url, authority.sign("ann", f"{gateway.url}/mcp")) as tools:
        await tools.call("list_notes")
    authority.stop()
    async with over_sse(gateway.url, authority.sign("bob", f"{gateway.url}/sse")) as tools:
        await tools.call("list_notes")


@pytest.mark.parametrize("mode", ["exchange", "client_credentials"])
@each_endpoint
async def test_a_person_signs_in_where_the_api_wants_tokens_of_its_own(
    endpoint: str, mode: str, api_binary: Path, tmp_path: Path, authority: AuthorizationServer, person: Person
) -> None:
    port = free_port()
    name, secret = SERVICE
    settings = {
        **authority.verifiers(API),  # as in one container, where the API reads these too
        "TOOLBRIDGE_JWT_AUDIENCE": " ".join(resources(f"http://127.0.0.1:{port}")),
        "TOOLBRIDGE_PORT": str(port),
        "TOOLBRIDGE_OUTBOUND_IDENTITY": mode,
        "TOOLBRIDGE_TOKEN_URL": authority.token_url,
        "TOOLBRIDGE_CLIENT_ID": name,
        "TOOLBRIDGE_CLIENT_SECRET": secret,
        "TOOLBRIDGE_OUTBOUND_AUDIENCE": API,
    }
    if mode == "client_credentials":
        settings["TOOLBRIDGE_ALL_CALLERS_ACT_AS_ONE_USER"] = "true"
    with running(api_process(api_binary, tmp_path, **authority.verifiers(API))) as api:
        front = gateway_process(api.url, tmp_path, **settings)
        front.port = port
        with running(front):
            async with httpx.AsyncClient(trust_env=False) as http:
                assert (await http.get(f"{front.url}/{endpoint}")).status_code == 401
            async with person.connected(front, endpoint) as tools:
                await tools.call("create_note", title="mine", content="a")
                assert len((await tools.call("list_notes"))["items"]) == 1
    assert len(authority.grants(TOKEN_EXCHANGE if mode == "exchange" else mode)) == 1
