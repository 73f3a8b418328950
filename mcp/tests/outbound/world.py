"""What the tests of outbound identity share: the time, the caller, and a gateway for each mode."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastmcp import FastMCP

from tests.harness.authorization_server import SERVICE, AuthorizationServer
from tests.harness.clients import settings_for
from tests.harness.processes import Process
from tests.harness.recording import Recording
from toolbridge_mcp.app import create_server
from toolbridge_mcp.http_clients import ApiHttp
from toolbridge_mcp.identity import CallerToken
from toolbridge_mcp.keyring import Keyring
from toolbridge_mcp.outbound import Transmit
from toolbridge_mcp.outbound.token_endpoint import TokenEndpoint
from toolbridge_mcp.transport import Pool, Request, Response, Signer, TenantTransport

GATEWAY, API = "https://gateway.example/mcp", "https://api.example"
MakeEndpoint = Callable[..., TokenEndpoint]
NO_HEADERS: Mapping[str, str] = {}


class World:
    """The time, and the caller of the moment."""

    def __init__(self) -> None:
        self.time = time.time()
        self.caller: CallerToken | None = None

    def now(self) -> float:
        return self.time

    def call_as(self, token: str, expires_at: float | None = None) -> None:
        self.caller = CallerToken(token, expires_at)


def gateway(
    api: Process, authority: AuthorizationServer, upstream: Recording, mode: str, **more: Any
) -> FastMCP:
    name, secret = SERVICE
    given = {
        "outbound_identity": mode,
        "token_url": authority.token_url,
        "client_id": name,
        "client_secret": secret,
        "outbound_audience": API,
        **more,
    }
    return create_server(settings_for(api.url, **given), transport=upstream)


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


class Client:
    """Sends requests for anything, each with the token that `authorized` puts on it."""

    def __init__(self, http: ApiHttp) -> None:
        self._http = http

    async def get(self, path: str, headers: Mapping[str, str] = NO_HEADERS) -> Response:
        return await self._http.send(self._http.request("GET", path, headers))

    async def post(
        self, path: str, headers: Mapping[str, str] = NO_HEADERS, until: float | None = None
    ) -> Response:
        request = self._http.request("POST", path, headers, b"{}")
        request.until = until
        return await self._http.send(request)


@asynccontextmanager
async def client_of(
    url: str, authorized: Callable[[Request, Transmit], Awaitable[Response]]
) -> AsyncIterator[Client]:
    """A client whose requests are signed by a clock that moves on by a second each time."""
    seconds = iter(range(1_700_000_000, 1_800_000_000))
    signer = Signer(Keyring.of_secret("secret"), "tenant-a", choice="v1", now=seconds.__next__)
    http = ApiHttp(TenantTransport(Pool.of(url, 8), base_url=url, signer=signer), authorized)
    try:
        yield Client(http)
    finally:
        await http.aclose()
