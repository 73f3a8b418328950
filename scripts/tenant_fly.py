"""flyctl, and the fly.toml of one tenant."""

import json
import os
import re
import secrets
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
TEMPLATE = REPOSITORY / "fly.toml"
VOLUME = "toolbridge_data"
MIGRATION = 'release_command = "toolbridge-api migrate"'


class TenantError(Exception):
    """The sentence that the person at the terminal reads."""


@dataclass(frozen=True)
class Tenant:
    """What `new` was told. `settings` are not secret; with `postgres` there is no volume."""

    name: str
    app: str
    region: str
    postgres: bool
    settings: Mapping[str, str]


def render(tenant: Tenant, folder: Path) -> str:
    """The template with the tenant's own lines. `folder` is where the result will be."""
    text = TEMPLATE.read_text(encoding="utf-8")
    own = {
        "app": tenant.app,
        "primary_region": tenant.region,
        "dockerfile": os.path.relpath(REPOSITORY / "Dockerfile.mcp", folder),
        "TENANT_ID": tenant.name,
        "TOOLBRIDGE_PUBLIC_URL": f"https://{tenant.app}.fly.dev",
    }
    for key, value in own.items():
        text = _replaced(text, rf"^{key} = .*$", f"{key} = {json.dumps(value)}")
    if tenant.postgres:
        text = _replaced(text, r"^DATABASE_URL = .*\n", "")
        text = _replaced(text, r"^\[mounts\]\n(?:.+\n)*\n", "")
        text = _replaced(text, r"^\[deploy\]\n(?:#.*\n)*", f"[deploy]\n{MIGRATION}\n")
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in tenant.settings.items())
    return _replaced(text, r"^\[env\]\n", f"[env]\n{lines}")


def _replaced(text: str, pattern: str, new: str) -> str:
    changed, count = re.subn(pattern, lambda _: new, text, flags=re.MULTILINE)
    if count != 1:
        raise TenantError(f"fly.toml has {count} places for {pattern!r}; it must have one.")
    return changed


def made_secrets(tenant: Tenant, folder: Path) -> dict[str, str]:
    """Those that the tenant needs: taken from the environment where they are set, else made.

    Whoever issues tokens needs the key that signs them, so one that is made here is kept in a file.
    """
    values = {"TENANT_HEADER_SECRET": os.environ.get("TENANT_HEADER_SECRET") or secrets.token_hex(32)}
    if "JWT_JWKS_URL" not in tenant.settings:
        given = os.environ.get("JWT_HS256_SECRET")
        values["JWT_HS256_SECRET"] = given or secrets.token_hex(32)
        if not given:
            write_private(folder / "jwt-secret", values["JWT_HS256_SECRET"] + "\n")
    if tenant.postgres:
        values["DATABASE_URL"] = os.environ["DATABASE_URL"]
    return values


def write_private(path: Path, text: str) -> None:
    """A file that only its owner can read, from its first byte on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


@dataclass(frozen=True)
class Fly:
    """Runs flyctl, or with `dry_run` prints what it would run."""

    dry_run: bool

    def say(self, text: str) -> None:
        """What came of it: nothing in a dry run."""
        if not self.dry_run:
            sys.stderr.write(text.strip() + "\n")

    def run(self, *arguments: str, given: Mapping[str, str] | None = None) -> None:
        """`given` goes to standard input, where no list of processes and no history shows it."""
        if self._printed(arguments, f"  # on standard input: {', '.join(given)}" if given else ""):
            return
        text = "".join(f"{name}={value}\n" for name, value in given.items()) if given else None
        self._checked(arguments, text, capture=False)

    def output(self, *arguments: str) -> str:
        """Nothing in a dry run."""
        if self._printed(arguments, ""):
            return ""
        return self._checked(arguments, None, capture=True)

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        """A list of objects; empty in a dry run."""
        said = self.output(*arguments, "--json")
        found = json.loads(said) if said else []
        return found or []

    def _printed(self, arguments: Sequence[str], note: str) -> bool:
        if self.dry_run:
            sys.stdout.write(shlex.join(["flyctl", *arguments]) + note + "\n")
        return self.dry_run

    def _checked(self, arguments: Sequence[str], given: str | None, *, capture: bool) -> str:
        try:
            done = subprocess.run(  # noqa: S603  no shell, and names are checked
                ["flyctl", *arguments],  # noqa: S607  the operator's own
                input=given,
                stdout=subprocess.PIPE if capture else None,
                text=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise TenantError("flyctl is not on PATH; https://fly.io/docs/flyctl/install/ has it.") from error
        if done.returncode != 0:
            raise TenantError(
                f"flyctl {' '.join(arguments[:2])} failed with exit code {done.returncode}; see above."
            )
        return done.stdout or ""


@dataclass(frozen=True)
class Machine:
    id: str
    image: str


def machine_of(fly: Fly, app: str) -> Machine:
    """The one machine of a tenant."""
    found = fly.json("machine", "list", "--app", app)
    if fly.dry_run:
        return Machine("MACHINE", "IMAGE")
    if not found:
        raise TenantError(f"{app} has no machine; deploy it first.")
    return Machine(found[0]["id"], found[0]["config"]["image"])


def on_machine(fly: Fly, app: str, machine: Machine, command: str) -> str:
    """What a command in the container says."""
    where = ("--app", app, "--machine", machine.id, "--quiet", "--pty=false")
    return fly.output("ssh", "console", *where, "--command", command)


def app_of(folder: Path) -> str:
    """The name of a tenant's app, from its fly.toml."""
    file = folder / "fly.toml"
    if not file.exists():
        raise TenantError(f"{file} is not there; `tenant.sh new {folder.name}` makes it.")
    app: str = tomllib.loads(file.read_text(encoding="utf-8"))["app"]
    return app


def has_volume(folder: Path) -> bool:
    return "mounts" in tomllib.loads((folder / "fly.toml").read_text(encoding="utf-8"))
