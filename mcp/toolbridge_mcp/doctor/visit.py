"""What the checks share: the settings, the clients, and what earlier checks have seen."""

import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import httpx

from toolbridge_mcp.identity import CallerToken
from toolbridge_mcp.outbound import BearerAuth, Outbound, outbound_identity
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
        self.api = await enter(self._api_client())
        self.signed_api = await enter(self._api_client(BearerAuth(self.outbound.bearer_token)))
        self.gateway = await enter(httpx.AsyncClient(base_url=self.url, timeout=TIMEOUT, verify=secure))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def _api_client(self, auth: httpx.Auth | None = None) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=TenantTransport.of(self.settings, connections(), self.now),
            auth=auth,
            base_url=self.settings.go_api_base_url,
            timeout=TIMEOUT,
            trust_env=False,
        )
