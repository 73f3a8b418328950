"""What the tests of outbound identity share: the time, the caller, and a gateway for each mode."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastmcp import FastMCP

from tests.harness.authorization_server import SERVICE, AuthorizationServer
from tests.harness.clients import settings_for
from tests.harness.processes import Process
from tests.harness.recording import Recording
from toolbridge_mcp.app import create_server
from toolbridge_mcp.identity import CallerToken
from toolbridge_mcp.outbound.token_endpoint import TokenEndpoint
from toolbridge_mcp.transport import Signer, TenantTransport, connections

GATEWAY, API = "https://gateway.example/mcp", "https://api.example"
MakeEndpoint = Callable[..., TokenEndpoint]


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


@asynccontextmanager
async def client_of(url: str, auth: httpx.Auth) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends tokens of `auth`, and signs with a clock that moves on by a second each time."""
    seconds = iter(range(1_700_000_000, 1_800_000_000))
    signer = Signer(b"secret", "tenant-a", seconds.__next__)
    transport = TenantTransport(connections(), base_url=url, signature=signer.headers)
    async with httpx.AsyncClient(transport=transport, auth=auth, base_url=url, trust_env=False) as http:
        yield http
