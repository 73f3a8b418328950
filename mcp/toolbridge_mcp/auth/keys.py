"""The keys that tokens are checked with: one shared secret, or the key set of an identity provider."""

import logging
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Protocol

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey, RSAKey

from toolbridge_mcp.single_flight import SingleFlight

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 600
"""The age at which a key set is read again, so that withdrawn keys go."""

MIN_INTERVAL_SECONDS = 5
"""The least time between two readings, whatever key ids strangers put into their tokens."""

MAX_BYTES = 256 * 1024
MIN_RSA_BITS = 2048
"""RFC 7518, section 3.3."""


class KeysUnavailable(Exception):
    """No token can be checked now: the keys of the identity provider have never been read."""


class Keys(Protocol):
    """Finds the key that verifies a token, by the token's header."""

    @property
    def algorithms(self) -> list[str]: ...
    async def find(self, algorithm: str, key_id: str | None) -> Key | None:
        """The key, or None if there is none. Raises `KeysUnavailable`."""


class SharedSecret:
    """HS256 with one secret, which the API knows too."""

    algorithms: list[str] = ["HS256"]  # noqa: RUF012

    def __init__(self, secret: bytes) -> None:
        self._key = OctKey.import_key(secret)

    async def find(self, algorithm: str, key_id: str | None) -> Key | None:  # noqa: ARG002
        return self._key


class KeySet:
    """The public keys at a URL (RFC 7517), for RS256, ES256 and EdDSA.

    A token with an unknown key id causes another reading, at most one every `MIN_INTERVAL_SECONDS`. While
    the identity provider does not answer, the known keys stay in use.
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
        self._readings: SingleFlight[None] = SingleFlight()

    async def find(self, algorithm: str, key_id: str | None) -> Key | None:
        key = self._known(algorithm, key_id)
        if key is None:
            await self._readings.run(self._read)
            key = self._known(algorithm, key_id)
        elif self._is_old():
            self._readings.start(self._read)
        if key is None and self._read_at is None:
            raise KeysUnavailable
        return key

    async def aclose(self) -> None:
        await self._readings.aclose()

    def _known(self, algorithm: str, key_id: str | None) -> Key | None:
        """The key with that id; without an id, the only key for the algorithm (RFC 7517, section 4.5)."""
        keys = [key for verifies, name, key in self._keys if verifies == algorithm and key_id in (None, name)]
        return keys[0] if len(keys) == 1 else None

    def _is_old(self) -> bool:
        return self._read_at is None or self._clock() - self._read_at > REFRESH_SECONDS

    async def _read(self) -> None:
        now = self._clock()
        if self._tried_at is not None and now - self._tried_at < MIN_INTERVAL_SECONDS:
            return
        self._tried_at = now
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
    """The keys that can verify a signature, with algorithm and id (RFC 7517, section 5)."""
    if not isinstance(key_set, Mapping) or not isinstance(key_set.get("keys"), list):
        raise ValueError("not a key set")
    usable = []
    for data in key_set["keys"]:
        key = _imported(data)
        algorithm = key and _algorithm(key)
        if key and algorithm and data.get("use", "sig") == "sig" and data.get("alg", algorithm) == algorithm:
            usable.append((algorithm, data.get("kid"), key))
    return usable


def _imported(data: object) -> Key | None:
    try:
        with warnings.catch_warnings(action="ignore"):  # about weak keys, which `_algorithm` rejects
            return JWKRegistry.import_key(data) if isinstance(data, dict) else None
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _algorithm(key: Key) -> str | None:
    """The algorithm whose signatures the key verifies, or None if it is too weak or of another kind."""
    if isinstance(key, RSAKey):
        return "RS256" if key.public_key.key_size >= MIN_RSA_BITS else None
    if isinstance(key, ECKey):
        return "ES256" if key.curve_name == "P-256" else None
    if isinstance(key, OKPKey):
        return "EdDSA" if key.curve_name == "Ed25519" else None
    return None
