"""A person in front of a browser: fills in the forms of the gateway and of the provider, over real HTTP."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from fastmcp import Client
from fastmcp.client.transports import SSETransport, StreamableHttpTransport
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientMetadata,
    OAuthToken,
)

from tests.harness.client_memory import ClientMemory
from tests.harness.clients import Tools

CALLBACK = "http://127.0.0.1:1/callback"
MOST_PAGES = 20


class Form(HTMLParser):
    """The first form of a page, with the values that its fields have."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.buttons: list[tuple[str, str]] = []
        self._is_open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action, self._is_open = given.get("action", ""), True
        elif self._is_open and tag == "input" and "name" in given:
            self.fields[given["name"]] = given.get("value", "")
        elif self._is_open and tag == "button" and "name" in given:
            self.buttons.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_open = False


class Browser:
    """Follows addresses and answers forms as `name`, up to an address that begins with `callback`."""

    def __init__(self, name: str = "ann", callback: str = CALLBACK) -> None:
        self.name = name
        self.callback = callback
        self.pages: list[httpx.Response] = []
        """The pages with forms that were seen."""

        self.agrees = True
        self.cookies = httpx.Cookies()

    async def visit(self, address: str, until: str = "") -> str:
        """The address at which the client, or a path that begins with `until`, gets the answer."""
        async with httpx.AsyncClient(trust_env=False, timeout=30, cookies=self.cookies) as http:
            try:
                return await self._followed(http, address, until)
            finally:
                self.cookies = http.cookies

    async def _followed(self, http: httpx.AsyncClient, address: str, until: str) -> str:
        answer = await http.get(address)
        for _ in range(MOST_PAGES):
            if answer.is_redirect:
                address = urljoin(str(answer.url), answer.headers["Location"])
                if address.startswith(self.callback) or (until and urlsplit(address).path.startswith(until)):
                    return address
                answer = await http.get(address)
                continue
            assert answer.status_code == 200, f"{answer.status_code} {answer.url}: {answer.text}"
            self.pages.append(answer)
            answer = await self._filled(http, answer)
        raise AssertionError("the pages have no end")

    async def _filled(self, http: httpx.AsyncClient, page: httpx.Response) -> httpx.Response:
        form = Form(page.text)
        fields = dict(form.fields)
        if "login" in fields:
            fields |= {"login": self.name, "password": "any"}
        wanted = "approve" if self.agrees else "deny"
        fields |= dict([button for button in form.buttons if button[1] == wanted][:1])
        address = urljoin(str(page.url), form.action or "")
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(address))
        return await http.post(address, data=fields, headers={"Origin": origin})


class Person:
    """Somebody who connects the official client library of Python."""

    def __init__(self, name: str = "ann") -> None:
        self.browser = Browser(name)
        self.memory = ClientMemory()
        self.visits: list[str] = []
        self.arrived_at = ""

    @property
    def tokens(self) -> OAuthToken:
        assert self.memory.tokens
        return self.memory.tokens

    @property
    def client_id(self) -> str:
        assert self.memory.client
        assert self.memory.client.client_id
        return self.memory.client.client_id

    async def visit(self, address: str) -> None:
        self.visits.append(address)
        self.arrived_at = await self.browser.visit(address)

    async def came_back(self) -> AuthorizationCodeResult:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.arrived_at).query).items()}
        return AuthorizationCodeResult(code=query["code"], state=query.get("state"), iss=query.get("iss"))

    def provider(self, address: str, redirects: Sequence[str] = (CALLBACK,)) -> OAuthClientProvider:
        metadata = OAuthClientMetadata.model_validate(
            {
                "redirect_uris": list(redirects),
                "client_name": "a client",
                "token_endpoint_auth_method": "none",
            }
        )
        return OAuthClientProvider(address, metadata, self.memory, self.visit, self.came_back)

    @asynccontextmanager
    async def connected(self, gateway_url: str, endpoint: str) -> AsyncIterator[Tools]:
        address = f"{gateway_url}/{endpoint}"
        make: Any = SSETransport if endpoint.startswith("sse") else StreamableHttpTransport
        async with Client(make(address, auth=self.provider(address))) as client:
            yield Tools(client)
