"""`toolbridge tenant backup` and `restore`, for tenants on SQLite."""

import hashlib
import re
from pathlib import Path

import click

from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.cli.journal import stamp
from toolbridge_mcp.cli.tenant.fly import Fly, Machine, machine_of, on_machine
from toolbridge_mcp.cli.tenant.place import Place, command, deploy_image

DATABASE = "toolbridge.db"
"""The name of the file in fly.toml's DATABASE_URL."""


@command
@click.argument("file", required=False)
def backup(place: Place, file: str | None) -> None:
    """Copy the SQLite database to a file here, while the tenant is served.

    FILE is a new file; without it the backup goes into the tenant's folder.
    """
    place.need_sqlite()
    app, fly = place.app, place.fly
    name = f"{place.name}-{stamp()}.db"
    local = Path(file) if file else place.folder / "backups" / name
    if local.exists():
        raise Failure(f"{local} exists; give the backup another name.")
    if not fly.dry_run:
        local.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    machine = machine_of(fly, app)
    said = on_machine(fly, app, machine, f"toolbridge-api backup /tmp/{name}")
    try:
        where = ("--app", app, "--machine", machine.id, "--quiet")
        fly.run("ssh", "sftp", "get", f"/tmp/{name}", str(local), *where)  # noqa: S108  in the container
    finally:
        on_machine(fly, app, machine, f"rm -f /tmp/{name}")
    if not fly.dry_run:
        _check_digest(local, said)
        fly.say(
            f"Backed up to {local}, {local.stat().st_size} bytes. It holds the tenant's data; keep it safe."
        )


def _check_digest(local: Path, said: str) -> None:
    """Removes the copy, and raises `Failure`, unless it is the file that was verified in the container."""
    local.chmod(0o600)
    found = re.search(r"\bsha256=([0-9a-f]{64})\b", said)
    with local.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not found or found[1] != digest:
        local.unlink()
        raise Failure("The backup did not arrive whole; nothing was kept here. Try again.")


@command
@click.argument("file")
@click.option("--confirm", metavar="NAME", help="The tenant's name, so that it need not be typed.")
def restore(place: Place, file: str, confirm: str | None) -> None:
    """Replace the database by a backup.

    FILE is a file that `backup` made. The tenant is not served until the restore is done.
    """
    place.need_sqlite()
    app, fly = place.app, place.fly
    local = Path(file)
    if not fly.dry_run and not local.is_file():
        raise Failure(f"{local} is not there.")
    place.confirm(f"This replaces the data of {place.name} by {local}.", confirm)
    machine = machine_of(fly, app)
    try:
        _restore_on(fly, app, machine, local)
    finally:
        # Also after a failure: the database is then what it was.
        deploy_image(place, machine.image)
    fly.say("Restored. The database that was there before is kept on the volume; see docs/runbook.md.")


def _restore_on(fly: Fly, app: str, machine: Machine, local: Path) -> None:
    """The machine sleeps during the restore, so that nothing uses the database."""
    asleep = ("--command", "sleep infinity", "--skip-health-checks", "--yes")
    fly.run("machine", "update", machine.id, "--app", app, *asleep)
    remote = f"/tmp/restore-{stamp()}.db"  # noqa: S108  in the container, whose /tmp is new
    where = ("--app", app, "--machine", machine.id, "--quiet")
    fly.run("ssh", "sftp", "put", str(local), remote, "--mode", "0600", *where)
    fly.say(on_machine(fly, app, machine, f"toolbridge-api restore -replace {DATABASE} {remote}"))
