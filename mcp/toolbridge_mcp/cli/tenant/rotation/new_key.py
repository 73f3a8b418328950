"""Where a new key comes from: a file, the master secret of the fleet, or chance."""

import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from toolbridge_mcp.cli.failures import WrongUsage
from toolbridge_mcp.cli.key_files import free_id, today
from toolbridge_mcp.cli.tenant import fleet
from toolbridge_mcp.keyring import ID, Key, WrongKeys, parse
from toolbridge_mcp.uses import Use


@dataclass(frozen=True)
class NewKey:
    """What the options of a command say about the key that is to be made."""

    use: Use
    tenant_id: str
    id: str | None = None
    file: Path | None = None

    @property
    def is_known_elsewhere(self) -> bool:
        """Whether another program can have the same key."""
        return self.file is not None or fleet.has_master()

    def make(self, taken: Sequence[Key] = ()) -> Key:
        """A key beside those that are there. Raises `WrongUsage`."""
        key = self._given() if self.file else self._made(taken)
        if key.id in {one.id for one in taken} or key.secret in {one.secret for one in taken}:
            raise WrongUsage(f"There is a key {key.id}, or one with this secret, already; give another one.")
        return key

    def _made(self, taken: Sequence[Key]) -> Key:
        derives = fleet.has_master()
        name = self.id or (_moment() if derives else free_id(taken, today()))
        if not ID.fullmatch(name):
            raise WrongUsage("--id is 1 to 32 letters, digits, dots, hyphens and underscores.")
        secret = fleet.derived(self.use, self.tenant_id, name) if derives else secrets.token_hex(32)
        return Key(name, today(), secret.encode())

    def _given(self) -> Key:
        if self.id:
            raise WrongUsage("--id and --key exclude each other: the key in the file has an id.")
        try:
            keys = parse(sys.stdin.read() if self.file == Path("-") else _text(self.file))
        except WrongKeys as error:
            raise WrongUsage(f"--key: {error}.") from error
        if len(keys) != 1:
            raise WrongUsage(f"--key has {len(keys)} keys; give it the new one alone.")
        return keys[0]


def _moment() -> str:
    """An id for a key that is derived from it: of a second, as the id of a key that is gone would bring back
    its secret, and nobody knows which those are."""
    return f"k{datetime.now(UTC):%Y-%m-%d-%H%M%S}"


def _text(file: Path | None) -> str:
    try:
        return file.read_text(encoding="utf-8") if file else ""
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{file} cannot be read; name a file with --key.") from error
