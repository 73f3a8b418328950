"""OAuth spoken by hand, as a client writes it on the wire, so that a test can say what no library says."""

import base64
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from tests.harness.log_search import Kind, confide

Visit = Callable[[str], Awaitable[str]]
"""A person who opens an address in a browser: returns where the last redirect led, without going there."""

METADATA = re.compile(r'resource_metadata="([^"]+)"')


def client(address: str = "127.0.0.1") -> httpx.AsyncClient:
    """Requests that come from this address of the machine."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    return httpx.AsyncClient(transport=transport, trust_env=False, timeout=30)


@dataclass(frozen=True)
class Code:
    """What came back to the client's redirect URI, and what belongs to it."""

    answer: dict[str, str]
    redirect_uri: str
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class Discovered:
    """A protected endpoint and its authorization server, found as clients find them: by the challenge
    (RFC 9728), then by the metadata (RFC 8414)."""

    endpoint: str
    resource: dict[str, Any]
    server: dict[str, Any]

    @classmethod
    async def at(cls, endpoint: str) -> Self:
        """`endpoint` as a person typed it."""
        async with client() as http:
            challenge = (await http.get(endpoint)).headers.get("WWW-Authenticate", "")
            found = METADATA.search(challenge)
            assert found, f"{endpoint} does not say where its metadata is: {challenge!r}"
            resource = (await http.get(found[1])).raise_for_status().json()
            issuer = urlsplit(resource["authorization_servers"][0])
            path = f"/.well-known/oauth-authorization-server{issuer.path.rstrip('/')}"
            server = (await http.get(f"{issuer.scheme}://{issuer.netloc}{path}")).raise_for_status().json()
        return cls(endpoint, resource, server)

    async def register(self, *redirect_uris: str, **metadata: Any) -> httpx.Response:
        """Dynamic registration (RFC 7591), of a public client unless `metadata` says otherwise."""
        asked = {"redirect_uris": redirect_uris, "token_endpoint_auth_method": "none", **metadata}
        async with client() as http:
            return await http.post(self.server["registration_endpoint"], json=asked)

    def authorization(self, client_id: str, redirect_uri: str, **changes: str | None) -> tuple[str, str, str]:
        """The address for the browser, its state and its PKCE verifier. A parameter that is None is left
        out."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "scope": "read write",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            "resource": self.resource["resource"],
            **changes,
        }
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return f"{self.server['authorization_endpoint']}?{query}", state, verifier

    async def authorize(self, visit: Visit, client_id: str, redirect_uri: str, **changes: str | None) -> Code:
        """A person signs in and agrees; the code comes to the redirect URI with the state."""
        address, state, verifier = self.authorization(client_id, redirect_uri, **changes)
        reached = await visit(address)
        assert reached.startswith(redirect_uri), f"the browser ends at: {reached}"
        answer = {name: values[0] for name, values in parse_qs(urlsplit(reached).query).items()}
        assert answer.get("state") == changes.get("state", state), "another state came back"
        confide(Kind.SECRET, answer.get("code", ""))
        return Code(answer, redirect_uri, verifier)

    async def token(
        self, form: Mapping[str, str], *, auth: tuple[str, str] = ("", ""), address: str = "127.0.0.1"
    ) -> httpx.Response:
        """A request to the token endpoint from an address of this machine, by Basic with `auth`."""
        async with client(address) as http:
            basic = httpx.BasicAuth(*auth) if any(auth) else httpx.Auth()
            answer = await http.post(self.server["token_endpoint"], data=dict(form), auth=basic)
        if answer.is_success:
            for name in ("access_token", "refresh_token"):
                confide(Kind.TOKEN, answer.json().get(name, ""))
        return answer

    async def redeem(self, client_id: str, code: Code) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code.answer["code"],
            "client_id": client_id,
            "redirect_uri": code.redirect_uri,
            "code_verifier": code.verifier,
        }
        return await self.token(form)

    async def refresh(self, client_id: str, token: str, address: str = "127.0.0.1") -> httpx.Response:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": client_id,
            "resource": self.resource["resource"],
        }
        return await self.token(form, address=address)

    async def sign_in(self, visit: Visit, redirect_uri: str = "http://127.0.0.1:7/callback") -> "SignedIn":
        """A public client that has registered, and the tokens that a person gave it."""
        registered = (await self.register(redirect_uri)).raise_for_status().json()
        code = await self.authorize(visit, registered["client_id"], redirect_uri)
        tokens = (await self.redeem(registered["client_id"], code)).raise_for_status().json()
        return SignedIn(registered["client_id"], redirect_uri, tokens)


@dataclass(frozen=True)
class SignedIn:
    client_id: str
    redirect_uri: str
    tokens: dict[str, Any] = field(repr=False)

    @property
    def refresh_token(self) -> str:
        return str(self.tokens["refresh_token"])
