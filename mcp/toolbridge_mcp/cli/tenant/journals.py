"""`toolbridge tenant journal`, for tenants with an API of their own."""

import shlex
from pathlib import Path

import click

from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.cli.groups import Group
from toolbridge_mcp.cli.journal import Selection, selecting, stamp, write_verified
from toolbridge_mcp.cli.tenant.files import app_of, has_given_api
from toolbridge_mcp.cli.tenant.fly import machine_of, on_machine, save_from_machine
from toolbridge_mcp.cli.tenant.place import Place, command


@click.group(cls=Group)
def journal() -> None:
    """Export the record of who did what, or check it."""


@command
@click.argument("file", required=False)
@selecting
def export(place: Place, file: str | None, owner: str | None, since: str | None, until: str | None) -> None:
    """Write the journals of all users, or of one, to a file here, and verify it.

    FILE is a new file; without it the export goes into the tenant's folder. The tenant is served meanwhile.
    """
    _need_own_api(place)
    local = Path(file) if file else place.folder / "journals" / f"{place.name}-{stamp()}.jsonl"
    wanted = shlex.join(Selection(owner, since, until).command)
    machine = machine_of(place.fly, place.app)
    if place.fly.dry_run:
        on_machine(place.fly, place.app, machine, wanted)
        return
    write_verified(local, lambda out: save_from_machine(place.fly, place.app, machine, wanted, out))


@command
def verify(place: Place) -> None:
    """Check in the tenant's database that no line was changed or removed."""
    _need_own_api(place)
    machine = machine_of(place.fly, place.app)
    place.fly.say(on_machine(place.fly, place.app, machine, "toolbridge-api journal verify"))


def _need_own_api(place: Place) -> None:
    app_of(place.folder)
    if has_given_api(place.folder):
        raise Failure("This tenant's journals are those of its API, which runs elsewhere.")


journal.add_section("Commands", export, verify)
