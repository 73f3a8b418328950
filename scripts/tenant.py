"""One tenant on Fly.io, from its first deployment to its end.

`restore` and `destroy` ask for the tenant's name to be typed. flyctl must be installed and signed in.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tenant_fly import (
    REPOSITORY,
    VOLUME,
    Fly,
    Machine,
    Tenant,
    TenantError,
    app_of,
    has_volume,
    machine_of,
    made_secrets,
    on_machine,
    render,
    write_private,
)

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
KEY_SET = {"jwks_url": "JWT_JWKS_URL", "issuer": "JWT_ISSUER", "audience": "JWT_AUDIENCE"}
DATABASE = "toolbridge.db"
"""The name of the file in fly.toml's DATABASE_URL."""


def stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


def folder_of(options: argparse.Namespace) -> Path:
    if not NAME.fullmatch(options.name):
        raise TenantError("A tenant's name has 1 to 40 lower-case letters, digits and hyphens in between.")
    # Absolute, since flyctl goes to the folder that it builds before it reads the configuration.
    return Path(options.folder, options.name).resolve()


# The commands


def new(options: argparse.Namespace, fly: Fly) -> None:
    """Make the app, its secrets and its volume."""
    folder = folder_of(options)
    if folder.exists():
        raise TenantError(f"{folder} exists already; `tenant.sh destroy {options.name}` removes that tenant.")
    tenant = tenant_of(options)
    text = render(tenant, folder)
    if not fly.dry_run:
        folder.mkdir(parents=True, mode=0o700)
        write_private(folder / "fly.toml", text)
    organization = ["--org", options.org] if options.org else []
    fly.run("apps", "create", tenant.app, *organization)
    fly.run("secrets", "import", "--stage", "--app", tenant.app, given=secrets_of(tenant, folder, fly))
    if not tenant.postgres:
        size = ("--size", "1", "--snapshot-retention", "14", "--yes")
        fly.run("volumes", "create", VOLUME, "--app", tenant.app, "--region", tenant.region, *size)
    fly.say(f"Made {tenant.app}. Next: look at {folder / 'fly.toml'}, then `tenant.sh deploy {tenant.name}`.")


def tenant_of(options: argparse.Namespace) -> Tenant:
    given = {name: getattr(options, option) for option, name in KEY_SET.items() if getattr(options, option)}
    if given and len(given) < len(KEY_SET):
        raise TenantError("--jwks-url, --issuer and --audience belong together.")
    if options.postgres and not os.environ.get("DATABASE_URL"):
        raise TenantError("--postgres takes the address of the database from DATABASE_URL; it is not set.")
    app = options.app or f"toolbridge-{options.name}"
    return Tenant(options.name, app, options.region, options.postgres, given)


def secrets_of(tenant: Tenant, folder: Path, fly: Fly) -> dict[str, str]:
    if not fly.dry_run:
        return made_secrets(tenant, folder)
    names = ["TENANT_HEADER_SECRET"]
    names += [] if "JWT_JWKS_URL" in tenant.settings else ["JWT_HS256_SECRET"]
    return dict.fromkeys([*names, "DATABASE_URL"] if tenant.postgres else names, "")


def deploy(options: argparse.Namespace, fly: Fly) -> None:
    """Build this checkout and put it into service; it waits until the health check passes."""
    folder = folder_of(options)
    app_of(folder)
    if options.image:
        put_into_service(fly, folder, options.image)
        return
    version = git("describe", "--always", "--dirty")
    revision = git("rev-parse", "HEAD")
    arguments = ["--build-arg", f"VERSION={version}", "--build-arg", f"REVISION={revision}"]
    config = str(folder / "fly.toml")
    fly.run("deploy", str(REPOSITORY), "--config", config, "--ha=false", "--yes", *arguments)


def git(*arguments: str) -> str:
    command = ["git", "-C", str(REPOSITORY), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  fixed commands
    return done.stdout.strip() or "unknown"


def put_into_service(fly: Fly, folder: Path, image: str) -> None:
    fly.run("deploy", "--config", str(folder / "fly.toml"), "--ha=false", "--yes", "--image", image)


def status(options: argparse.Namespace, fly: Fly) -> None:
    """Show the machine, its health checks, its volume and its releases."""
    app = app_of(folder_of(options))
    for arguments in (("status",), ("checks", "list"), ("volumes", "list"), ("releases", "--image")):
        fly.run(*arguments, "--app", app)


def backup(options: argparse.Namespace, fly: Fly) -> None:
    """Copy the SQLite database to a file here, while the tenant is served."""
    folder = sqlite_folder(options)
    app = app_of(folder)
    name = f"{options.name}-{stamp()}.db"
    local = Path(options.file) if options.file else folder / "backups" / name
    if local.exists():
        raise TenantError(f"{local} exists; give the backup another name.")
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
        check_digest(local, said)
        fly.say(
            f"Backed up to {local}, {local.stat().st_size} bytes. It holds the tenant's data; keep it safe."
        )


def check_digest(local: Path, said: str) -> None:
    """The copy is the one that was made and checked in the container."""
    local.chmod(0o600)
    found = re.search(r"\bsha256=([0-9a-f]{64})\b", said)
    with local.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not found or found[1] != digest:
        local.unlink()
        raise TenantError("The backup did not arrive whole; nothing was kept here. Try again.")


def restore(options: argparse.Namespace, fly: Fly) -> None:
    """Put a backup in the place of the database; the tenant is not served meanwhile."""
    folder = sqlite_folder(options)
    app = app_of(folder)
    local = Path(options.file)
    if not fly.dry_run and not local.is_file():
        raise TenantError(f"{local} is not there.")
    confirm(options, fly, f"This replaces the data of {options.name} by {local}.")
    machine = machine_of(fly, app)
    try:
        restore_on(fly, app, machine, local)
    finally:
        # Also after a failure: the database is then what it was.
        put_into_service(fly, folder, machine.image)
    fly.say("Restored. The database that was there before is kept on the volume; see docs/runbook.md.")


def restore_on(fly: Fly, app: str, machine: Machine, local: Path) -> None:
    """The machine sleeps meanwhile, so that nothing uses the database."""
    asleep = ("--command", "sleep infinity", "--skip-health-checks", "--yes")
    fly.run("machine", "update", machine.id, "--app", app, *asleep)
    remote = f"/tmp/restore-{stamp()}.db"  # noqa: S108  in the container, whose /tmp is new
    where = ("--app", app, "--machine", machine.id, "--quiet")
    fly.run("ssh", "sftp", "put", str(local), remote, "--mode", "0600", *where)
    fly.say(on_machine(fly, app, machine, f"toolbridge-api restore -replace {DATABASE} {remote}"))


def scale(options: argparse.Namespace, fly: Fly) -> None:
    """Run the tenant on so many machines, which PostgreSQL allows."""
    folder = folder_of(options)
    app = app_of(folder)
    if options.machines < 1:
        raise TenantError("A tenant needs at least one machine.")
    if has_volume(folder):
        raise TenantError(
            "This tenant's data is on the volume of its one machine; `new --postgres` makes one for several."
        )
    config = str(folder / "fly.toml")
    fly.run("scale", "count", str(options.machines), "--config", config, "--app", app, "--yes")


def rollback(options: argparse.Namespace, fly: Fly) -> None:
    """Put the image of an earlier release into service; the data stays as it is."""
    folder = folder_of(options)
    app = app_of(folder)
    image = options.image or earlier_image(fly, app)
    fly.say(f"Rolling {options.name} back to {image}.")
    put_into_service(fly, folder, image)


def earlier_image(fly: Fly, app: str) -> str:
    """That of the newest release that succeeded with another image than the present one."""
    present = machine_of(fly, app).image
    releases = fly.json("releases", "--image", "--app", app)
    if fly.dry_run:
        return "EARLIER_IMAGE"
    for release in sorted(releases, key=lambda one: -int(one["Version"])):
        if release["ImageRef"] not in {"", present} and release["Status"] in {"complete", "succeeded"}:
            return str(release["ImageRef"])
    raise TenantError("There is no earlier release with another image; name one with --image.")


def destroy(options: argparse.Namespace, fly: Fly) -> None:
    """Remove the app with its volume and secrets; the folder here is kept under another name."""
    folder = folder_of(options)
    app = app_of(folder)
    confirm(options, fly, f"This destroys {app} with all its data. `tenant.sh backup` keeps a copy.")
    fly.run("apps", "destroy", app, "--yes")
    if not fly.dry_run:
        kept = folder.rename(folder.with_name(f"{folder.name}.destroyed-{stamp()}"))
        fly.say(f"Destroyed {app}. What was in {folder} is in {kept}.")


def sqlite_folder(options: argparse.Namespace) -> Path:
    folder = folder_of(options)
    app_of(folder)
    if not has_volume(folder):
        raise TenantError(
            "This tenant's data is in PostgreSQL: use pg_dump and pg_restore, as docs/deploy-fly.md says."
        )
    return folder


def confirm(options: argparse.Namespace, fly: Fly, what: str) -> None:
    if fly.dry_run:
        return
    typed = options.confirm
    if typed is None:
        fly.say(f"{what} Type the tenant's name to go on:")
        typed = sys.stdin.readline().strip()
    if typed != options.name:
        raise TenantError("That is not the tenant's name; nothing was done.")


# The command line


COMMANDS: dict[str, Callable[[argparse.Namespace, Fly], None]] = {
    command.__name__: command for command in (new, deploy, status, scale, backup, restore, rollback, destroy)
}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="tenant.sh", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    parsers = {}
    for name, command in COMMANDS.items():
        parsers[name] = one = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        one.add_argument("name", help="the tenant's name")
        one.add_argument("--folder", default="tenants", help="where each tenant has a folder (tenants)")
        one.add_argument("--dry-run", action="store_true", help="print the flyctl commands, run none")
    add_options_of_new(parsers["new"])
    parsers["deploy"].add_argument("--image", help="an image that is built already")
    parsers["scale"].add_argument("machines", type=int, help="how many machines")
    parsers["rollback"].add_argument("--image", help="the image to go back to (that of the release before)")
    parsers["backup"].add_argument("file", nargs="?", help="a new file (one in the tenant's folder)")
    parsers["restore"].add_argument("file", help="a file that `backup` made")
    for name in ("restore", "destroy"):
        parsers[name].add_argument(
            "--confirm", metavar="NAME", help="the tenant's name, in place of typing it"
        )
    return top


def add_options_of_new(one: argparse.ArgumentParser) -> None:
    one.add_argument("--app", help="name of the app (toolbridge-NAME)")
    one.add_argument("--region", default="fra", help="Fly.io's code of the region (fra)")
    one.add_argument("--org", help="Fly.io organization")
    one.add_argument("--postgres", action="store_true", help="keep the data at DATABASE_URL, not on a volume")
    one.add_argument("--jwks-url", help="key set of the identity provider; else tokens are HS256")
    one.add_argument("--issuer", help="issuer that tokens must name")
    one.add_argument("--audience", help="audience that tokens must name")


def main() -> None:
    options = parser().parse_args()
    try:
        COMMANDS[options.command](options, Fly(options.dry_run))
    except TenantError as error:
        sys.exit(f"tenant.sh: {error}")


if __name__ == "__main__":
    main()
