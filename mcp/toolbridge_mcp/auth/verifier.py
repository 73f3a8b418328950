"""Verification of tokens: whether one is of this deployment's users, and what it allows."""

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from typing import Any, TypeGuard

from cachetools import LRUCache
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, extract_compact

from toolbridge_mcp.auth.keys import Keys
from toolbridge_mcp.identity import AccessToken

MAX_SUBJECT_BYTES = 255
MAX_TOKEN_BYTES = 16 * 1024
MAX_CACHED = 10_000


@dataclass(frozen=True, slots=True)
class Scopes:
    """The names of the two scopes, and whether a token without any scope allows nothing."""

    read: str = "read"
    write: str = "write"
    required: bool = False

    def granted(self, claims: Mapping[str, Any]) -> list[str]:
        """The scopes that a token names, in `scope` (RFC 9068, section 2.2.3) or `scp`."""
        named = claims.get("scope", claims.get("scp"))
        if named is None and not self.required:
            return [self.read, self.write]
        if isinstance(named, str):
            return named.split()
        return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []

    def allow_anything(self, granted: Iterable[str]) -> bool:
        """Whether one of these scopes is ours."""
        return not {self.read, self.write}.isdisjoint(granted)


class UserTokenVerifier:
    """Checks what the API checks: the signature, issuer and audience if they are configured, that the token
    has not expired and is valid already, and its user. Clocks get no leeway.

    Verified tokens are remembered by their hash until they expire.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        issuer: str | None = None,
        audience: Sequence[str] = (),
        scopes: Scopes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.scopes = scopes or Scopes()
        self._keys = keys
        self._issuer = issuer
        self._audience = frozenset(audience)
        self._clock = clock
        self._registry = JWSRegistry(algorithms=keys.algorithms, strict_check_header=False)
        self._verified: LRUCache[bytes, AccessToken] = LRUCache(MAX_CACHED)

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token with its claims, or None if it is not valid. Raises `KeysUnavailable` while there is no
        key to check a token with."""
        if len(token) > MAX_TOKEN_BYTES:
            return None
        try:
            name = sha256(token.encode()).digest()
            known = self._verified.get(name)
            if known is None:
                known = await self._verify(token)
                if known:
                    self._verified[name] = known
        except (JoseError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
            return None  # a token may be malformed in many ways
        return known if known and known.claims["exp"] > self._clock() else None

    async def _verify(self, token: str) -> AccessToken | None:
        header = extract_compact(token.encode()).headers()
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in self._keys.algorithms or "crit" in header:
            return None
        key = await self._keys.find(algorithm, key_id if isinstance(key_id, str) else None)
        if key is None:
            return None
        with warnings.catch_warnings(action="ignore"):  # RFC 9864 renames EdDSA; providers still use it
            claims = jwt.decode(token, key, algorithms=[algorithm], registry=self._registry).claims
        return self._access_token(token, claims) if self._accepts(claims) else None

    def _accepts(self, claims: Mapping[str, Any]) -> bool:
        return (
            _is_current(claims, self._clock())
            and _is_user(claims.get("sub"))
            and (self._issuer is None or claims.get("iss") == self._issuer)
            and (not self._audience or not self._audience.isdisjoint(_audience(claims)))
        )

    def _access_token(self, token: str, claims: dict[str, Any]) -> AccessToken:
        return AccessToken(
            token=token,
            client_id=_text(claims, "client_id") or _text(claims, "azp") or claims["sub"],
            scopes=self.scopes.granted(claims),
            expires_at=int(claims["exp"]),
            subject=claims["sub"],
            claims=claims,
        )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _audience(claims: Mapping[str, Any]) -> set[str]:
    """One string or a list of them (RFC 7519, section 4.1.3)."""
    value = claims.get("aud")
    return {item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)}


def _is_current(claims: Mapping[str, Any], now: float) -> bool:
    """Whether the token has not expired (`exp`, which it must have) and is valid already (`nbf`)."""
    expires, begins = claims.get("exp"), claims.get("nbf", now)
    return _is_time(expires) and expires > now and _is_time(begins) and begins <= now


def _is_user(subject: Any) -> bool:
    """Whether the API can store data of this subject."""
    return (
        isinstance(subject, str)
        and 0 < len(subject.encode()) <= MAX_SUBJECT_BYTES
        and not {"\0", "\ufffd"} & set(subject)
    )


def _is_time(value: Any) -> TypeGuard[float]:
    """Raises OverflowError for a number that no clock can be compared with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
