"""A deployment with a sign-in of its own, whose access tokens are good for a minute."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.clients import settings_for
from tests.harness.processes import Process, api_process, gateway_process, running
from toolbridge_mcp.login.api import LoginApi
from toolbridge_mcp.rings import Rings
from toolbridge_mcp.transport import Signer

LIFETIME = 60
"""Seconds. The API signs none for less."""

PROGRAM = "tests.real_clients.signing_in.gateway_program"
PASSWORD = "seven green bridges over the river"
HERE = "127.0.0.1"


@dataclass(frozen=True)
class Deployment:
    api: Process
    gateway: Process

    def login(self) -> LoginApi:
        """The API's routes for the sign-in."""
        settings = settings_for(self.api.url)
        return LoginApi.of(settings, Signer.of(settings, Rings.of(settings).tenant))

    async def account(self, name: str) -> tuple[str, str]:
        """Name and password of a new account."""
        async with self.login() as login:
            added = await login.add_account(name)
            await login.redeem_link(added.link.token, password=PASSWORD, address=HERE)
        return name, PASSWORD

    async def disconnect(self, name: str) -> None:
        """Ends all that the account's clients may do, as a person does who signs out everywhere."""
        async with self.login() as login:
            begun = await login.begin_session(name, password=PASSWORD, address=HERE)
            await login.end_session(begun.session, everywhere=True)


@contextmanager
def deployment(api: Path, folder: Path, **settings: str) -> Iterator[Deployment]:
    """`api` is its binary, and `settings` are more of the gateway's environment."""
    with running(api_process(api, folder, LOGIN="embedded")) as behind:
        login = {"TOOLBRIDGE_LOGIN": "embedded", "TOOLBRIDGE_LOGIN_ACCESS_SECONDS": str(LIFETIME)}
        gateway = gateway_process(behind.url, folder, **login, **settings)
        gateway.command[:] = [sys.executable, "-m", PROGRAM]
        with running(gateway) as front:
            yield Deployment(behind, front)
