"""`toolbridge tenant user`, `client` and `sign-in`: the commands of those names, in a tenant's container."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from toolbridge_mcp.cli.checkout import need_checkout
from toolbridge_mcp.cli.failures import WrongUsage
from toolbridge_mcp.cli.groups import Group
from toolbridge_mcp.cli.sign_in import commands
from toolbridge_mcp.cli.tenant.files import app_of, has_own_users
from toolbridge_mcp.cli.tenant.fly import Fly, machine_of, show_from_machine
from toolbridge_mcp.cli.tenant.place import Place, checked_name


def in_container(place: Place, words: list[str]) -> None:
    """Runs `toolbridge` with these words where the tenant is. What it prints goes where it would go here, so
    that a secret on standard output stays alone there. Raises `Failure`."""
    need(place)
    machine = machine_of(place.fly, place.app)
    show_from_machine(place.fly, place.app, machine, shlex.join(["toolbridge", *words]))


def need(place: Place) -> None:
    """Raises `WrongUsage` for a tenant whose users sign in elsewhere, or not at all."""
    app_of(place.folder)
    if not has_own_users(place.folder):
        raise WrongUsage(
            f'{place.name} has no users of its own: set TOOLBRIDGE_LOGIN = "embedded" under [env] in '
            f"{place.folder / 'fly.toml'}, and deploy it."
        )


def _mirrored(group: click.Group) -> click.Group:
    mirror = Group(group.name, help=group.help)
    mirror.add_section("Commands", *(_on_fly(group, command) for command in group.commands.values()))
    return mirror


def _on_fly(group: click.Group, command: click.Command) -> click.Command:
    def run(tenant: str, folder: str, dry_run: bool, **values: Any) -> None:
        need_checkout("tenant")
        place = Place(tenant, Path(folder, tenant).resolve(), Fly(dry_run))
        in_container(place, [str(group.name), str(command.name), *_words(command, values)])

    own = [
        click.Argument(["tenant"], callback=checked_name),
        click.Option(
            ["--folder"], default="tenants", help="The folder with one folder for each tenant (tenants)."
        ),
        click.Option(["--dry-run"], is_flag=True, help="Print the flyctl commands and run none."),
    ]
    return click.Command(command.name, callback=run, params=[*own, *command.params], help=command.help)


def _words(command: click.Command, values: Mapping[str, Any]) -> Iterator[str]:
    """What has to be typed for these values. Names come last, behind --: one may begin with a dash."""
    names: list[str] = []
    for parameter in command.params:
        value = values[str(parameter.name)]
        if isinstance(parameter, click.Argument):
            names += value if isinstance(value, tuple) else [value]
        elif value is True:
            yield parameter.opts[0]
        elif value not in (None, False):
            yield f"{parameter.opts[0]}={value}"
    if names:
        yield from ("--", *names)


user, client, sign_in = map(_mirrored, (commands.user, commands.client, commands.sign_in))
