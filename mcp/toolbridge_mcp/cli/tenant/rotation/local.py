"""`toolbridge tenant rotate-secret` on the stack of this machine."""

import os
from collections.abc import Callable
from pathlib import Path

import click
import httpx

from toolbridge_mcp.cli import key_files, settings_file
from toolbridge_mcp.cli.failures import Failure, WrongUsage
from toolbridge_mcp.cli.key_files import Step, left
from toolbridge_mcp.cli.stack import Stack
from toolbridge_mcp.cli.tenant.rotation.new_key import NewKey
from toolbridge_mcp.cli.tenant.rotation.readers import Readers
from toolbridge_mcp.cli.tenant.rotation.steps import Steps, alone
from toolbridge_mcp.environment import FLEET_SECRET
from toolbridge_mcp.keyring import WrongKeys
from toolbridge_mcp.uses import Use


def rotate(
    use: Use, step: Step | None, key_id: str | None, file: Path | None, *, retire_now: bool, dry_run: bool
) -> None:
    """Does one step, or all that are left, or prints them in a dry run. Raises `Failure`."""
    given = sorted(use.every_source & os.environ.keys())
    if given:
        raise WrongUsage(
            f"{' and '.join(given)} is in the environment, where no command can change it, and wins over the "
            "file of settings. Put it into that file, and start the stack from there."
        )
    settings_file.load()
    stack = Stack.from_environment()
    _check_source(use)
    path = key_files.path_of(stack.data, use)
    new = NewKey(use, os.environ.get("TENANT_ID", ""), key_id, file)
    readers = Readers(stack, use, path)
    if stack.given_api and not new.is_known_elsewhere:
        raise WrongUsage(
            f"The API at {stack.given_api} has the same secret: add a key there first, and then give it here "
            f"with --key, or set {FLEET_SECRET}. This command changes the gateway's only."
        )
    try:
        if dry_run:
            _print_plan(path, step, readers.names)
            return
        with alone(path.parent):
            Steps(path, new, readers, _say, _agreeing(stack, use), retire_now).walk(step)
    except WrongKeys as error:
        raise Failure(
            f"{path} {error}; correct it, or start the stack again, which makes it of the file of settings. "
            "Until then the programs use the keys that they know."
        ) from error
    except OSError as error:
        raise Failure(f"{error.filename} cannot be used ({error.strerror}); nothing was changed.") from error
    if stack.given_api:
        _say(f"The API at {stack.given_api} was not changed; take the old key away there when this is done.")


def _check_source(use: Use) -> None:
    """Raises `WrongUsage` unless the secret is in the file of settings."""
    if key_files.bare_secret(use, os.environ) is not None:
        return
    if use.every_instead & os.environ.keys():
        raise WrongUsage("Tokens come from your identity provider: change its key there, and publish both.")
    given = " and ".join(sorted(use.every_source & os.environ.keys())) or f"no {use.secret}"
    raise WrongUsage(
        f"The file of settings has {given}, so the keys are yours to change: put the new one behind the "
        "others, then first, then take the others away. docs/runbook.md says how."
    )


def _print_plan(path: Path, step: Step | None, names: list[str]) -> None:
    does = {
        "add": f"a new key behind those in {path}; then wait until {' and '.join(names)} have read it",
        "switch": "the new key first; wait again; then its secret in the file of settings",
        "retire": "the other keys away; wait again",
    }
    for one in (step,) if step else left(key_files.read(path)):
        click.echo(f"{one:<8}{does[one]}")


def _agreeing(stack: Stack, use: Use) -> Callable[[str], None]:
    """Before the gateway signs with a key, an API that runs elsewhere must have it, if it says so."""

    def check(key_id: str) -> None:
        if stack.given_api is None or use.name != "tenant":
            return
        known = _keys_of(stack.given_api)
        if known is not None and key_id not in known:
            raise Failure(f"the API at {stack.given_api} does not have the key {key_id} yet; add it there")

    return check


def _keys_of(api: str) -> list[str] | None:
    """The ids of the tenant's keys that an API names; None if it names none."""
    try:
        said = httpx.get(f"{api}/v1/sync/info", timeout=10, trust_env=False).json()
        return [str(one) for one in said["signatures"]["keys"]]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None


def _say(text: str) -> None:
    click.echo(text, err=True)
