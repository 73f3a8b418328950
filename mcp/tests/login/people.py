"""Accounts and their tokens, made by the API's own routes, without the pages and OAuth in front of them."""

import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self
from uuid import uuid4

from tests.harness.clients import settings_for
from tests.harness.log_search import Kind, confide
from toolbridge_mcp.login import answers
from toolbridge_mcp.login.api import LoginApi
from toolbridge_mcp.transport import Signer

ADDRESS = "192.0.2.1"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
REDIRECT = "http://127.0.0.1/callback"
CLIENT = answers.Client(
    id="https://client.example/metadata", name="Client of the tests", host="client.example"
)
LIFETIME = 1_800


@dataclass
class Connected:
    """What one client has of one user."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)

    @property
    def connection(self) -> str:
        """Its id, which every access token of it names."""
        payload = self.access.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["sid"])

    @classmethod
    def of(cls, tokens: answers.Tokens) -> Self:
        assert tokens.refresh_token
        return cls(confide(Kind.TOKEN, tokens.access_token), confide(Kind.SECRET, tokens.refresh_token))


@dataclass
class Person:
    """An account whose user has signed in."""

    account: answers.Account
    session: str = field(repr=False)


@dataclass
class People:
    """The users of one gateway, whose `issuer` is the address that its tokens name."""

    api: LoginApi
    issuer: str

    async def signed_in(self, name: str = "") -> Person:
        """Somebody new, who has followed an invitation."""
        invited = await self.api.add_account(name or f"person-{uuid4()}")
        return await self.redeemed(invited.link.token)

    async def redeemed(self, link: str) -> Person:
        """Whoever sets a password by a link."""
        password = confide(Kind.SECRET, f"{uuid4()} of the tests")
        begun = await self.api.redeem_link(link, password=password, address=ADDRESS)
        return Person(begun.account, confide(Kind.SECRET, begun.session))

    async def connected(
        self, person: Person, endpoint: str = "", client: answers.Client = CLIENT
    ) -> Connected:
        """What a client has when the person has agreed."""
        resource = self.issuer + endpoint
        code = await self.api.issue_code(
            person.session,
            client=client,
            redirect_uri=REDIRECT,
            redirect_uri_given=True,
            challenge=CHALLENGE,
            scopes=["read", "write"],
            resource=resource,
        )
        tokens = await self.api.redeem_code(
            code, client_id=client.id, issuer=self.issuer, audience=resource, lifetime=LIFETIME
        )
        return Connected.of(tokens)

    async def renewed(
        self, before: Connected, endpoint: str = "", client: answers.Client = CLIENT
    ) -> Connected:
        tokens = await self.api.redeem_refresh(
            before.refresh,
            client_id=client.id,
            scopes=["read", "write"],
            issuer=self.issuer,
            audience=self.issuer + endpoint,
            lifetime=LIFETIME,
        )
        return Connected.of(tokens)

    async def service(self, scopes: list[str], endpoint: str = "") -> str:
        """A token of a new service."""
        added = await self.api.add_service(f"service-{uuid4()}", scopes)
        tokens = await self.api.service_token(
            added.service.id,
            secret=added.secret,
            scopes=scopes,
            issuer=self.issuer,
            audience=self.issuer + endpoint,
            lifetime=LIFETIME,
            address=ADDRESS,
        )
        return confide(Kind.TOKEN, tokens.access_token)


@asynccontextmanager
async def people(api_url: str, issuer: str, **settings: str) -> AsyncIterator[People]:
    """Those of the API at an address, by the secrets of the tests or by these settings."""
    given = settings_for(api_url, login="embedded", public_url=issuer, **settings)
    async with LoginApi.of(given, Signer.of(given)) as api:
        yield People(api, issuer)
