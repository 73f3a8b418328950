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
        """Whether something says what the API's and the gateway's keys are."""
        return not self.sources.isdisjoint(present)


TENANT = Use("tenant", "TENANT_HEADER", frozenset())
TOKEN = Use("token", "JWT_HS256", KEY_SETS)
USES = {use.name: use for use in (TENANT, TOKEN)}


def signing_secret(use: Use, settings: Mapping[str, str]) -> str:
    """The secret with which the holder of these settings signs: the only one, or the first of a list. Empty
    if there is none. Raises `WrongUsage` for a list that cannot be used."""
    for name in (name for base in use.in_order for name in (f"{PREFIX}{base}", base)):
        if value := settings.get(name):
            try:
                return _first(use, name, value)
            except WrongKeys as error:
                raise WrongUsage(f"{name}: {error}.") from error
    return ""


def _first(use: Use, name: str, value: str) -> str:
    if name.endswith(use.file):
        return Keyring.of_file(value).first.secret.decode()
    return parse(value)[0].secret.decode() if name.endswith(use.keys) else value
