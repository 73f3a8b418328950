"""What the API knows of the embedded login and the gateway needs: keys, what was revoked, and the seal."""

import asyncio
import logging
import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from joserfc.jwk import Key

from toolbridge_mcp.auth.keys import READY_SECONDS, KeysUnavailable, PublicKey, Signed, public_keys
from toolbridge_mcp.login.answers import State
from toolbridge_mcp.login.failures import LoginError, LoginOff, LoginUnavailable
from toolbridge_mcp.login.revocations import Revocations
from toolbridge_mcp.single_flight import SingleFlight

logger = logging.getLogger(__name__)

ALGORITHM = "ES256"
POLL_SECONDS = 1.0
"""How often the API is asked. What was revoked at another machine is known to this one's API within a second,
so the gateway knows within two."""

READING_SECONDS = 5.0
MIN_INTERVAL_SECONDS = 0.25
"""The least time between two readings, whatever key ids strangers put into their tokens."""

LOG_SECONDS = 60.0

NONE_YET = "Tokens cannot be checked: the API has not told the keys of the sign-in yet."
NO_LOGIN = (
    "TOOLBRIDGE_LOGIN is embedded, and the API offers no sign-in: set the same for the API, or update it if "
    "it is too old."
)


class Api(Protocol):
    """What tells the state of the login."""

    async def state(self, seconds: float) -> State: ...


class LoginKeys:
    """The public keys that the API signs access tokens with, by their ids, the revocations, and the seal of
    the ids of clients.

    While `kept`, they are read every `POLL_SECONDS`; a token of an unknown key waits for one more reading, as
    a key may sign as soon as it is made. After a failed reading, what is known stays in use.
    """

    algorithms: list[str] = [ALGORITHM]  # noqa: RUF012

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        self.generation = 0
        self.revocations = Revocations()
        self._api = api
        self._clock = clock
        self._keys: Mapping[str, PublicKey] = {}
        self._state: State | None = None
        self._failure: type[LoginError] = LoginUnavailable
        self._began_at = clock()
        self._read_at: float | None = None
        self._tried_at = self._logged_at = float("-inf")
        self._readings: SingleFlight[None] = SingleFlight()

    async def verify(self, algorithm: str, key_id: str | None, signed: Signed) -> bool:
        """A token has to name its key. Raises `KeysUnavailable`."""
        if key_id is None and self._read_at is not None:
            return False
        key = self._known(algorithm, key_id)
        if key is None:
            await self._read_anew()
            if self._read_at is None:
                raise KeysUnavailable
            key = self._known(algorithm, key_id)
        return key is not None and signed(key)

    def look(self) -> None:
        """Begins a reading, unless one began a moment ago: the API has refused a token that is accepted here,
        so it knows more."""
        if self._clock() - self._tried_at >= MIN_INTERVAL_SECONDS:
            self._readings.start(self._read)

    async def seal(self) -> bytes:
        """What the ids of registered clients are sealed with. Raises a `LoginError`."""
        text = (await self._last_state()).seal
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))

    async def published(self) -> Sequence[Mapping[str, Any]]:
        """The keys in the form of RFC 7517. Raises a `LoginError`."""
        return (await self._last_state()).keys

    async def are_known(self) -> bool:
        if self._read_at is None:
            with suppress(TimeoutError):
                await self._readings.run(self._read, seconds=READY_SECONDS)
        return self._read_at is not None

    @property
    def lack(self) -> str:
        if self._read_at is not None:
            return ""
        return NO_LOGIN if self._failure is LoginOff else NONE_YET

    @property
    def number(self) -> int:
        return len(self._keys)

    @property
    def age(self) -> float:
        return self._clock() - (self._began_at if self._read_at is None else self._read_at)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Reads the state again and again, until the block ends."""
        polling = asyncio.create_task(self._poll())
        try:
            yield
        finally:
            polling.cancel()
            with suppress(asyncio.CancelledError):
                await polling
            await self._readings.aclose()

    async def _poll(self) -> None:
        while True:
            await self._readings.run(self._read)
            await asyncio.sleep(POLL_SECONDS)

    def _known(self, algorithm: str, key_id: str | None) -> Key | None:
        key = self._keys.get(key_id) if key_id is not None else None
        return key.key if key and key.algorithm == algorithm else None

    async def _last_state(self) -> State:
        if self._state is None:
            await self._readings.run(self._read)
        if self._state is None:
            raise self._failure
        return self._state

    async def _read_anew(self) -> None:
        """Returns after a reading that began after the call did."""
        asked_at = self._clock()
        while self._tried_at < asked_at:
            wait = self._tried_at + MIN_INTERVAL_SECONDS - self._clock()
            if wait > 0:
                await asyncio.sleep(wait)
            else:
                await self._readings.run(self._read)
        if self._readings.is_running():
            await self._readings.run(self._read)

    async def _read(self) -> None:
        self._tried_at = self._clock()
        try:
            self._take(await self._api.state(READING_SECONDS))
        except LoginError as error:
            self._failure = type(error)
            self._tell(type(error).__name__)
        except Exception as error:  # noqa: BLE001  whatever it was, the next reading has to come
            self._tell(type(error).__name__)

    def _take(self, state: State) -> None:
        """Raises ValueError for a state without a usable key."""
        keys = {key.id: key for key in public_keys(state.keys) if key.id and key.algorithm == ALGORITHM}
        if not keys:
            raise ValueError("no usable key")
        before, now = ({(name, key.spelled) for name, key in some.items()} for some in (self._keys, keys))
        if before - now:
            self.generation += 1
        self._keys = keys
        self.revocations.take(state.revoked)
        self._state = state
        self._read_at = self._clock()

    def _tell(self, error: str) -> None:
        if self._clock() - self._logged_at >= LOG_SECONDS:
            self._logged_at = self._clock()
            logger.warning("the state of the login could not be read", extra={"error": error})
