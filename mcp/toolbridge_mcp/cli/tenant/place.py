"""The arguments that every `toolbridge tenant` command has."""

import functools
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from toolbridge_mcp.cli.checkout import need_checkout
from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.cli.tenant.files import app_of, has_given_api, has_volume
from toolbridge_mcp.cli.tenant.fly import Fly

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Place:
    """A tenant as its commands see it: its name, its folder here, and flyctl."""

    name: str
    folder: Path
    fly: Fly

    @property
    def app(self) -> str:
        """The app's name. Raises `Failure` if `new` did not make this tenant."""
        return app_of(self.folder)

    @property
    def config(self) -> tuple[str, str]:
        return "--config", str(self.folder / "fly.toml")

    def need_sqlite(self) -> None:
        """Raises `Failure` for a tenant whose data is in PostgreSQL."""
        app_of(self.folder)
        if has_given_api(self.folder):
            raise Failure("This tenant's data is that of its API, which runs elsewhere: back that up.")
        if not has_volume(self.folder):
            raise Failure(
                "This tenant's data is in PostgreSQL: use pg_dump and pg_restore, as docs/deploy-fly.md says."
            )

    def confirm(self, what: str, typed: str | None) -> None:
        """Raises `Failure` unless the tenant's name is given or typed. A dry run needs no confirmation."""
        if self.fly.dry_run:
            return
        if typed is None:
            self.fly.say(f"{what} Type the tenant's name to go on:")
            typed = sys.stdin.readline().strip()
        if typed != self.name:
            raise Failure("That is not the tenant's name; nothing was done.")


def deploy_image(place: Place, image: str) -> None:
    """Puts an image into service that is built already."""
    place.fly.run("deploy", *place.config, "--ha=false", "--yes", "--image", image)


def checked_name(_context: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    if name is not None and not NAME.fullmatch(name):
        raise click.BadParameter("a tenant's name has 1 to 40 lower-case letters, digits and inner hyphens.")
    return name


def command(function: Callable[..., None]) -> click.Command:
    """Makes a command of a function that takes the tenant's `Place` and its own options."""

    @click.command()
    @click.argument("name", callback=checked_name)
    @click.option("--folder", default="tenants", help="The folder with one folder for each tenant (tenants).")
    @click.option("--dry-run", is_flag=True, help="Print the flyctl commands and run none.")
    @functools.wraps(function)
    def run(name: str, folder: str, dry_run: bool, **options: Any) -> None:
        need_checkout("tenant")
        # Absolute, since flyctl goes to the folder that it builds before it reads the configuration.
        function(Place(name, Path(folder, name).resolve(), Fly(dry_run)), **options)

    return run
