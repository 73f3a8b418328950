"""Who sends a message, by a token of FastMCP's proxy: the user that the provider's token names."""

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

from cachetools import LRUCache, TTLCache

from toolbridge_mcp.auth import Keys, KeysUnavailable, Scopes, TokenRevoked, UserTokenVerifier
from toolbridge_mcp.auth.jws import MAX_BYTES, Malformed, decoded, json_object
from toolbridge_mcp.identity import AccessToken, Sender
from toolbridge_mcp.login.proxy.provider import Provider
from toolbridge_mcp.login.proxy.trouble import observed
from toolbridge_mcp.single_flight import SingleFlight

REMEMBERED_SECONDS = 10.0
"""How long a swapped token is remembered. What another machine has ended is noticed after that."""

MAX_REMEMBERED_BYTES = 16 * 1024 * 1024
CLAIMS_BYTES = 2_000
MOST_ENDED = 10_000
ENDED_SECONDS = 24 * 60 * 60
"""How long an ended sign-in is remembered, for the streams that are open: the folder knows it longer."""

OURS = "HS256"
"""What FastMCP signs its tokens with. The provider's are signed with private keys."""


class _Swapped(NamedTuple):
    sender: Sender
    until: float
    generation: int
    size: int


class SwappedTokens:
    """Takes a token of FastMCP for the provider's that it stands for, as verified by our own verifier. A
    token of the provider is taken too, unless what comes from there are ID tokens: those are for clients to
    look at, and no proof to others.

    A swap costs three readings of files, and its result is remembered by the token's hash, for
    `REMEMBERED_SECONDS` and never beyond the end of both tokens, of their sign-in or of the key that verified
    the provider's.
    """

    def __init__(
        self,
        verifier: UserTokenVerifier,
        keys: Keys,
        provider: Callable[[], Awaitable[Provider]],
        *,
        takes_others: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`provider` raises `KeysUnavailable` while there is none."""
        self.scopes: Scopes = verifier.scopes
        self._verifier = verifier
        self._keys = keys
        self._provider = provider
        self._takes_others = takes_others
        self._clock = clock
        self._swapped: LRUCache[bytes, _Swapped] = LRUCache(MAX_REMEMBERED_BYTES, lambda kept: kept.size)
        self._swaps: SingleFlight[_Swapped | None] = SingleFlight()
        self._ended: TTLCache[str, bool] = TTLCache(MOST_ENDED, ENDED_SECONDS)

    async def verify_token(self, token: str) -> AccessToken | None:
        """As `UserTokenVerifier` has it."""
        try:
            sender = await self.sender(token)
        except TokenRevoked:
            return None
        return sender.token if sender else None

    async def sender(self, token: str) -> Sender | None:
        """As `UserTokenVerifier` has it."""
        if len(token) > MAX_BYTES:
            return None
        name = sha256(token.encode(errors="replace")).digest()
        known = self._swapped.get(name)
        if known is None or known.until <= self._clock() or known.generation != self._keys.generation:
            if not _is_ours(token):
                return await self._verifier.sender(token) if self._takes_others else None
            known = await self._swaps.run(lambda: self._swap(name, token), name)
        if known is None:
            return None
        if known.sender.is_revoked:
            raise TokenRevoked
        return known.sender

    def end(self, family: str) -> None:
        """Refuses all that came of one sign-in from now on, and ends its streams."""
        self._ended[family] = True

    async def aclose(self) -> None:
        await self._swaps.aclose()

    async def _swap(self, name: bytes, token: str) -> _Swapped | None:
        provider, generation = await self._provider(), self._keys.generation
        with observed() as trouble:
            granted = await provider.granted(token)
        if granted is None:
            if trouble:
                raise KeysUnavailable from trouble[0]
            return None
        until = min(granted.expires_at, self._clock() + REMEMBERED_SECONDS)
        size = CLAIMS_BYTES + len(token) + 4 * len(granted.token.token)
        sender = Sender.of(granted.token, partial(self._is_ended, granted.family))
        swapped = self._swapped[name] = _Swapped(sender, until, generation, size)
        return swapped

    def _is_ended(self, family: str, _: Mapping[str, Any]) -> bool:
        return family in self._ended


def _is_ours(token: str) -> bool:
    try:
        return json_object(decoded(token.partition(".")[0])).get("alg") == OURS
    except Malformed:
        return False
