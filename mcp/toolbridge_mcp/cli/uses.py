"""What secrets are used for, and the settings that may say which they are."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from toolbridge_mcp.cli.failures import WrongUsage
from toolbridge_mcp.keyring import Keyring, WrongKeys, parse

PREFIX = "TOOLBRIDGE_"
KEY_SETS = frozenset({"JWT_JWKS_URL", f"{PREFIX}JWT_JWKS_URL"})
"""The key set of an identity provider, in place of a secret for tokens."""


class Use(NamedTuple):
    """`name` is how people and metrics call it, `variable` how the names of its settings begin, and `instead`
    are settings in place of its secrets."""

    name: str
    variable: str
    instead: frozenset[str]

    @property
    def secret(self) -> str:
        return f"{self.variable}_SECRET"

    @property
    def keys(self) -> str:
        return f"{self.variable}_KEYS"

    @property
    def file(self) -> str:
        return f"{self.variable}_KEYS_FILE"

    @property
    def in_order(self) -> tuple[str, str, str]:
        return self.secret, self.keys, self.file

    @property
    def sources(self) -> frozenset[str]:
        """The settings of which a program is given one. The gateway takes them with a prefix, too."""
        return frozenset(self.in_order) | self.instead

    @property
    def every_source(self) -> frozenset[str]:
        return self.sources | {f"{PREFIX}{name}" for name in self.in_order}

    def is_given(self, present: Iterable[str]) -> bool:
        """Whether something says what the keys of a program are."""
        return not self.every_source.isdisjoint(present)


TENANT = Use("tenant", "TENANT_HEADER", frozenset())
TOKEN = Use("token", "JWT_HS256", KEY_SETS)
USES = {use.name: use for use in (TENANT, TOKEN)}


def ring_of(use: Use, settings: Mapping[str, str]) -> Keyring | None:
    """The keys of a use in these settings, under the gateway's own names first; None if there are none.
    Raises `WrongUsage` for several sources, and for a list that cannot be used."""
    given = {name: value for name in use.in_order if (value := _given(name, settings))}
    if len(given) > 1:
        one, other, *_ = given
        raise WrongUsage(f"{one} is set together with {other}; remove one of them.")
    for name, value in given.items():
        try:
            return _ring(use, name, value)
        except WrongKeys as error:
            raise WrongUsage(f"{name}: {error}.") from error
    return None


def _given(name: str, settings: Mapping[str, str]) -> str:
    return settings.get(f"{PREFIX}{name}") or settings.get(name, "")


def _ring(use: Use, name: str, value: str) -> Keyring:
    if name == use.file:
        return Keyring.of_file(value)
    return Keyring(parse(value)) if name == use.keys else Keyring.of_secret(value)
