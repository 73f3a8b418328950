"""The keys that an environment or a file of settings gives a command."""

from collections.abc import Mapping

from toolbridge_mcp.cli.failures import WrongUsage
from toolbridge_mcp.keyring import Keyring, WrongKeys
from toolbridge_mcp.uses import PREFIX, Use


def ring_of(use: Use, settings: Mapping[str, str]) -> Keyring | None:
    """The keys of a use in these settings, under the gateway's own names first; None if there are none.
    Raises `WrongUsage` for several sources, and for a list that cannot be used."""
    given = {name: value for name in use.in_order if (value := _given(name, settings))}
    if len(given) > 1:
        one, other, *_ = given
        raise WrongUsage(f"{one} is set together with {other}; remove one of them.")
    for name, value in given.items():
        try:
            return use.ring(name, value)
        except WrongKeys as error:
            raise WrongUsage(f"{name}: {error}.") from error
    return None


def _given(name: str, settings: Mapping[str, str]) -> str:
    return settings.get(f"{PREFIX}{name}") or settings.get(name, "")
