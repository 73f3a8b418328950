"""One service user for all callers (client credentials, RFC 6749, section 4.4)."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from toolbridge_mcp.errors import TokenServiceMisconfigured, TokenServiceRefused
from toolbridge_mcp.identity import CallerToken
from toolbridge_mcp.outbound.auth import Transmit, send_with_issued_token
from toolbridge_mcp.outbound.token_endpoint import IssuedToken, TokenEndpoint
from toolbridge_mcp.single_flight import SingleFlight
from toolbridge_mcp.transport import Request, Response

GRANT = {"grant_type": "client_credentials"}
REFUSED_SECONDS = 30
"""How long no token is requested after a refusal: authorization servers lock out clients that fail often."""


class ServiceToken:
    """One token for all callers, fetched at the start and renewed before it expires.

    Only requests of a verified caller carry it. Without a valid token nothing is sent to the API.
    """

    def __init__(self, endpoint: TokenEndpoint, caller: Callable[[], CallerToken | None]) -> None:
        self._endpoint = endpoint
        self._caller = caller
        self._token: IssuedToken | None = None
        self._refused_until = 0.0
        self._fetches: SingleFlight[IssuedToken] = SingleFlight()

    async def bearer_token(self, seconds: float | None = None) -> str | None:
        """The service user's token, or None outside of a message. Raises `TimeoutError` after `seconds`."""
        return (await self._valid(seconds)).value if self._caller() else None

    async def _valid(self, seconds: float | None) -> IssuedToken:
        """A valid token. Shortly before it expires, the next one is fetched in the background."""
        token, now = self._token, self._endpoint.now()
        if token is None or token.expires_at <= now:
            return await self._fetches.run(self._fetch, seconds=seconds)
        if token.renew_at <= now:
            self._fetches.start(self._fetch)
        return token

    async def send(self, request: Request, transmit: Transmit) -> Response:
        """As `send_with_issued_token` does it."""
        return await send_with_issued_token(request, transmit, self.bearer_token, self.forget)

    def forget(self, token: str) -> None:
        """Drops the kept token if it still is `token`."""
        if self._token and self._token.value == token:
            self._token = None

    async def _fetch(self) -> IssuedToken:
        if self._endpoint.now() < self._refused_until:
            raise TokenServiceMisconfigured
        try:
            self._token = await self._endpoint.issue(GRANT)
        except (TokenServiceRefused, TokenServiceMisconfigured) as error:
            self._refused_until = self._endpoint.now() + REFUSED_SECONDS
            raise TokenServiceMisconfigured from error
        return self._token

    async def __aenter__(self) -> Self:
        self._fetches.start(self._fetch)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._fetches.aclose()
        self._token = None
