"""Which version of the signature the gateway uses, and what it knows of the API that verifies it."""

import copy
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Literal, Protocol, Self

from toolbridge_mcp.keyring import MAX_KEYS, Keyring
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.transport.messages import Request
from toolbridge_mcp.transport.signing import new_nonce, signed_v1, signed_v2
from toolbridge_mcp.uses import TENANT

Choice = Literal["auto", "v1", "v2"]
V1, V2 = "v1", "v2"

SECONDS: Mapping[str, int] = {V1: 300, V2: 60}
"""How far the time of a signature may be from the API's, by its version."""

PROCESS_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
"""What the id of an API process looks like: it becomes a part of a header."""

SHOWN = re.compile(r"[A-Za-z0-9._-]{1,32}")
"""What the versions and key ids of an API look like. Others are not shown: anybody between could have written
them."""

DISGUISED = "0"
"""Begins the time of a version 1 signature that was chosen because the API named no other. An API that takes
version 2 knows by it that somebody in between has hidden that, and refuses it; others read the number."""

VANISHED = (
    "The API took signatures of v2 before and does not name them now: if an older API has taken its place, "
    "start the gateway again; if not, something between them changes its answers."
)
NOT_NAMED = (
    "The API names no signatures of v2, which this gateway makes: if it is an older one, set "
    "TOOLBRIDGE_SIGNATURE to {remedy}; if not, something between them changes its answers."
)
ONLY_OTHERS = "The API takes signatures of {theirs}, and this gateway makes {ours}: {remedy}."
TO_AUTO = "set TOOLBRIDGE_SIGNATURE to auto"
TO_V1 = (
    "if the API's TENANT_SIGNATURES is v1, set TOOLBRIDGE_SIGNATURE to v1; if not, something between them "
    "changes its answers"
)
TO_NEITHER = "one of them is too old, or something between them changes the API's answers"
UNKNOWN_KEY = (
    "The API does not have the key {key}, with which this gateway signs; it has {keys}. Give both the same "
    "keys."
)


class Signatures(Protocol):
    """What an API says of the signatures that it takes."""

    @property
    def versions(self) -> tuple[str, ...]: ...

    @property
    def process(self) -> str: ...

    @property
    def keys(self) -> tuple[str, ...]: ...


class Signer:
    """Proves to the API which tenant a request comes from: the one signer of a gateway, for all requests.

    With `auto` it signs v2, and v1 only while the API's description names no signatures at all. Once the API
    is known to take v2, there is no way back: whoever changes its answers in between could else have v1,
    which is good for any request.
    """

    def __init__(
        self,
        keyring: Keyring,
        tenant_id: str,
        *,
        choice: Choice = "auto",
        takes_v2: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`takes_v2` says that the API is known to take v2, whatever its description names."""
        self.keyring = keyring
        self._tenant_id = tenant_id
        self._choice = choice
        self._now = now
        self._takes_v2 = takes_v2
        self._has_named_v2 = False
        self._named: Signatures | None = None
        self._described_at: int | None = None
        """The keyring's generation when the API described itself; None before it did."""
        self.process = ""
        """The API process that takes the next request. Empty until that is known: the API refuses such a
        request, and says which it is."""
        self._makes_v1 = choice == V1

    @classmethod
    def of(
        cls, settings: Settings, keyring: Keyring | None = None, now: Callable[[], float] = time.time
    ) -> Self:
        """The signer of a gateway with these settings, with its keys or with those that the settings name."""
        return cls(
            keyring or settings.keyring(TENANT),
            settings.tenant_id,
            choice=settings.signature,
            takes_v2=settings.has_own_api,
            now=now,
        )

    def another(self, *, secret: bytes | None = None, tenant_id: str | None = None) -> Self:
        """A signer that knows the same of the API, with another secret under the id of the first key, or for
        another tenant."""
        other = copy.copy(self)
        first = self.keyring.first
        other.keyring = Keyring((replace(first, secret=secret or first.secret),))
        other._tenant_id = tenant_id or self._tenant_id
        return other

    def headers(self, request: Request) -> dict[str, str]:
        """The headers that sign the request. Method, target, headers and content go over the wire as they are
        now."""
        key, now = self.keyring.first, self._now()
        if self._makes_v1:
            disguise = "" if self._choice == V1 else DISGUISED
            return signed_v1(key, self._tenant_id, f"{disguise}{int(now * 1000)}")
        return signed_v2(key, self._tenant_id, request, nonce=new_nonce(self.process), created=int(now))

    @property
    def version(self) -> str:
        """The version of the next signature."""
        return V1 if self._makes_v1 else V2

    @property
    def window_seconds(self) -> int:
        """How far the time of the next signature may be from the API's."""
        return SECONDS[self.version]

    def learn(self, process: str, known: str) -> bool:
        """Takes over the process that a refusal names. Returns whether another signature may help, if the
        refused one named `known`."""
        if self._makes_v1 or process == known or not PROCESS_ID.fullmatch(process):
            return False
        self.process = process
        return True

    def described(self, named: Signatures | None) -> None:
        """Takes what the API says of its signatures: None if it says nothing."""
        self._named = named
        self._described_at = self.keyring.generation
        if named and V2 in named.versions:
            self._takes_v2 = self._has_named_v2 = True
        if named and PROCESS_ID.fullmatch(named.process):
            self.process = named.process
        self._makes_v1 = self._choice == V1 or (self._choice == "auto" and not named and not self._takes_v2)

    def problems(self) -> list[str]:
        """Sentences for the operator about what the API said last, and no secret in them."""
        if self._described_at is None:
            return []
        if self._named is None:
            return self._problems_unnamed()
        if self.version not in self._named.versions:
            theirs = " and ".join(_shown(self._named.versions)) or "no version"
            return [
                ONLY_OTHERS.format(theirs=theirs, ours=self.version, remedy=_remedy(self._named.versions))
            ]
        key = self.keyring.first.id
        is_current = self._described_at == self.keyring.generation
        if is_current and self._named.keys and key not in self._named.keys:
            return [UNKNOWN_KEY.format(key=key, keys=", ".join(_shown(self._named.keys)) or "others")]
        return []

    def _problems_unnamed(self) -> list[str]:
        if self._makes_v1:
            return []
        if self._has_named_v2:
            return [VANISHED]
        return [NOT_NAMED.format(remedy=V1 if self._takes_v2 else "auto")]


def _shown(names: tuple[str, ...]) -> list[str]:
    """The names that may be shown, and not more of them than an API has keys."""
    return [name for name in islice(names, MAX_KEYS) if SHOWN.fullmatch(name)]


def _remedy(versions: tuple[str, ...]) -> str:
    """What helps a gateway that makes none of the versions that the API names."""
    if V2 in versions:
        return TO_AUTO
    return TO_V1 if V1 in versions else TO_NEITHER
