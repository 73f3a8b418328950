"""The commands of `toolbridge tenant`, all but those for backups."""

import os
import subprocess
from collections.abc import Mapping

import click

from toolbridge_mcp.cli.checkout import HOME
from toolbridge_mcp.cli.failures import Failure, WrongUsage
from toolbridge_mcp.cli.groups import Group
from toolbridge_mcp.cli.journal import stamp
from toolbridge_mcp.cli.stack import LOGIN
from toolbridge_mcp.cli.tenant import fleet, own_users
from toolbridge_mcp.cli.tenant.backups import backup, restore
from toolbridge_mcp.cli.tenant.files import (
    VOLUME,
    Tenant,
    app_of,
    given_as,
    has_volume,
    made_secrets,
    render,
    secret_names,
    write_private,
)
from toolbridge_mcp.cli.tenant.fly import Fly, machine_of
from toolbridge_mcp.cli.tenant.journals import journal
from toolbridge_mcp.cli.tenant.place import Place, command, deploy_image
from toolbridge_mcp.cli.tenant.rotation.commands import key, rotate_secret
from toolbridge_mcp.environment import API_URL
from toolbridge_mcp.uses import TENANT, TOKEN


@click.group(cls=Group)
def tenant() -> None:
    """Deploy a tenant on Fly.io, back it up, remove it, and change secrets.

    flyctl must be installed and signed in. Settings come from the environment only. `restore` and `destroy`
    ask for the tenant's name. docs/deploy-fly.md explains each step. `rotate-secret` without a name is about
    the stack of this machine.
    """


@command
@click.option("--app", help="Name of the app (toolbridge-NAME).")
@click.option("--region", default="fra", help="Fly.io's code of the region (fra).")
@click.option("--org", help="Fly.io organization.")
@click.option("--postgres", is_flag=True, help="Keep the data at DATABASE_URL, not on a volume.")
@click.option(
    "--api-url",
    envvar=API_URL,
    show_envvar=True,
    help="Run the gateway alone, in front of the API at this address. Its secrets come from the environment.",
)
@click.option("--tenant-id", help="The tenant's name in the API, if that is another one (NAME).")
@click.option("--sign-in", is_flag=True, help="Let the tenant have users of its own, who sign in there.")
@click.option("--jwks-url", help="Key set of the identity provider. Without it, tokens are HS256.")
@click.option("--issuer", help="Issuer that tokens must name.")
@click.option("--audience", help="Audience that tokens must name.")
def new(
    place: Place,
    app: str | None,
    region: str,
    org: str | None,
    postgres: bool,
    api_url: str | None,
    tenant_id: str | None,
    sign_in: bool,
    jwks_url: str | None,
    issuer: str | None,
    audience: str | None,
) -> None:
    """Make the app, its secrets and its volume.

    TENANT_HEADER_SECRET or TENANT_HEADER_KEYS, and JWT_HS256_SECRET or JWT_HS256_KEYS are taken from the
    environment, or derived from TOOLBRIDGE_FLEET_SECRET if that is set, or made.
    """
    folder, fly = place.folder, place.fly
    if folder.exists():
        raise Failure(
            f"{folder} exists already; `toolbridge tenant destroy {place.name}` removes that tenant."
        )
    if postgres and not os.environ.get("DATABASE_URL"):
        raise WrongUsage("--postgres takes the address of the database from DATABASE_URL; it is not set.")
    settings = _tokens(jwks_url, issuer, audience, sign_in=sign_in)
    if api_url is not None:
        _check_given_api(api_url, postgres, settings)
    app = app or f"toolbridge-{place.name}"
    made = Tenant(place.name, tenant_id or place.name, app, region, postgres, api_url, settings)
    text = render(made, folder)
    if not fly.dry_run:
        folder.mkdir(parents=True, mode=0o700)
        write_private(folder / "fly.toml", text)
    fly.run("apps", "create", made.app, *(("--org", org) if org else ()))
    fly.run("secrets", "import", "--stage", "--app", made.app, given=_secrets_of(made, place))
    if made.has_volume:
        size = ("--size", "1", "--snapshot-retention", "14", "--yes")
        fly.run("volumes", "create", VOLUME, "--app", made.app, "--region", region, *size)
    deploy = f"toolbridge tenant deploy {place.name}"
    then = f"`{deploy} --invite NAME`, which prints the invitation of a user" if sign_in else f"`{deploy}`"
    fly.say(f"Made {made.app}. Next: read {folder / 'fly.toml'}, then {then}.")


def _check_given_api(api_url: str, postgres: bool, settings: Mapping[str, str]) -> None:
    """The API has its own database, and secrets that cannot be made here."""
    from toolbridge_mcp.setting_types import is_api_url

    if not is_api_url(api_url):
        raise WrongUsage("--api-url is no address such as https://api.example, without path, query or user.")
    if postgres:
        raise WrongUsage(
            "--api-url and --postgres exclude each other: the API at that address has its own data."
        )
    needed = [TENANT, *([] if settings else [TOKEN])]
    missing = [use.secret for use in needed if not (given_as(use) or fleet.has_master())]
    if missing:
        raise WrongUsage(
            f"{' and '.join(missing)}: not set. With --api-url the values are the API's own; set them in the "
            "environment."
        )


def _tokens(
    jwks_url: str | None, issuer: str | None, audience: str | None, *, sign_in: bool
) -> dict[str, str]:
    """The settings that say who issues tokens; empty for a secret that is shared with the issuer."""
    values = {"JWT_JWKS_URL": jwks_url, "JWT_ISSUER": issuer, "JWT_AUDIENCE": audience}
    given = {name: value for name, value in values.items() if value}
    if given and len(given) < len(values):
        raise WrongUsage("--jwks-url, --issuer and --audience belong together.")
    if given and sign_in:
        raise WrongUsage("--sign-in and --jwks-url exclude each other: users sign in at one of the two.")
    return {LOGIN: "embedded"} if sign_in else given


def _secrets_of(made: Tenant, place: Place) -> dict[str, str]:
    """Names without values in a dry run, which makes none."""
    if not place.fly.dry_run:
        return made_secrets(made, place.folder)
    return dict.fromkeys(secret_names(made), "")


@command
@click.option("--image", help="Deploy this image, which is built already.")
@click.option("--invite", metavar="NAME", help="Then make this user, and print the invitation (--sign-in).")
def deploy(place: Place, image: str | None, invite: str | None) -> None:
    """Build this checkout and put it into service.

    Returns when the health check passes.
    """
    app_of(place.folder)
    if invite:
        own_users.need(place)
    if image:
        deploy_image(place, image)
    else:
        _deploy_checkout(place)
    if invite:
        own_users.in_container(place, ["user", "add", "--", invite])


def _deploy_checkout(place: Place) -> None:
    version, revision = _git("describe", "--always", "--dirty"), _git("rev-parse", "HEAD")
    build = ("--build-arg", f"VERSION={version}", "--build-arg", f"REVISION={revision}")
    place.fly.run("deploy", str(HOME), *place.config, "--ha=false", "--yes", *build)


def _git(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  fixed commands
        ["git", "-C", str(HOME), *arguments],  # noqa: S607  the operator's own
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


@command
def status(place: Place) -> None:
    """Show the machine, its health checks, its volume and its releases."""
    for arguments in (("status",), ("checks", "list"), ("volumes", "list"), ("releases", "--image")):
        place.fly.run(*arguments, "--app", place.app)


@command
@click.argument("machines", type=int)
def scale(place: Place, machines: int) -> None:
    """Run the tenant on a number of machines, if its data is in PostgreSQL."""
    app = place.app
    if machines < 1:
        raise WrongUsage("A tenant needs at least one machine.")
    if has_volume(place.folder):
        raise Failure(
            "This tenant's data is on the volume of its one machine; `new --postgres` makes one for several."
        )
    place.fly.run("scale", "count", str(machines), *place.config, "--app", app, "--yes")


@command
@click.option("--image", help="The image to go back to. Without it: that of the release before.")
def rollback(place: Place, image: str | None) -> None:
    """Put the image of an earlier release into service; the data stays as it is."""
    found = image or _earlier_image(place.fly, place.app)
    place.fly.say(f"Rolling {place.name} back to {found}.")
    deploy_image(place, found)


def _earlier_image(fly: Fly, app: str) -> str:
    """The image of the newest successful release that had another image than the present one."""
    present = machine_of(fly, app).image
    releases = fly.json("releases", "--image", "--app", app)
    if fly.dry_run:
        return "EARLIER_IMAGE"
    for release in sorted(releases, key=lambda one: -int(one["Version"])):
        if release["ImageRef"] not in {"", present} and release["Status"] in {"complete", "succeeded"}:
            return str(release["ImageRef"])
    raise Failure("There is no earlier release with another image; name one with --image.")


@command
@click.option("--confirm", metavar="NAME", help="The tenant's name, so that it need not be typed.")
def destroy(place: Place, confirm: str | None) -> None:
    """Remove the app with its volume and secrets.

    The folder here is kept under another name.
    """
    app, folder, fly = place.app, place.folder, place.fly
    kept = "`toolbridge tenant backup` keeps a copy."
    place.confirm(f"This destroys {app} with all its data. {kept}", confirm)
    fly.run("apps", "destroy", app, "--yes")
    if not fly.dry_run:
        renamed = folder.rename(folder.with_name(f"{folder.name}.destroyed-{stamp()}"))
        fly.say(f"Destroyed {app}. What was in {folder} is in {renamed}.")


tenant.add_section("Commands", new, deploy, status, scale, backup, restore, journal, rollback, destroy)
tenant.add_section("Users who sign in there", own_users.user, own_users.client, own_users.sign_in)
tenant.add_section("Secrets", rotate_secret, key)
