"""The caller's verified token is exchanged for one that is meant for the API (RFC 8693)."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from toolbridge_mcp.identity import CallerToken
from toolbridge_mcp.outbound.renewal import RenewingTransport
from toolbridge_mcp.outbound.token_endpoint import IssuedToken, TokenEndpoint
from toolbridge_mcp.single_flight import SingleFlight

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  a type, no token
GRANT = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": ACCESS_TOKEN,
    "requested_token_type": ACCESS_TOKEN,
}
MAX_KEPT = 4096


class ExchangedTokens:
    """Exchanges each caller's token once and keeps the result until shortly before it expires, and never
    longer than the caller's own token is valid. Keys are hashes; the least used go first."""

    def __init__(
        self,
        endpoint: TokenEndpoint,
        caller: Callable[[], CallerToken | None],
        *,
        max_kept: int = MAX_KEPT,
    ) -> None:
        self._endpoint = endpoint
        self._caller = caller
        self._max_kept = max_kept
        self._kept: OrderedDict[bytes, IssuedToken] = OrderedDict()
        self._exchanges: SingleFlight[IssuedToken] = SingleFlight()

    async def bearer_token(self) -> str | None:
        """The token for the API, or None outside of a message."""
        caller = self._caller()
        if caller is None:
            return None
        key = _key(caller)
        kept = self._kept.get(key)
        if kept is None or kept.renew_at <= self._endpoint.now():
            kept = await self._exchanges.run(lambda: self._exchange(key, caller), key)
        else:
            self._kept.move_to_end(key)
        return kept.value

    def around(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return RenewingTransport(transport, self.forget)

    def forget(self, token: str) -> None:
        """Drops the present caller's exchanged token if it still is `token`."""
        caller = self._caller()
        if caller is None:
            return
        key = _key(caller)
        kept = self._kept.get(key)
        if kept and kept.value == token:
            del self._kept[key]

    async def _exchange(self, key: bytes, caller: CallerToken) -> IssuedToken:
        issued = await self._endpoint.issue({**GRANT, "subject_token": caller.value})
        self._keep(key, _no_longer_than(caller, issued))
        return issued

    def _keep(self, key: bytes, issued: IssuedToken) -> None:
        self._kept[key] = issued
        self._kept.move_to_end(key)
        while len(self._kept) > self._max_kept:
            self._kept.popitem(last=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exchanges.aclose()
        self._kept.clear()


def _key(caller: CallerToken) -> bytes:
    return hashlib.sha256(caller.value.encode()).digest()


def _no_longer_than(caller: CallerToken, issued: IssuedToken) -> IssuedToken:
    if caller.expires_at is None:
        return issued
    return IssuedToken(
        issued.value,
        renew_at=min(issued.renew_at, caller.expires_at),
        expires_at=min(issued.expires_at, caller.expires_at),
    )
