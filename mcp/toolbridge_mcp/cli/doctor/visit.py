"""What the checks share: the settings, the HTTP clients, and the responses to earlier checks."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

import httpx

from toolbridge_mcp.environment import forget_outside
from toolbridge_mcp.http_clients import client_for, outside_http
from toolbridge_mcp.identity import CallerToken
from toolbridge_mcp.outbound import Outbound, outbound_identity
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.transport import Signer, TenantTransport

TIMEOUT = 10


class Failed(Exception):
    """A check failed. The message is one sentence: what is wrong and what to do. It holds nothing secret."""


class NotChecked(Exception):
    """A check was left out. The message says why."""


class _Bearer(httpx.Auth):
    """Sends each request with the token that `bearer_token` returns for it."""

    def __init__(self, bearer_token: Callable[[], Awaitable[str | None]]) -> None:
        self._bearer_token = bearer_token

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        if token := await self._bearer_token():
            request.headers["Authorization"] = f"Bearer {token}"
        yield request


class Visit:
    """One examination of one deployment. An async context manager: its clients exist while it is entered."""

    api: httpx.AsyncClient
    """Signed for the tenant, without a user's token."""

    signed_api: httpx.AsyncClient
    """Signed for the tenant, with the token that the gateway would send for this user."""

    gateway: httpx.AsyncClient
    outbound: Outbound
    api_answer: httpx.Response
    session_answer: httpx.Response | None = None
    sign_in: Mapping[str, Any]
    """The metadata of the authorization server, if the gateway is one."""

    def __init__(
        self,
        settings: Settings,
        signer: Signer,
        url: str,
        token: str | None,
        now: Callable[[], float],
        *,
        owns_process: bool = False,
    ) -> None:
        """`owns_process` says that nothing else in this process needs its environment."""
        self._owns_process = owns_process
        self.settings = settings
        self.signer = signer
        self.url = url.rstrip("/")
        self.token = token
        self.now = now
        self._open = AsyncExitStack()

    def caller(self) -> CallerToken | None:
        """The user that the gateway would act for. With client_credentials any user will do."""
        if self.settings.outbound_identity == "client_credentials":
            return CallerToken(self.token or "nobody")
        return CallerToken(self.token) if self.token else None

    async def __aenter__(self) -> Self:
        enter = self._open.enter_async_context
        outside = await enter(outside_http(self.settings))
        self.outbound = await enter(outbound_identity(self.settings, outside, self.caller))
        self.api = await enter(self._api_client(self.signer))
        self.signed_api = await enter(self.api_signed(self.signer))
        self.gateway = await enter(client_for([self.url], TIMEOUT, self.url))
        # The clients above have read it; those of FastMCP would.
        if self._owns_process and self.url.startswith("http:"):
            forget_outside()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def api_signed(self, signer: Signer) -> httpx.AsyncClient:
        """A client with the user's token, whose requests `signer` signs."""
        return self._api_client(signer, _Bearer(self.outbound.bearer_token))

    def _api_client(self, signer: Signer, auth: httpx.Auth | None = None) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=TenantTransport.of(self.settings, signer),
            auth=auth,
            base_url=self.settings.go_api_base_url,
            timeout=TIMEOUT,
            trust_env=False,
        )
