"""The keys that tokens are checked with: shared secrets, the key set of an identity provider, or several such
sources."""

import logging
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeGuard

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey, RSAKey

from toolbridge_mcp.auth.jws import decoded, json_object
from toolbridge_mcp.keyring import Key as Secret
from toolbridge_mcp.keyring import Keyring
from toolbridge_mcp.single_flight import SingleFlight

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 600
"""The age at which a key set is read again, so that withdrawn keys go."""

MIN_INTERVAL_SECONDS = 5
"""The least time between two readings, whatever key ids strangers put into their tokens."""

_TEXTS = ("kid", "use", "alg", "kty", "crv", "x", "y", "n", "e")
_MEMBERS = {"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}
"""The members of a public key of each kind, beside `kty` (RFC 7518, section 6; RFC 8037)."""

_COORDINATE_BYTES = 32
_MAX_EXPONENT = 2**31

MAX_BYTES = 256 * 1024
MIN_RSA_BITS = 2048
"""RFC 7518, section 3.3."""


NO_KEY_SET = "Tokens cannot be checked: JWT_JWKS_URL gave no usable key yet."

READY_SECONDS = 1.0
"""How long a probe of the readiness waits for the identity provider."""


class KeysUnavailable(Exception):
    """No token can be checked now: no usable key was ever read where they come from."""


Signed: TypeAlias = Callable[[Key], bool]
"""Whether a token was signed with this key."""


class Keys(Protocol):
    """Knows which key a token must be signed with, by the token's header."""

    @property
    def algorithms(self) -> list[str]: ...
    async def verify(self, algorithm: str, key_id: str | None, signed: Signed) -> bool:
        """Whether the key that a token's header means signed it. Raises `KeysUnavailable`."""

    async def are_known(self) -> bool:
        """Whether tokens can be checked."""

    @property
    def lack(self) -> str:
        """Why they cannot, in a sentence for the operator, if they are not known."""

    @property
    def generation(self) -> int:
        """Grows when they change so that what they have verified may not be valid any more."""

    @property
    def number(self) -> int:
        """How many keys there are."""

    @property
    def age(self) -> float:
        """Seconds since they were read, or since the start if none was; 0 for what is never read again."""


class SharedSecret:
    """HS256 with the secrets of a ring, which the API knows too. A token with the `kid` of one of them is
    checked with that one first: others may have that name elsewhere."""

    algorithms: list[str] = ["HS256"]  # noqa: RUF012

    def __init__(self, ring: Keyring) -> None:
        self._ring = ring
        self._made_of: tuple[Secret, ...] = ()
        self._keys: Mapping[str, Key] = {}

    async def verify(self, algorithm: str, key_id: str | None, signed: Signed) -> bool:  # noqa: ARG002
        keys = self._prepared()
        named = keys.get(key_id) if key_id is not None else None
        if named and signed(named):
            return True
        return any(signed(key) for key in keys.values() if key is not named)

    def _prepared(self) -> Mapping[str, Key]:
        """The keys by their ids, as the library takes them."""
        live = self._ring.keys
        if live is not self._made_of:
            self._keys = {key.id: OctKey.import_key(key.secret) for key in live}
            self._made_of = live
        return self._keys

    async def are_known(self) -> bool:
        return True

    @property
    def lack(self) -> str:
        return ""

    @property
    def generation(self) -> int:
        return self._ring.generation

    @property
    def number(self) -> int:
        return len(self._ring.keys)

    @property
    def age(self) -> float:
        return 0.0


class Several:
    """Keys of several sources. A token's algorithm alone says which of them it is checked with, so no two of
    them have one in common, and a public key is never taken for a secret (RFC 8725, section 3.1)."""

    def __init__(self, sources: Sequence[Keys]) -> None:
        self._sources = sources
        self._by_algorithm = {name: keys for keys in sources for name in keys.algorithms}
        if len(self._by_algorithm) != len(self.algorithms):
            raise ValueError("two sources of keys have an algorithm in common")

    @property
    def algorithms(self) -> list[str]:
        return [name for keys in self._sources for name in keys.algorithms]

    async def verify(self, algorithm: str, key_id: str | None, signed: Signed) -> bool:
        return await self._by_algorithm[algorithm].verify(algorithm, key_id, signed)

    async def are_known(self) -> bool:
        return all([await keys.are_known() for keys in self._sources])

    @property
    def lack(self) -> str:
        return " ".join(keys.lack for keys in self._sources if keys.lack)

    @property
    def generation(self) -> int:
        total = 0
        for keys in self._sources:
            total += keys.generation
        return total

    @property
    def number(self) -> int:
        return sum(keys.number for keys in self._sources)

    @property
    def age(self) -> float:
        return max(keys.age for keys in self._sources)


def together(sources: Sequence[Keys]) -> Keys:
    """The only source, or all of them as one."""
    return sources[0] if len(sources) == 1 else Several(sources)


_Asymmetric = RSAKey | ECKey | OKPKey


class PublicKey(NamedTuple):
    algorithm: str
    """The only one that the key may verify."""

    id: str | None
    spelled: bytes
    """The key in DER, which is the same for equal keys."""

    key: Key


class KeySet:
    """The public keys at a URL (RFC 7517), for RS256, ES256 and EdDSA.

    A token with an unknown key id causes another reading, at most one every `MIN_INTERVAL_SECONDS`; so does
    one without an id that the known key did not sign. While the identity provider does not answer, or
    publishes no usable key, the known keys stay in use.
    """

    algorithms: list[str] = ["RS256", "ES256", "EdDSA"]  # noqa: RUF012

    def __init__(
        self, url: str, http: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._http = http
        self._clock = clock
        self.generation = 0
        self._keys: list[PublicKey] = []
        self._began_at = clock()
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._readings: SingleFlight[None] = SingleFlight()

    async def verify(self, algorithm: str, key_id: str | None, signed: Signed) -> bool:
        key = self._known(algorithm, key_id)
        if key and self._is_old():
            self._readings.start(self._read)
        if key and signed(key):
            return True
        if key and key_id is not None:
            return False
        await self._readings.run(self._read)
        newer = self._known(algorithm, key_id)
        if self._read_at is None:
            raise KeysUnavailable
        return newer is not None and newer is not key and signed(newer)

    async def are_known(self) -> bool:
        """Starts a reading if the keys are old, so that they do not age while only health checks come."""
        if self._read_at is None:
            with suppress(TimeoutError):
                await self._readings.run(self._read, seconds=READY_SECONDS)
        elif self._is_old():
            self._readings.start(self._read)
        return self._read_at is not None

    @property
    def lack(self) -> str:
        return "" if self._read_at is not None else NO_KEY_SET

    @property
    def number(self) -> int:
        return len(self._keys)

    @property
    def age(self) -> float:
        return self._clock() - (self._began_at if self._read_at is None else self._read_at)

    async def aclose(self) -> None:
        await self._readings.aclose()

    def _known(self, algorithm: str, key_id: str | None) -> Key | None:
        """The key with that id; without an id, the only key for the algorithm (RFC 7517, section 4.5)."""
        keys = {
            key.spelled: key.key
            for key in self._keys
            if key.algorithm == algorithm and key_id in (None, key.id)
        }
        return next(iter(keys.values())) if len(keys) == 1 else None

    def _is_old(self) -> bool:
        return self._read_at is None or self._clock() - self._read_at > REFRESH_SECONDS

    async def _read(self) -> None:
        now = self._clock()
        if self._tried_at is not None and now - self._tried_at < MIN_INTERVAL_SECONDS:
            return
        self._tried_at = now
        try:
            self._take(_usable(await self._fetch()))
            self._read_at = self._clock()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            logger.warning("the key set could not be read", extra={"error": type(error).__name__})

    def _take(self, keys: list[PublicKey]) -> None:
        before, now = ({(key.algorithm, key.id, key.spelled) for key in some} for some in (self._keys, keys))
        self._keys = keys
        if before - now:
            self.generation += 1

    async def _fetch(self) -> bytes:
        async with self._http.stream("GET", self._url) as answer:
            answer.raise_for_status()
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise ValueError("the key set is too large")
        return bytes(content)


def _usable(content: bytes) -> list[PublicKey]:
    """The keys that can verify a signature; others are ignored (RFC 7517, section 5). Raises ValueError if
    there is none."""
    sent = json_object(content).get("keys")
    if not isinstance(sent, list):
        raise ValueError("not a key set")
    usable = public_keys(sent)
    if not usable:
        raise ValueError("no usable key")
    return usable


def public_keys(sent: Iterable[object]) -> list[PublicKey]:
    """Those of the members of a key set that can verify a signature."""
    return [key for data in sent if isinstance(data, Mapping) and (key := _public_key(data))]


def _public_key(data: Mapping[str, Any]) -> PublicKey | None:
    texts: dict[str, Any] = {name: data[name] for name in _TEXTS if data.get(name) is not None}
    if not _are_texts(list(texts.values())) or texts.get("use", "sig") != "sig":
        return None
    operations = data.get("key_ops", ["verify"])
    if not _are_texts(operations) or "verify" not in operations:
        return None
    key = _imported(texts)
    algorithm = _algorithm(key) if key else None
    if key is None or algorithm is None or texts.get("alg", algorithm) != algorithm:
        return None
    return PublicKey(algorithm, texts.get("kid"), key.as_der(private=False), key)


def _are_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _imported(texts: Mapping[str, str]) -> _Asymmetric | None:
    """The key with these numbers. A certificate beside them would have to be fetched or checked."""
    kind = texts.get("kty", "")
    members: dict[str, Any] = {name: texts[name] for name in _MEMBERS.get(kind, set()) & texts.keys()}
    try:
        sizes = {name: len(decoded(text)) for name, text in members.items() if name != "crv"}
        if kind == "EC" and set(sizes.values()) != {_COORDINATE_BYTES}:
            return None
        with warnings.catch_warnings(action="ignore"):  # about weak keys, which `_algorithm` rejects
            key = JWKRegistry.import_key({"kty": kind, **members})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, _Asymmetric) else None


def _algorithm(key: _Asymmetric) -> str | None:
    """The algorithm whose signatures the key verifies, or None if it is too weak or of another kind."""
    if isinstance(key, RSAKey):
        numbers = key.public_key.public_numbers()
        is_usable = numbers.n.bit_length() >= MIN_RSA_BITS and numbers.e < _MAX_EXPONENT
        return "RS256" if is_usable else None
    if isinstance(key, ECKey):
        return "ES256" if key.curve_name == "P-256" else None
    return "EdDSA" if key.curve_name == "Ed25519" else None
