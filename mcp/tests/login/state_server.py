"""Keys of a sign-in, tokens that they sign, and a server that tells the state as the API does, for what the
real one does not do on demand: keys that change at once, answers that are wrong."""

import asyncio
import json
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, Key

from tests.harness.clients import settings_for
from tests.harness.log_search import Kind, confide
from tests.harness.processes import free_port
from toolbridge_mcp.login.shared import Login
from toolbridge_mcp.transport import Signer

ISSUER = "https://tools.example/one"
STATE = "/v1/login/state"


def new_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})


def access_token(key: Key, *, algorithm: str = "ES256", header: Any = None, **claims: Any) -> str:
    """A token as the API makes them, but for the changes. What is None is left out."""
    now = int(time.time())
    head = {"alg": algorithm, "typ": "at+jwt", "kid": key.kid, **(header or {})}
    body = {
        "iss": ISSUER,
        "sub": "u_ann",
        "aud": f"{ISSUER}/mcp",
        "client_id": "https://client.example/metadata",
        "scope": "read write",
        "iat": now,
        "exp": now + 1_800,
        "jti": "1",
        "sid": "family-1",
        **claims,
    }
    present = [{name: value for name, value in part.items() if value is not None} for part in (head, body)]
    with warnings.catch_warnings(action="ignore"):
        return confide(Kind.TOKEN, jwt.encode(present[0], present[1], key, algorithms=[algorithm]))


@dataclass
class StateServer:
    """Tells `keys` and `revoked`; with a status other than 200 an error of this code instead."""

    keys: list[Key]
    revoked: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    code: str = "unavailable"
    body: str | None = None
    """What is sent instead of all that."""

    asked: int = 0
    url: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        app = web.Application()
        app.router.add_get(STATE, self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    def change(
        self,
        *,
        keys: list[Key] | None = None,
        status: int = 200,
        code: str = "unavailable",
        body: str | None = None,
    ) -> None:
        """What it tells from now on."""
        self.keys = self.keys if keys is None else keys
        self.status, self.code, self.body = status, code, body

    def login(self) -> Login:
        """The gateway's half, which asks this server."""
        settings = settings_for(self.url, login="embedded", public_url=ISSUER, JWT_HS256_SECRET=None)
        login = Login.of(settings, Signer.of(settings))
        assert login
        return login

    async def _answer(self, request: web.Request) -> web.Response:
        assert request.headers["Signature"]
        self.asked += 1
        await asyncio.sleep(0)
        if self.body is not None:
            return web.Response(text=self.body, content_type="application/json")
        if self.status != 200:
            return web.json_response({"error": "no", "code": self.code}, status=self.status)
        return web.Response(text=json.dumps(self.document()), content_type="application/json")

    def document(self) -> dict[str, Any]:
        keys = [{**key.as_dict(private=False), "alg": "ES256", "use": "sig"} for key in self.keys]
        return {"keys": keys, "seal": "A" * 43, "revoked": self.revoked, "accounts": 1}
