"""The way of a command to the API that keeps the users, and what it says when that fails."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import click
from pydantic import ValidationError

from toolbridge_mcp.cli import key_files, settings_file
from toolbridge_mcp.cli.failures import Failure, WrongUsage
from toolbridge_mcp.cli.sign_in.tables import printable
from toolbridge_mcp.cli.stack import complete_for_commands
from toolbridge_mcp.environment import clean_process
from toolbridge_mcp.errors import NotReached
from toolbridge_mcp.login.api import LoginApi
from toolbridge_mcp.login.failures import (
    LoginError,
    LoginOff,
    LoginUnavailable,
    TenantRefused,
    WrongRequest,
)
from toolbridge_mcp.settings import Settings, WrongSetting, explain, from_environment
from toolbridge_mcp.transport import Signer
from toolbridge_mcp.uses import TENANT

OFF = (
    "TOOLBRIDGE_LOGIN is {login} here, so this deployment has no users of its own. With embedded it has; "
    "docs/sign-in.md says how to begin."
)
NOT_REACHED = "Nothing answers at {url}: start the deployment, or correct TOOLBRIDGE_GO_API_BASE_URL."
NOT_READY = "The API at {url} does not answer as it should: see that it is ready, and look at its log."
NO_SIGN_IN = (
    "The API at {url} has no sign-in: start it with TOOLBRIDGE_LOGIN=embedded, too, in the version of this "
    "command."
)
WRONG_KEYS = (
    "The API at {url} refuses the signature of this command: run it with the TENANT_ID and the {secret} of "
    "the API, and with the clock of the API."
)


class Desk(NamedTuple):
    """What the commands work with. `address` is where people find the pages."""

    settings: Settings
    signer: Signer
    api: LoginApi
    address: str

    def link(self, token: str) -> str:
        return f"{self.address}/invitation?token={token}"


Work = Callable[[Desk], Awaitable[None]]


def at_desk(work: Work) -> None:
    """Does the work, with the settings of the gateway. Raises `Failure`."""
    settings = settings_here()
    try:
        asyncio.run(_work(settings, work))
    except LoginError as error:
        raise failure(error, settings) from error


async def _work(settings: Settings, work: Work) -> None:
    # The routes take no other version, whatever an API says of itself.
    signer = Signer(settings.keyring(TENANT), settings.tenant_id, choice="v2", takes_v2=True)
    async with LoginApi.of(settings, signer) as api:
        await work(Desk(settings, signer, api, settings.issuer_url or ""))


def settings_here() -> Settings:
    """The settings of the gateway in this environment, or of the stack of this checkout. Raises `WrongUsage`
    unless they are those of a deployment with users of its own."""
    settings_file.load()
    clean_process()
    key_files.adopt(os.environ)
    complete_for_commands(os.environ)
    try:
        settings = from_environment()
    except ValidationError as error:
        raise WrongUsage(explain(error)) from error
    except WrongSetting as error:
        raise WrongUsage(error.sentence) from error
    if settings.login != "embedded":
        raise WrongUsage(OFF.format(login=settings.login))
    return settings


def failure(error: LoginError, settings: Settings) -> Failure:
    """What the person at the terminal has to do."""
    url = settings.go_api_base_url
    if isinstance(error, LoginUnavailable):
        text = NOT_REACHED if isinstance(error.__cause__, NotReached) else NOT_READY
        return Failure(text.format(url=url))
    if isinstance(error, LoginOff):
        return Failure(NO_SIGN_IN.format(url=url))
    if isinstance(error, TenantRefused):
        return Failure(WRONG_KEYS.format(url=url, secret=settings.sources(TENANT)[0]))
    return Failure(error.sentence or "The API refuses this without saying why; look at its log.")


async def for_each(names: Sequence[str], one: Callable[[str], Awaitable[None]]) -> None:
    """Does something for each name, and goes on with the others where it cannot be done for one. Raises
    `Failure` in the end if there was such a name."""
    failed = 0
    for name in names:
        try:
            await one(name)
        except (Failure, WrongRequest) as error:
            if len(names) == 1:
                raise
            said = error.message if isinstance(error, Failure) else error.sentence
            click.echo(f"{printable(name)}: {said}", err=True)
            failed += 1
    if failed:
        raise Failure(f"Not done for {failed} of {len(names)}; see above.")
