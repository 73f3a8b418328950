"""The keys that tokens are checked with: one shared secret, or the key set of an identity provider."""

import asyncio
import logging
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Protocol

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey, RSAKey

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 600
"""How old a key set may get before it is read anew, so that withdrawn keys go."""

RETRY_SECONDS = 5
"""The least time between two attempts, whatever strangers put into their tokens."""

MAX_BYTES = 256 * 1024
MIN_RSA_BITS = 2048
"""RFC 7518, section 3.3."""


class KeysUnavailable(Exception):
    """No token can be checked now, since the identity provider has not told its keys yet."""


class Keys(Protocol):
    """Where a verifier finds the key for a token's header."""

    @property
    def algorithms(self) -> list[str]: ...
    async def find(self, algorithm: str, key_id: str | None) -> Key | None:
        """The key, or None if there is none. Raises `KeysUnavailable`."""


class SharedSecret:
    """HS256 with one secret, which the API has too."""

    algorithms: list[str] = ["HS256"]  # noqa: RUF012

    def __init__(self, secret: bytes) -> None:
        self._key = OctKey.import_key(secret)

    async def find(self, algorithm: str, key_id: str | None) -> Key | None:  # noqa: ARG002
        return self._key


class KeySet:
    """The public keys at a URL (RFC 7517), for RS256, ES256 and EdDSA.

    A token of an unknown key makes it read the set anew, at most every `RETRY_SECONDS`. While the identity
    provider does not answer, the keys that are known stay in use.
    """

    algorithms: list[str] = ["RS256", "ES256", "EdDSA"]  # noqa: RUF012

    def __init__(
        self, url: str, http: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._http = http
        self._clock = clock
        self._keys: list[tuple[str, str | None, Key]] = []
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._reading: asyncio.Task[None] | None = None

    async def find(self, algorithm: str, key_id: str | None) -> Key | None:
        key = self._known(algorithm, key_id)
        if key is None:
            await self._read_again()
            key = self._known(algorithm, key_id)
        elif self._is_old():
            self._start_reading()
        if key is None and self._read_at is None:
            raise KeysUnavailable
        return key

    async def aclose(self) -> None:
        if self._reading:
            self._reading.cancel()

    def _known(self, algorithm: str, key_id: str | None) -> Key | None:
        """The key of that id, or the only key if the token names none (RFC 7517, section 4.5)."""
        fitting = [key for fits, name, key in self._keys if fits == algorithm and key_id in (None, name)]
        return fitting[0] if len(fitting) == 1 else None

    def _is_old(self) -> bool:
        return self._read_at is None or self._clock() - self._read_at > REFRESH_SECONDS

    async def _read_again(self) -> None:
        """Waits for one reading that all callers share; the end of one caller does not end it."""
        reading = self._start_reading()
        if reading:
            await asyncio.shield(reading)

    def _start_reading(self) -> "asyncio.Task[None] | None":
        if self._reading is None or self._reading.done():
            now = self._clock()
            if self._tried_at is not None and now - self._tried_at < RETRY_SECONDS:
                return None
            self._tried_at = now
            self._reading = asyncio.create_task(self._read())
        return self._reading

    async def _read(self) -> None:
        try:
            self._keys = _usable(await self._fetch())
            self._read_at = self._clock()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            logger.warning("the key set could not be read", extra={"error": type(error).__name__})

    async def _fetch(self) -> object:
        async with self._http.stream("GET", self._url) as answer:
            answer.raise_for_status()
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise ValueError("the key set is too large")
        return httpx.Response(200, content=bytes(content)).json()


def _usable(key_set: object) -> list[tuple[str, str | None, Key]]:
    """Algorithm, id and key of what can check a signature; others are left aside (RFC 7517, section 5)."""
    if not isinstance(key_set, Mapping) or not isinstance(key_set.get("keys"), list):
        raise ValueError("not a key set")
    found = []
    for data in key_set["keys"]:
        key = _imported(data)
        algorithm = key and _algorithm(key)
        if key and algorithm and data.get("use", "sig") == "sig" and data.get("alg", algorithm) == algorithm:
            found.append((algorithm, data.get("kid"), key))
    return found


def _imported(data: object) -> Key | None:
    try:
        with warnings.catch_warnings(action="ignore"):  # of weak keys, which are left aside below
            return JWKRegistry.import_key(data) if isinstance(data, dict) else None
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _algorithm(key: Key) -> str | None:
    """The one algorithm that a key verifies."""
    if isinstance(key, RSAKey):
        return "RS256" if key.public_key.key_size >= MIN_RSA_BITS else None
    if isinstance(key, ECKey):
        return "ES256" if key.curve_name == "P-256" else None
    if isinstance(key, OKPKey):
        return "EdDSA" if key.curve_name == "Ed25519" else None
    return None
