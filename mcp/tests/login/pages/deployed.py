"""A deployment with a sign-in of its own, and what a test needs of it: accounts, links, clients."""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlencode

import httpx

from tests.harness.clients import settings_for
from tests.harness.log_search import Kind, confide
from tests.harness.processes import Process, api_process, gateway_process, running
from tests.login.pages.visitor import Visitor
from toolbridge_mcp.login.answers import AccountWithLink
from toolbridge_mcp.login.api import LoginApi
from toolbridge_mcp.rings import Rings
from toolbridge_mcp.transport import Signer

PASSWORD = "seven green bridges over the river"

T = TypeVar("T")


@dataclass(frozen=True)
class Client:
    """A client that is registered, and what it sends to /authorize."""

    id: str
    redirect_uri: str
    verifier: str

    def asks(self, scope: str = "read write", **more: str) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=")
        return urlencode(
            {
                "response_type": "code",
                "client_id": self.id,
                "redirect_uri": self.redirect_uri,
                "code_challenge": challenge.decode(),
                "code_challenge_method": "S256",
                "scope": scope,
                "state": "state of the client",
                **more,
            }
        )


@dataclass(frozen=True)
class Deployed:
    gateway: Process
    api: Process
    url: str
    """The address under which browsers know the gateway."""

    def invite(self, name: str, shown: str | None = None) -> str:
        """Adds an account; returns the path of its invitation."""
        return _path(self._asked(lambda api: api.add_account(name, shown=shown or f"{name.title()} Example")))

    def new_link(self, name: str, purpose: Literal["invitation", "reset"]) -> str:
        async def ask(api: LoginApi) -> AccountWithLink:
            return await api.new_link((await api.account_named(name)).id, purpose)

        return _path(self._asked(ask))

    def disable(self, name: str) -> None:
        async def ask(api: LoginApi) -> None:
            await api.disable((await api.account_named(name)).id)

        self._asked(ask)

    def person(self, name: str) -> str:
        """Adds an account that has its password; returns its name."""
        path = self.invite(name)
        with Visitor(self.gateway.url) as visitor:
            page = visitor.send(visitor.open(path), "/invitation", new=PASSWORD, repeat=PASSWORD)
            assert page.path == "/connections", page.words
        return name

    def client(self, redirect_uri: str, name: str = "Quiet Notes") -> Client:
        answer = httpx.post(
            f"{self.gateway.url}/register",
            json={
                "client_name": name,
                "redirect_uris": [redirect_uri],
                "token_endpoint_auth_method": "none",
            },
            trust_env=False,
        )
        assert answer.status_code == 201, answer.text
        return Client(answer.json()["client_id"], redirect_uri, secrets.token_urlsafe(48))

    def redeem(self, client: Client, code: str) -> httpx.Response:
        return httpx.post(
            f"{self.gateway.url}/token",
            data={
                "grant_type": "authorization_code",
                "code": code,
                "client_id": client.id,
                "redirect_uri": client.redirect_uri,
                "code_verifier": client.verifier,
            },
            trust_env=False,
        )

    def _asked(self, ask: Callable[[LoginApi], Awaitable[T]]) -> T:
        async def asked() -> T:
            settings = settings_for(self.api.url)
            async with LoginApi.of(settings, Signer.of(settings, Rings.of(settings).tenant)) as api:
                return await ask(api)

        return asyncio.run(asked())


def _path(made: AccountWithLink) -> str:
    confide(Kind.SECRET, made.link.token)
    confide(Kind.SECRET, PASSWORD)
    return f"/invitation?{urlencode({'token': made.link.token})}"


@contextmanager
def deployed(binary: Path, folder: Path, url: str | None = None, **settings: str) -> Iterator[Deployed]:
    """`url` is the public address, if it is another one than the gateway's own."""
    with ExitStack() as stack:
        api = stack.enter_context(running(api_process(binary, folder, LOGIN="embedded")))
        more = {"TOOLBRIDGE_PUBLIC_URL": url} if url else {}
        gateway = gateway_process(api.url, folder, TOOLBRIDGE_LOGIN="embedded", **more, **settings)
        yield Deployed(stack.enter_context(running(gateway)), api, url or gateway.url)
