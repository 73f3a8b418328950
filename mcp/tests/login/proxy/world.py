"""A provider, a gateway with the proxy in front of it, and an API, with a recorder in between."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.harness.changing_proxy import ChangingProxy, Passed
from tests.harness.clients import META
from tests.harness.processes import SECRETS, Process, api_process, gateway_process, running
from tests.login.proxy.openid import CLIENT, OpenIdProvider, running_provider


def claims_of(token: str) -> dict[str, Any]:
    """What a token says; nobody has verified it."""
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


@dataclass
class World:
    provider: OpenIdProvider
    gateway: Process
    api: Process
    between: ChangingProxy
    folder: Path
    """What the gateway keeps."""

    @property
    def url(self) -> str:
        return self.gateway.url

    async def restart(self, **settings: str) -> None:
        """The gateway stops, and starts with other settings."""
        self.gateway.environment = {**self.gateway.environment, **settings}
        await asyncio.to_thread(self.gateway.stop)
        await asyncio.to_thread(self.gateway.start)

    @property
    def calls(self) -> list[Passed]:
        """What came to the API with a token of a user."""
        return [passed for passed in self.between.passed if "Authorization" in passed.headers]

    def tokens_at_the_api(self) -> set[str]:
        return {passed.headers["Authorization"].removeprefix("Bearer ") for passed in self.calls}

    def issuers_at_the_api(self) -> set[str]:
        return {claims_of(token)["iss"] for token in self.tokens_at_the_api()}

    async def status(self, token: str) -> httpx.Response:
        """The answer to a message that needs a token."""
        return await self._send(token, "tools/list", {})

    async def call_a_tool(
        self, token: str, name: str = "list_notes", arguments: dict[str, Any] | None = None
    ) -> httpx.Response:
        return await self._send(token, "tools/call", {"name": name, "arguments": arguments or {}}, name)

    async def _send(
        self, token: str, method: str, params: dict[str, Any], name: str | None = None
    ) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "MCP-Method": method,
            **({"MCP-Name": name} if name else {}),
        }
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            return await http.post(f"{self.url}/mcp", json=message, headers=headers)


@asynccontextmanager
async def a_world(
    api_binary: Path,
    folder: Path,
    more: Mapping[str, str] | None = None,
    *,
    of_provider: Mapping[str, Any] | None = None,
    of_api: Mapping[str, str] | None = None,
) -> AsyncIterator[World]:
    """`more` are settings of the gateway; the provider and the API have others."""
    gateway = gateway_process("", folder)
    provider = OpenIdProvider(f"{gateway.url}/auth/callback", **(of_provider or {}))
    verifiers = {
        "JWT_JWKS_URL": f"{provider.issuer}/jwks",
        "JWT_ISSUER": provider.issuer,
        "JWT_AUDIENCE": provider.audience,
    }
    async with AsyncExitStack() as stack:
        stack.enter_context(running_provider(provider))
        api = stack.enter_context(running(api_process(api_binary, folder, **{**verifiers, **(of_api or {})})))
        between = await stack.enter_async_context(ChangingProxy(api.url).running())
        environment = {
            **SECRETS,
            **gateway.environment,
            **verifiers,
            "TOOLBRIDGE_GO_API_BASE_URL": between.url,
            "TOOLBRIDGE_LOGIN": "proxy",
            "TOOLBRIDGE_PROXY_CONFIG_URL": f"{provider.issuer}/.well-known/openid-configuration",
            "TOOLBRIDGE_PROXY_CLIENT_ID": CLIENT[0],
            "TOOLBRIDGE_PROXY_CLIENT_SECRET": CLIENT[1],
            "TOOLBRIDGE_PROXY_AUTHORIZE_PARAMETERS": "prompt=consent",
            "TOOLBRIDGE_PROXY_FOLDER": str(folder / "sign-in"),
            **(more or {}),
        }
        del environment["JWT_HS256_SECRET"]
        gateway.environment = environment
        stack.push_async_callback(asyncio.to_thread, gateway.stop)
        await asyncio.to_thread(gateway.start)  # the recorder runs in this thread
        yield World(provider, gateway, api, between, folder / "sign-in")
