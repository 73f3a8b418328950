"""The command `toolbridge`: its arguments and its help pages.

The code of a command is imported when it runs, so that `toolbridge serve` waits for no other command's.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from toolbridge_mcp import __version__, environment
from toolbridge_mcp.cli.checkout import need_checkout
from toolbridge_mcp.cli.groups import Group
from toolbridge_mcp.cli.journal import selecting
from toolbridge_mcp.cli.sign_in.commands import client, sign_in, user
from toolbridge_mcp.cli.tenant.commands import tenant

Function = TypeVar("Function", bound=Callable[..., Any])

CLIENT_NAMES = ("claude-code", "claude-desktop", "cursor", "inspector", "vscode")

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
THIRTY_DAYS = 30 * 24 * 60 * 60
EPILOG = """
\b
Settings:
  Environment variables win over the file .env of the checkout; TOOLBRIDGE_ENV_FILE
  names another file. serve and tenant NAME read the environment only.
  .env.example lists all settings.

\b
Exit codes:
  0  done
  1  failed
  2  wrong usage, or a setting is wrong or missing
  3  nothing runs (status)
"""


@click.group(cls=Group, epilog=EPILOG, context_settings=HELP)
@click.version_option(__version__, prog_name="toolbridge", message="%(prog)s %(version)s")
def toolbridge() -> None:
    """Let AI clients use a REST product: run ToolBridge, connect clients to it, look after deployments."""


@click.command()
@click.option("--detach", is_flag=True, help="Return when everything is ready; `toolbridge down` stops it.")
def up(detach: bool) -> None:
    """Start the API and the gateway here, and print how to connect.

    Makes the tenant's name and the secrets in .env where they are missing, starts both programs, makes one
    call as proof, and prints the address, a token and what to paste into AI clients. Ctrl-C stops everything.

    \b
    Settings that let several stacks run side by side:
      TOOLBRIDGE_PORT      port of the gateway (8001)
      API_PORT             port of the API on loopback (8081)
      TOOLBRIDGE_METRICS_PORT
                           port of metrics and the operator's page (9091)
      TOOLBRIDGE_DATA_DIR  database, log, lock and keys (.toolbridge/data)
    """
    from toolbridge_mcp.cli import control, settings_file
    from toolbridge_mcp.cli.stack import Stack

    need_checkout("up")
    settings_file.complete()
    environment.clean_process()
    control.up(Stack.from_environment(), detached=detach)


@click.command()
def down() -> None:
    """Stop what `up` started.

    Stops what runs on TOOLBRIDGE_DATA_DIR (.toolbridge/data); calls in flight may finish.
    """
    from toolbridge_mcp.cli import control, settings_file
    from toolbridge_mcp.cli.stack import Stack

    need_checkout("down")
    settings_file.load()
    control.down(Stack.from_environment())


@click.command()
def status() -> None:
    """Say what runs here and whether it is ready.

    Exit code 0 if the gateway and the API are ready, 1 if one of them is not, 3 if nothing runs.
    """
    from toolbridge_mcp.cli import control, settings_file
    from toolbridge_mcp.cli.stack import Stack

    need_checkout("status")
    settings_file.load()
    sys.exit(control.status(Stack.from_environment()))


@click.command()
def serve() -> None:
    """Run the gateway alone, in the foreground.

    Reads its settings from the environment only. supervisord runs this command, in the container and under
    `toolbridge up`. SIGTERM lets calls finish and then stops it.
    """
    environment.clean_process()
    from toolbridge_mcp import memory

    memory.load()
    from toolbridge_mcp.cli.serve import serve

    sys.exit(serve())


def _safe_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A user's token goes there, so plain http is for this machine only."""
    from toolbridge_mcp.setting_types import is_safe_url

    if value is not None and not is_safe_url(value):
        raise click.BadParameter("must be an address with https (http only on this machine)")
    return value and value.rstrip("/")


url_option = click.option(
    "--url",
    callback=_safe_url,
    help="The gateway as clients know it. Without it: TOOLBRIDGE_PUBLIC_URL, else this machine.",
)
token_option = click.option(
    "--token",
    envvar="TOOLBRIDGE_TOKEN",
    show_envvar=True,
    help="A user's token. The variable is safer: others can see the arguments of a command.",
)


@click.command()
@url_option
@token_option
def doctor(url: str | None, token: str | None) -> None:
    """Check a running deployment, and say how to fix the first problem.

    Needs the settings that the gateway has. Prints one line for each check. Checks that act as a user need
    a token. Exit code 0 if no check failed, else 1.
    """
    from toolbridge_mcp.cli import key_files, settings_file

    settings_file.load()
    environment.clean_process()
    key_files.adopt(os.environ)
    from toolbridge_mcp.cli.doctor import run

    sys.exit(run(url, (token or "").strip() or None))


def _api_url(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from toolbridge_mcp.setting_types import ApiUrl

    try:
        return TypeAdapter[str](ApiUrl).validate_python(value)
    except ValidationError:
        raise click.BadParameter(
            "must be the address of an API, such as http://127.0.0.1:8081, without a path"
        ) from None


def _side_option(name: str, words: str) -> Callable[[Function], Function]:
    return click.option(
        f"--{name}", f"{name}_url", required=True, metavar="URL", callback=_api_url, help=words
    )


def _settings_option(name: str, words: str) -> Callable[[Function], Function]:
    named = f"TENANT_ID and TENANT_HEADER_SECRET, or a list of keys, of {words}"
    help_ = f"File with {named}. Without it: the usual settings."
    return click.option(f"--{name}-settings", metavar="FILE", type=click.Path(path_type=Path), help=help_)


@click.command()
@_side_option("from", "The API that has the items.")
@_side_option("to", "The API that shall have them.")
@_settings_option("from", "the first API")
@_settings_option("to", "the second API")
@click.option(
    "--tokens",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="A user on each line: one token, or one for each API. - is standard input. "
    "Without it: the token in TOOLBRIDGE_TOKEN.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    default="toolbridge-copy.json",
    show_default=True,
    help="Where the progress is kept.",
)
def copy(
    from_url: str,
    to_url: str,
    from_settings: Path | None,
    to_settings: Path | None,
    tokens: Path | None,
    state: Path,
) -> None:
    """Copy the items of users from one API to another, and compare.

    Copies everything that each user has, deleted items too, with uids and times. Of two versions of an item
    the later one stays. It may be run again: it goes on where it was ended, and then copies what has changed.
    Nothing is changed in the first API. Exit code 0 if the second API has everything in the end, else 1.
    """
    from toolbridge_mcp.cli import copying, key_files, settings_file

    settings_file.load()
    key_files.adopt(os.environ)
    given = copying.text_of(tokens) if tokens else os.environ.get("TOOLBRIDGE_TOKEN", "")
    places = [
        copying.place(url, settings_file.values(file) if file else os.environ, option)
        for url, file, option in (
            (from_url, from_settings, "--from-settings"),
            (to_url, to_settings, "--to-settings"),
        )
    ]
    sys.exit(copying.run(places[0], places[1], copying.read_tokens(given), state))


@click.group(cls=Group)
def journal() -> None:
    """Export the record of who did what, or check it."""


file_argument = click.argument(
    "file", required=False, type=click.Path(path_type=Path, dir_okay=False), metavar="[FILE]"
)


@click.command()
@file_argument
@selecting
def export(file: Path | None, owner: str | None, since: str | None, until: str | None) -> None:
    """Write the journals of all users, or of one, to a file, and verify it.

    Reads the database of the stack on this machine, also while it runs. FILE is a new file; without it the
    export goes into TOOLBRIDGE_DATA_DIR. It has every write with its time, user, client and tool, and no
    content. Note its digest elsewhere: it tells this export from one that somebody has made anew.
    """
    from toolbridge_mcp.cli import journal, settings_file
    from toolbridge_mcp.cli.stack import Stack

    settings_file.load()
    journal.export(Stack.from_environment(), file, journal.Selection(owner, since, until))


@click.command()
@file_argument
def verify(file: Path | None) -> None:
    """Check that no line of an export, or of the database, was changed or removed.

    FILE is an export; without it, this checks the database of the stack on this machine. Exit code 1 if a
    line is not as it was written, and the line is named.
    """
    from toolbridge_mcp.cli import journal, settings_file
    from toolbridge_mcp.cli.stack import Stack

    settings_file.load()
    click.echo(journal.verify(Stack.from_environment(), file), nl=False)


journal.add_section("Commands", export, verify)


@click.command()
@click.argument("user", default="dev")
@click.option("--expires", type=int, default=THIRTY_DAYS, metavar="SECONDS", help="Lifetime (30 days).")
def token(user: str, expires: int) -> None:
    """Print a development token for a user.

    The token is an HS256 JWT with USER ("dev") as `sub`, signed with JWT_HS256_SECRET, or with the first key
    of JWT_HS256_KEYS or JWT_HS256_KEYS_FILE. It names JWT_ISSUER and the first of JWT_AUDIENCE when they are
    set. In a checkout a missing secret is made in .env. With JWT_JWKS_URL, tokens come from the identity
    provider, and there is none to print.
    """
    from toolbridge_mcp.cli import settings_file
    from toolbridge_mcp.cli.token import development_token

    settings_file.complete()
    click.echo(development_token(user, expires))


@click.command()
@click.argument("client", required=False, type=click.Choice(CLIENT_NAMES), metavar="[CLIENT]")
@url_option
@token_option
@click.option("--user", help="Without --token: the user to make a development token for (dev).")
def connect(client: str | None, url: str | None, token: str | None, user: str | None) -> None:
    """Print the configuration of an AI client.

    CLIENT is claude-code, claude-desktop, cursor, inspector or vscode. The configuration goes to standard
    output, and the place where it belongs to standard error. Without CLIENT, prints the addresses, a token
    and the configuration of the usual clients. Where users can sign in, clients get no token, unless --token
    or --user says so.
    """
    from toolbridge_mcp.cli import settings_file
    from toolbridge_mcp.cli.connect import show

    settings_file.complete()
    show(client, url, token, user)


toolbridge.add_section("On this machine", up, down, status)
toolbridge.add_section("Clients and users", connect, token, user, client, sign_in)
toolbridge.add_section("Deployments", doctor, copy, journal, tenant, serve)
