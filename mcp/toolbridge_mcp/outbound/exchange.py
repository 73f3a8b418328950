"""Exchanges the caller's verified token for one that is meant for the API (RFC 8693)."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

from cachetools import TLRUCache

from toolbridge_mcp.identity import CallerToken
from toolbridge_mcp.outbound.auth import Transmit, send_with_issued_token
from toolbridge_mcp.outbound.token_endpoint import IssuedToken, TokenEndpoint
from toolbridge_mcp.single_flight import SingleFlight
from toolbridge_mcp.transport import Request, Response

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  a type, no token
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105  a type, no token
GRANT = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "requested_token_type": ACCESS_TOKEN,
}
MAX_KEPT = 4096


class ExchangedTokens:
    """Exchanges each caller's token once, and keeps the result until shortly before it expires, or until the
    caller's own token does if that is sooner.

    The keys are hashes of callers' tokens. Beyond `max_kept` results the least recently used is dropped.
    """

    def __init__(
        self,
        endpoint: TokenEndpoint,
        caller: Callable[[], CallerToken | None],
        *,
        subject_type: str = ACCESS_TOKEN,
        max_kept: int = MAX_KEPT,
    ) -> None:
        self._endpoint = endpoint
        self._caller = caller
        self._grant = {**GRANT, "subject_token_type": subject_type}
        self._kept: TLRUCache[bytes, IssuedToken] = TLRUCache(max_kept, _renew_at, timer=endpoint.now)
        self._exchanges: SingleFlight[IssuedToken] = SingleFlight()

    async def send(self, request: Request, transmit: Transmit) -> Response:
        """As `send_with_issued_token` does it."""
        return await send_with_issued_token(request, transmit, self.bearer_token, self.forget)

    async def bearer_token(self, seconds: float | None = None) -> str | None:
        """The token for the API, or None outside of a message. Raises `TimeoutError` after `seconds`."""
        caller = self._caller()
        if caller is None:
            return None
        key = _key(caller)
        try:
            issued = self._kept[key]
        except KeyError:
            issued = await self._exchanges.run(lambda: self._exchange(key, caller), key, seconds=seconds)
        return issued.value

    def forget(self, token: str) -> None:
        """Drops the present caller's exchanged token if it still is `token`."""
        caller = self._caller()
        if caller is None:
            return
        key = _key(caller)
        issued = self._kept.get(key)
        if issued and issued.value == token:
            self._kept.pop(key, None)

    async def _exchange(self, key: bytes, caller: CallerToken) -> IssuedToken:
        issued = await self._endpoint.issue({**self._grant, "subject_token": caller.value})
        self._kept[key] = _no_longer_than(caller, issued)
        return issued

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exchanges.aclose()
        self._kept.clear()


def _key(caller: CallerToken) -> bytes:
    return hashlib.sha256(caller.value.encode()).digest()


def _renew_at(_key: bytes, issued: IssuedToken, _now: float) -> float:
    return issued.renew_at


def _no_longer_than(caller: CallerToken, issued: IssuedToken) -> IssuedToken:
    if caller.expires_at is None:
        return issued
    return replace(
        issued,
        renew_at=min(issued.renew_at, caller.expires_at),
        expires_at=min(issued.expires_at, caller.expires_at),
    )
