"""Where end-to-end tests take place: a stack of their own, or a gateway whose address is given."""

import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.access_log import AccessLog
from tests.harness.clients import Rest, Tools, over_sse, token
from tests.harness.processes import JWT_HS256_SECRET, TENANT_HEADER_SECRET, Process
from tests.harness.published import Json, Kind

ISSUER = "end-to-end-tests"
"""No address, so no client looks for it on the network."""

AUDIENCE = "end-to-end"
STACK_SETTINGS = {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}
LEAST_LENGTH = 40
"""A log may well contain a shorter line of a document by chance."""

TOKEN = re.compile(rb"eyJ[\w-]+\.[\w-]+\.")


class Reader:
    """Reads through the tools what one user has stored, tombstones included."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def item(self, kind: Kind, uid: str) -> Json:
        return await self._tools.call(f"get_{kind.name}", uid=uid, include_deleted=True)

    async def all_uids(self, kind: Kind) -> list[str]:
        pages = await self._tools.pages(f"list_{kind.plural}", include_deleted=True)
        return [item["uid"] for page in pages for item in page]


class RestReader(Reader):
    """The same through REST, without the gateway."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def item(self, kind: Kind, uid: str) -> Json:
        return await self._rest.json("GET", f"/v1/{kind.plural}/{uid}?includeDeleted=true")

    async def all_uids(self, kind: Kind) -> list[str]:
        return await self._rest.all_uids(kind.plural)


@dataclass(frozen=True)
class GivenGateway:
    """A gateway at an address that is given, and the token of the one user who may be taken."""

    url: str
    token: str = field(repr=False)

    def token_of(self, user: str) -> str:  # noqa: ARG002  there is only one
        return self.token

    def confide(self, texts: Iterable[str]) -> None:
        """Nothing to remember: the logs there cannot be read."""

    @asynccontextmanager
    async def reader(self, user: str) -> AsyncIterator[Reader]:
        async with over_sse(self.url, self.token_of(user)) as tools:
            yield Reader(tools)


@dataclass(frozen=True)
class OwnStack:
    """All of the container, started as it is there, and what its callers need."""

    process: Process
    confided: set[str] = field(default_factory=lambda: {TENANT_HEADER_SECRET, JWT_HS256_SECRET})
    """Texts that no log may hold."""

    @property
    def url(self) -> str:
        return self.process.url

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.process.environment['API_PORT']}"

    def token_of(self, user: str | None, **changes: Any) -> str:
        """A token as this stack wants it, but for the changes. A claim that is None is left out."""
        return token(user, **{"iss": ISSUER, "aud": AUDIENCE, **changes})

    def confide(self, texts: Iterable[str]) -> None:
        """Remembers texts that no log may hold."""
        self.confided.update(text for text in texts if len(text) >= LEAST_LENGTH)

    @asynccontextmanager
    async def rest(self, user: str) -> AsyncIterator[Rest]:
        client = Rest(self.api_url, self.token_of(user))
        yield client
        await client.aclose()

    @asynccontextmanager
    async def reader(self, user: str) -> AsyncIterator[Reader]:
        async with self.rest(user) as rest:
            yield RestReader(rest)

    async def access_log(self) -> AccessLog:
        """The API's requests from now on."""
        return await AccessLog.begin(self.process.log, self.api_url)


@dataclass(frozen=True)
class ExistingApi:
    """A gateway alone, in front of an API that is not of this repository."""

    gateway: Process
    confided: set[str] = field(default_factory=lambda: {TENANT_HEADER_SECRET, JWT_HS256_SECRET})

    @property
    def url(self) -> str:
        return self.gateway.url

    def token_of(self, user: str) -> str:
        return token(user)

    def confide(self, texts: Iterable[str]) -> None:
        """Remembers texts that the gateway's log may not hold."""
        self.confided.update(text for text in texts if len(text) >= LEAST_LENGTH)

    @asynccontextmanager
    async def reader(self, user: str) -> AsyncIterator[Reader]:
        async with over_sse(self.url, self.token_of(user)) as tools:
            yield Reader(tools)


Deployment = OwnStack | ExistingApi | GivenGateway


def expect_no_secret_in(log: Path, confided: Iterable[str]) -> None:
    """Fails if the log holds one of these texts, as it is or as JSON quotes it, or anything like a token.

    The failure does not quote what was found.
    """
    content = log.read_bytes()
    assert not TOKEN.search(content), f"{log} holds a token"
    needles = {quoted.encode() for text in confided for quoted in (text, json.dumps(text)[1:-1])}
    found = sum(needle in content for needle in needles)
    assert not found, f"{log} holds {found} of {len(needles)} texts that were confided to the programs"
