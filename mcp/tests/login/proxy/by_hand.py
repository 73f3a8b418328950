"""A client that speaks OAuth by hand, for what no official one does."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from tests.harness.log_search import Kind, confide
from tests.login.proxy.person import CALLBACK, Browser


@dataclass
class ByHand:
    """A client of the gateway at `url`, and the browser of its user."""

    url: str
    browser: Browser = field(default_factory=Browser)
    client_id: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    async def post(self, path: str, **form: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            answer = await http.post(f"{self.url}{path}", data=form)
        for name in ("access_token", "refresh_token"):
            if answer.is_success and answer.content and answer.json().get(name):
                confide(Kind.TOKEN, answer.json()[name])
        return answer

    async def register(self, *redirects: str, **more: Any) -> httpx.Response:
        asked = {
            "redirect_uris": list(redirects or (CALLBACK,)),
            "token_endpoint_auth_method": "none",
            **more,
        }
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"{self.url}/register", json=asked)
        if answer.is_success:
            self.client_id = answer.json()["client_id"]
        return answer

    def authorize_url(self, **changes: str | None) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "read write",
            "state": "of the client",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "resource": f"{self.url}/mcp",
            **changes,
        }
        return f"{self.url}/authorize?{urlencode({k: v for k, v in asked.items() if v is not None})}"

    async def sign_in(self, **changes: str | None) -> dict[str, str]:
        """What comes to the redirect URI."""
        if not self.client_id:
            assert (await self.register()).status_code == 201
        return arrived(await self.browser.visit(self.authorize_url(**changes)))

    async def redeem(self, code: str, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "code": confide(Kind.TOKEN, code),
            "code_verifier": self.verifier,
            **changes,
        }
        return await self.post("/token", **form)

    async def tokens(self, **changes: str | None) -> dict[str, Any]:
        """Signs in, and returns the tokens."""
        answer = await self.redeem((await self.sign_in(**changes))["code"])
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    async def refresh(self, token: str) -> httpx.Response:
        return await self.post(
            "/token", grant_type="refresh_token", client_id=self.client_id, refresh_token=token
        )


def arrived(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
