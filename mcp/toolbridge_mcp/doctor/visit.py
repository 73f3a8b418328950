"""What the checks share: the settings, the clients, and what earlier checks have seen."""

import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import httpx

from toolbridge_mcp.identity import CallerToken
from toolbridge_mcp.outbound import Outbound, outbound_identity
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.transport import TenantTransport, connections

TIMEOUT = 10


class Failed(Exception):
    """A check failed: one sentence that says what is wrong and what to do, without anything secret."""


class NotChecked(Exception):
    """A check was left out: why."""


class Visit:
    """One examination of one deployment. To be entered before use."""

    api: httpx.AsyncClient
    """The API as a stranger speaks to it."""

    signed_api: httpx.AsyncClient
    """The API as the gateway speaks to it for the holder of the token."""

    gateway: httpx.AsyncClient
    outbound: Outbound
    api_answer: httpx.Response
    session_answer: httpx.Response | None = None

    def __init__(self, settings: Settings, url: str, token: str | None, now: Callable[[], float]) -> None:
        self.settings = settings
        self.url = url.rstrip("/")
        self.token = token
        self.now = now
        self._open = AsyncExitStack()

    def caller(self) -> CallerToken | None:
        """Whom the gateway would act for; a service deployment needs nobody in particular."""
        if self.settings.outbound_identity == "client_credentials":
            return CallerToken(self.token or "nobody")
        return CallerToken(self.token) if self.token else None

    async def __aenter__(self) -> Self:
        enter = self._open.enter_async_context
        secure = ssl.create_default_context()
        outside = await enter(httpx.AsyncClient(timeout=TIMEOUT, verify=secure, mounts={"http://": None}))
        self.outbound = await enter(outbound_identity(self.settings, outside, self.caller))
        self.api = await enter(self._api_client(_nobody))
        self.signed_api = await enter(self._api_client(self.outbound.bearer_token))
        self.gateway = await enter(httpx.AsyncClient(base_url=self.url, timeout=TIMEOUT, verify=secure))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def _api_client(self, bearer_token: Callable[[], Awaitable[str | None]]) -> httpx.AsyncClient:
        transport = TenantTransport(
            connections(),
            base_url=self.settings.go_api_base_url,
            tenant_id=self.settings.tenant_id,
            secret=self.settings.tenant_header_secret.get_secret_value().encode(),
            bearer_token=bearer_token,
            now=self.now,
        )
        return httpx.AsyncClient(
            transport=transport, base_url=self.settings.go_api_base_url, timeout=TIMEOUT, trust_env=False
        )


async def _nobody() -> None:
    return None
