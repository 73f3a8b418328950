"""The folder of a tenant here: its fly.toml, its secrets and its backups."""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolbridge_mcp.cli import key_files
from toolbridge_mcp.cli.checkout import HOME
from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.cli.key_files import Keys, word
from toolbridge_mcp.cli.stack import LOGIN
from toolbridge_mcp.cli.tenant.rotation.new_key import NewKey
from toolbridge_mcp.environment import API_URL, has_own_api
from toolbridge_mcp.uses import TENANT, TOKEN, Use

TEMPLATE = HOME / "fly.toml"
VOLUME = "toolbridge_data"
TOKEN_SECRET = "jwt-secret"  # noqa: S105  the name of a file
"""What signs the users' tokens gets its secret from this file."""
MIGRATION = 'release_command = "toolbridge-api migrate"\nrelease_command_timeout = "30m"'


@dataclass(frozen=True)
class Tenant:
    """The arguments of `new`. `settings` are not secret. Data is on a volume, unless it is in PostgreSQL
    (`postgres`) or in an API that runs already (`api_url`)."""

    name: str
    id: str
    app: str
    region: str
    postgres: bool
    api_url: str | None
    settings: Mapping[str, str]

    @property
    def has_volume(self) -> bool:
        return not self.postgres and self.api_url is None


def render(tenant: Tenant, folder: Path) -> str:
    """The template fly.toml with the tenant's own lines. `folder` is where the result will be."""
    text = TEMPLATE.read_text(encoding="utf-8")
    own = {
        "app": tenant.app,
        "primary_region": tenant.region,
        "dockerfile": os.path.relpath(HOME / "Dockerfile.mcp", folder),
        "TENANT_ID": tenant.id,
        "TOOLBRIDGE_PUBLIC_URL": f"https://{tenant.app}.fly.dev",
    }
    for key, value in own.items():
        text = _replaced(text, rf"^{key} = .*$", f"{key} = {json.dumps(value)}")
    if not tenant.has_volume:
        text = _replaced(text, r"^DATABASE_URL = .*\n", "")
        text = _replaced(text, r"^\[mounts\]\n(?:.+\n)*\n", "")
        migration = f"{MIGRATION}\n" if tenant.postgres else ""
        text = _replaced(text, r"^\[deploy\]\n(?:#.*\n)*", f"[deploy]\n{migration}")
    settings = {**({API_URL: tenant.api_url} if tenant.api_url else {}), **tenant.settings}
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    return _replaced(text, r"^\[env\]\n", f"[env]\n{lines}")


def _replaced(text: str, pattern: str, new: str) -> str:
    changed, count = re.subn(pattern, lambda _: new, text, flags=re.MULTILINE)
    if count != 1:
        raise Failure(f"fly.toml has {count} places for {pattern!r}; it must have one.")
    return changed


def secret_names(tenant: Tenant) -> list[str]:
    """The secrets that the tenant needs: a list of keys where one is made, since lists say how old it is."""
    has_other_tokens = "JWT_JWKS_URL" in tenant.settings or tenant.settings.get(LOGIN) == "embedded"
    uses = [TENANT] if has_other_tokens else [TENANT, TOKEN]
    names = [given_as(use) or use.keys for use in uses]
    return [*names, "DATABASE_URL"] if tenant.postgres else names


def given_as(use: Use) -> str | None:
    """The variable of the environment that has the keys of a use, if one does."""
    return next((name for name in (use.secret, use.keys) if os.environ.get(name)), None)


def made_secrets(tenant: Tenant, folder: Path) -> dict[str, str]:
    """The secrets that the tenant needs, each taken from the environment if it is set there, else made.

    Your product needs the key that signs users' tokens, so a key that is made here is kept in a file.
    """
    values = {}
    for name in secret_names(tenant):
        values[name] = os.environ.get(name) or _made(tenant, folder, TOKEN if name == TOKEN.keys else TENANT)
    return values


def _made(tenant: Tenant, folder: Path, use: Use) -> str:
    key = NewKey(use, tenant.id, key_files.free_id((), key_files.today())).make()
    if use is TOKEN:
        write_private(folder / TOKEN_SECRET, key.secret.decode() + "\n")
        key_files.write(key_files.path_of(folder, use), Keys((key,)))
    return word(key)


def write_private(path: Path, text: str) -> None:
    """Writes a new file that only its owner can read, from its first byte on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def app_of(folder: Path) -> str:
    """The name of a tenant's app, from its fly.toml."""
    file = folder / "fly.toml"
    if not file.exists():
        raise Failure(f"{file} is not there; `toolbridge tenant new {folder.name}` makes it.")
    app: str = _fly_toml(folder)["app"]
    return app


def has_volume(folder: Path) -> bool:
    """Whether the data is on a volume, in SQLite."""
    return "mounts" in _fly_toml(folder) and not has_given_api(folder)


def has_given_api(folder: Path) -> bool:
    """Whether the gateway runs alone, in front of an API that runs already."""
    return not has_own_api(_fly_toml(folder).get("env", {}))


def has_key_set(folder: Path) -> bool:
    """Whether users' tokens are an identity provider's."""
    return "JWT_JWKS_URL" in _fly_toml(folder).get("env", {})


def has_own_users(folder: Path) -> bool:
    """Whether users sign in at the tenant itself."""
    return str(_fly_toml(folder).get("env", {}).get(LOGIN, "")).lower() == "embedded"


def tenant_id_of(folder: Path) -> str:
    """The name of a tenant in its API. Raises `Failure` if `new` did not make it."""
    app_of(folder)
    return str(_fly_toml(folder)["env"]["TENANT_ID"])


def _fly_toml(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "fly.toml").read_text(encoding="utf-8"))
