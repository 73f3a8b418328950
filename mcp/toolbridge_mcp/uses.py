"""What secrets are used for, and the settings that may say which they are.

This module uses the standard library only: commands import it that must start at once.
"""

from collections.abc import Iterable
from typing import NamedTuple

from toolbridge_mcp.keyring import Keyring, parse

PREFIX = "TOOLBRIDGE_"
"""Begins the gateway's own names of settings."""


class Use(NamedTuple):
    """`name` is how people and metrics call it, `variable` how the names of its settings begin, and `instead`
    are settings in place of its secrets."""

    name: str
    variable: str
    instead: tuple[str, ...] = ()

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
    def sources(self) -> tuple[str, ...]:
        """The settings of which a program is given one. The gateway takes them with a prefix, too."""
        return self.in_order + self.instead

    @property
    def every_source(self) -> frozenset[str]:
        return _with_prefix(self.sources)

    @property
    def every_instead(self) -> frozenset[str]:
        return _with_prefix(self.instead)

    def is_given(self, present: Iterable[str]) -> bool:
        """Whether something says what the keys of a program are."""
        return not self.every_source.isdisjoint(present)

    def ring(self, name: str, value: str) -> Keyring:
        """The keys that one of `in_order` says. Raises `WrongKeys`."""
        if name == self.file:
            return Keyring.of_file(value)
        return Keyring(parse(value)) if name == self.keys else Keyring.of_secret(value)


def _with_prefix(names: Iterable[str]) -> frozenset[str]:
    return frozenset(one for name in names for one in (name, f"{PREFIX}{name}"))


TENANT = Use("tenant", "TENANT_HEADER")
TOKEN = Use("token", "JWT_HS256", ("JWT_JWKS_URL",))
USES = {use.name: use for use in (TENANT, TOKEN)}
