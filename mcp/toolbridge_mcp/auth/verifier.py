"""Verification of tokens: whether one is of this deployment's users, and what it allows."""

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any, TypeGuard

from cachetools import LRUCache
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from toolbridge_mcp.auth.jws import MAX_BYTES, Malformed, SignedText, json_object
from toolbridge_mcp.auth.keys import Keys, together
from toolbridge_mcp.identity import AccessToken, Revoked, Sender

MAX_SUBJECT_BYTES = 255
MAX_DATE = 2**53 - 1
"""The greatest number that all programs read as the same number (RFC 7493, section 2.2). As a date it is far
beyond any use."""

MAX_REMEMBERED_BYTES = 16 * 1024 * 1024
"""Of all remembered tokens together: nobody's tokens, however many and long, take more memory."""

CLAIMS_BYTES = 2_000
"""What a remembered token takes beside its text, about."""

_ALGORITHMS = JWSRegistry.algorithms

SCOPE_CLAIMS = ("scope", "scp")
"""The claims that name scopes; the first that a token has counts."""

_CHOICE = re.compile(r"\?([^#]*&)?toolsets=[^#]*\Z")
"""The query of an address that chooses toolsets."""


@dataclass(frozen=True, slots=True)
class Scopes:
    """The names of the two scopes in a token, the names under which clients request them, and whether a token
    without any scope allows nothing."""

    read: str = "read"
    write: str = "write"
    required: bool = False
    requested: tuple[str, ...] = ("read", "write")

    def granted(self, claims: Mapping[str, Any]) -> list[str]:
        """The scopes that a token names, in `scope` (RFC 9068, section 2.2.3) or `scp`."""
        claim = next((name for name in SCOPE_CLAIMS if name in claims), None)
        if claim is None:
            return [] if self.required else [self.read, self.write]
        named = claims[claim]
        if isinstance(named, str):
            return [name for name in named.split(" ") if name]  # by spaces only (RFC 6749, section 3.3)
        return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []

    def allow_anything(self, granted: Iterable[str]) -> bool:
        """Whether one of these scopes is ours."""
        return not {self.read, self.write}.isdisjoint(granted)


@dataclass(frozen=True, slots=True)
class TenantClaim:
    """The claim that must name this deployment's tenant. `name` is taken literally, dots and slashes too."""

    name: str
    tenant_id: str

    def is_met_by(self, claims: Mapping[str, Any]) -> bool:
        return self.tenant_id in _texts(claims.get(self.name))


class TokenRevoked(Exception):
    """The token was valid and is not any more, before it expires."""


@dataclass(frozen=True, slots=True)
class Source:
    """Whose tokens are accepted, and what these must say: issuer, audience and tenant if they are given."""

    keys: Keys
    issuer: str | None = None
    audience: Collection[str] = ()
    tenant: TenantClaim | None = None
    scopes: Scopes = field(default_factory=Scopes)
    kinds: Collection[str] = ()
    """The `typ` that a token must have, in lower case: one of these, if there are any."""

    demand: Callable[[Mapping[str, Any]], bool] | None = None
    """What else its claims must be."""

    revoked: Revoked | None = None
    """Whether a token with these claims was revoked; None if none ever is."""

    def accepts(self, claims: Mapping[str, Any], now: float) -> bool:
        return (
            _is_current(claims, now)
            and _is_user(claims.get("sub"))
            and (self.issuer is None or claims.get("iss") == self.issuer)
            and (not self.audience or not _audience(claims).isdisjoint(self.audience))
            and (self.tenant is None or self.tenant.is_met_by(claims))
            and (self.demand is None or self.demand(claims))
        )

    def is_of_kind(self, text: SignedText) -> bool:
        return not self.kinds or str(text.header.get("typ")).lower() in self.kinds

    def sender(self, token: str, claims: dict[str, Any]) -> Sender:
        """Who sends a token that is accepted."""
        access_token = AccessToken(
            token=token,
            client_id=_text(claims, "client_id") or _text(claims, "azp") or claims["sub"],
            scopes=self.scopes.granted(claims),
            expires_at=int(claims["exp"]),
            subject=claims["sub"],
            claims=claims,
        )
        return Sender.of(access_token, self.revoked)


class UserTokenVerifier:
    """Checks what the API checks: the signature; what the token's source demands; that the token has not
    expired and is valid already; and its user. Clocks get no leeway.

    A token's algorithm decides which source it is of, and no other one is asked. Verified tokens are
    remembered by their hash until they expire, or a key is no longer one. Whether one was revoked is looked
    at each time.
    """

    def __init__(self, *sources: Source, clock: Callable[[], float] = time.time) -> None:
        self.scopes = sources[0].scopes
        """What clients may request, and the names of what a token allows."""
        self._sources = {name: source for source in sources for name in source.keys.algorithms}
        self._keys = together([source.keys for source in sources])
        self._clock = clock
        self._verified: LRUCache[bytes, Sender] = LRUCache(MAX_REMEMBERED_BYTES, _size)
        self._generation = self._keys.generation
        """That of the keys which have verified these tokens."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token with its claims, or None if it is not valid. Raises `KeysUnavailable` while there is no
        key to check a token with."""
        try:
            sender = await self.sender(token)
        except TokenRevoked:
            return None
        return sender.token if sender else None

    async def sender(self, token: str) -> Sender | None:
        """Who sends this token, or None if it is not valid. Raises `TokenRevoked`, and as `verify_token`."""
        if len(token) > MAX_BYTES:
            return None
        if self._generation != self._keys.generation:
            self._forget()
        name = sha256(token.encode(errors="replace")).digest()
        known = self._verified.get(name)
        if known is None:
            try:
                known = await self._verify(token)
            except (Malformed, JoseError, ValueError):
                return None  # a token may be malformed in many ways
            if known is None:
                return None
            self._verified[name] = known
        claims = known.token.claims
        if claims["exp"] <= self._clock():
            return None
        if known.revoked is not None and known.revoked(claims):
            raise TokenRevoked
        return known

    def _forget(self) -> None:
        self._generation = self._keys.generation
        self._verified.clear()

    async def _verify(self, token: str) -> Sender | None:
        text = SignedText.parse(token)
        algorithm, key_id = text.signer()
        source = self._sources.get(algorithm) if algorithm else None
        if algorithm is None or source is None or not source.is_of_kind(text):
            return None
        verify = partial(_ALGORITHMS[algorithm].verify, text.signed, text.signature)
        if not await source.keys.verify(algorithm, key_id, verify):
            return None
        claims = json_object(text.payload)
        return source.sender(token, claims) if source.accepts(claims, self._clock()) else None


def _size(sender: Sender) -> int:
    return CLAIMS_BYTES + 4 * len(sender.token.token)  # as text, and again in the claims


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    """One text or a list of texts; anything else is none. RFC 7519, section 4.1.3, has `aud` so."""
    values: list[Any] = value if isinstance(value, list) else [value]
    return values if all(isinstance(item, str) for item in values) else []


def _audience(claims: Mapping[str, Any]) -> set[str]:
    """A token for an address that chooses toolsets is one for the address without its query too: the choice
    gives no rights."""
    values = _texts(claims.get("aud"))
    return {*values, *(_CHOICE.sub("", item) for item in values)}


def _is_current(claims: Mapping[str, Any], now: float) -> bool:
    """Whether the token has not expired (`exp`, which it must have) and is valid already (`nbf`)."""
    expires, begins = claims.get("exp"), claims.get("nbf", now)
    return (
        _is_date(expires)
        and _is_date(begins)
        and _is_date(claims.get("iat", now))
        and begins <= now < expires
    )


def _is_user(subject: Any) -> bool:
    """Whether the API can store data of this subject."""
    return (
        isinstance(subject, str)
        and 0 < len(subject.encode()) <= MAX_SUBJECT_BYTES
        and not {"\0", "\ufffd"} & set(subject)
    )


def _is_date(value: Any) -> TypeGuard[float]:
    """Whether a claim is a NumericDate (RFC 7519, section 2)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_DATE
