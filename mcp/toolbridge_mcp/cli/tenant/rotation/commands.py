"""`toolbridge tenant rotate-secret` and `key`: other secrets, for the stack of this machine or a tenant."""

import sys
from pathlib import Path

import click

from toolbridge_mcp.cli import key_files
from toolbridge_mcp.cli.checkout import need_checkout
from toolbridge_mcp.cli.failures import WrongUsage
from toolbridge_mcp.cli.key_files import STEPS, Step
from toolbridge_mcp.cli.tenant import fleet
from toolbridge_mcp.cli.tenant.files import tenant_id_of
from toolbridge_mcp.cli.tenant.fly import Fly
from toolbridge_mcp.cli.tenant.place import Place, checked_name, command
from toolbridge_mcp.cli.tenant.rotation.new_key import NewKey
from toolbridge_mcp.keyring import ID
from toolbridge_mcp.uses import USES

use_option = click.option(
    "--use",
    "use_name",
    type=click.Choice([*USES]),
    default="tenant",
    show_default=True,
    help="The secret of the signatures between gateway and API, or of the users' tokens.",
)


@click.command("rotate-secret")
@click.argument("name", required=False, callback=checked_name)
@use_option
@click.option("--step", type=click.Choice(STEPS), help="Do this step alone. Without it: all that are left.")
@click.option("--retire-now", is_flag=True, help="Refuse all tokens of the old key at once.")
@click.option("--id", "key_id", help="The id of the new key. Without it: one that says the day.")
@click.option(
    "--key",
    "file",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="The new key as id:made:secret, in place of a random one. - is standard input.",
)
@click.option("--folder", default="tenants", help="The folder with one folder for each tenant (tenants).")
@click.option("--dry-run", is_flag=True, help="Print the steps, with the flyctl commands, and do nothing.")
def rotate_secret(
    name: str | None,
    use_name: str,
    step: Step | None,
    retire_now: bool,
    key_id: str | None,
    file: Path | None,
    folder: str,
    dry_run: bool,
) -> None:
    """Change a secret: add the new one, switch to it, retire the old one.

    Without NAME, of the stack of this machine, while it is served: no call fails. With NAME, of a tenant on
    Fly.io, whose machine restarts with the new secret. A command that was interrupted goes on where it was,
    and each step may be repeated. For tokens it ends before the last step, which is due when the tokens of
    the old key have expired. With TOOLBRIDGE_FLEET_SECRET, new keys are derived from it. The key of a
    deployment that signs tokens itself is changed by `toolbridge sign-in rotate-key`.
    """
    from toolbridge_mcp.cli.tenant.rotation import local, on_fly

    use = USES[use_name]
    need_checkout("tenant")
    if name is None:
        local.rotate(use, step, key_id, file, retire_now=retire_now, dry_run=dry_run)
        return
    place = Place(name, Path(folder, name).resolve(), Fly(dry_run))
    new = NewKey(use, tenant_id_of(place.folder), key_id, file)
    on_fly.rotate(place, new, step, retire_now=retire_now)


@command
@use_option
@click.option("--id", "key_id", required=True, help="The id of the key, such as k2026-01-31.")
@click.option("--list", "as_list", is_flag=True, help="Print id:made:secret, as lists of keys have it.")
@click.option("--show", is_flag=True, help="Print it also to a terminal.")
def key(place: Place, use_name: str, key_id: str, as_list: bool, show: bool) -> None:
    """Print a secret that is derived from TOOLBRIDGE_FLEET_SECRET.

    It is for what has to have the same secret: an API that serves many tenants, or your product, which signs
    tokens. Send it to a file or another program.
    """
    if sys.stdout.isatty() and not show:
        raise WrongUsage("This prints a secret: send it to a file or a pipe, or give --show.")
    if not ID.fullmatch(key_id):
        raise WrongUsage("--id is 1 to 32 letters, digits, dots, hyphens and underscores.")
    tenant_id = tenant_id_of(place.folder) if place.folder.exists() else place.name
    secret = fleet.derived(USES[use_name], tenant_id, key_id)
    click.echo(f"{key_id}:{key_files.day_of(key_id)}:{secret}" if as_list else secret)
