"""A real OAuth authorization server on loopback, built with Authlib, for tests.

It signs JWT access tokens (RFC 9068), publishes keys and metadata (RFC 8414), registers clients (RFC 7591),
and grants authorization codes with PKCE (RFC 7636), refresh tokens that are good once, client credentials
and token exchange (RFC 8693). Whoever comes to the authorization endpoint is `signed_in` and consents.
"""

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, jsonify, request
from joserfc import jwt
from joserfc.jwk import ECKey, KeyParameters, KeySet, RSAKey
from werkzeug.serving import make_server

from tests.harness.authorization_grants import (
    METHODS,
    SCOPES,
    TOKEN_EXCHANGE,
    Code,
    Refresh,
    Registration,
    Subject,
    audience,
    authlib_server,
)
from tests.harness.processes import free_port

SERVICE = ("the gateway", "secret of the gateway: +/&=%")
"""Id and secret of a client for token exchange and client credentials, with characters that need quoting."""


@dataclass
class AuthorizationServer:
    """The server, and what tests want to know and to change of it while it runs."""

    algorithm: str = "RS256"
    lifetime: int = 3600
    """Seconds for which access tokens are good from now on."""

    signed_in: str = "ann"
    failure: int | None = None
    """Status that the token endpoint answers with in place of its work."""

    garbage: str | None = None
    """Text that the token endpoint answers with in place of a token."""

    gate: threading.Event = field(default_factory=threading.Event)
    """While it is cleared the token endpoint holds its answers back."""

    port: int = field(default_factory=free_port)
    trusts: dict[str, str] = field(default_factory=dict)
    """Others whose tokens it exchanges: their key sets, by issuer."""

    forms: list[dict[str, str]] = field(default_factory=list)
    """The forms that came to the token endpoint."""

    clients: dict[str, Registration] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    refreshes: dict[str, Refresh] = field(default_factory=dict)
    keys: list[Any] = field(default_factory=list)
    """The last one signs."""

    withdrawn: set[str] = field(default_factory=set)
    """Ids of keys that are not published any more."""

    def __post_init__(self) -> None:
        self.gate.set()
        self.rotate()
        name, secret = SERVICE
        self.clients[name] = Registration(
            name, secret, "client_secret_basic", (TOKEN_EXCHANGE, "client_credentials")
        )
        self._app = _application(self)
        self._thread: threading.Thread | None = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token_url(self) -> str:
        return f"{self.issuer}/token"

    @property
    def jwks_url(self) -> str:
        return f"{self.issuer}/jwks.json"

    def verifiers(self, *audience: str) -> dict[str, str]:
        """Settings of a process that takes this server's tokens for these audiences."""
        return {
            "JWT_JWKS_URL": self.jwks_url,
            "JWT_ISSUER": self.issuer,
            "JWT_AUDIENCE": " ".join(audience),
        }

    def rotate(self, *, withdraw: bool = False) -> None:
        """A new key signs from now on; the others stay published for their tokens, or are withdrawn."""
        if withdraw:
            self.withdrawn = {key.kid for key in self.keys}
        self.keys.append(self._new_key(secrets.token_hex(4)))

    def _new_key(self, kid: str) -> Any:
        about: KeyParameters = {"kid": kid, "alg": self.algorithm, "use": "sig"}
        if self.algorithm == "RS256":
            return RSAKey.generate_key(2048, about)
        return ECKey.generate_key("P-256", about)

    def grants(self, grant_type: str) -> list[dict[str, str]]:
        """The requests of one kind."""
        return [form for form in self.forms if form.get("grant_type") == grant_type]

    def sign(self, sub: str, audience: str, *, expires_in: int = 3600, scope: str = "read write") -> str:
        """A token as if `sub` had signed in with a client of theirs."""
        now = int(time.time())
        claims: dict[str, Any] = {"iss": self.issuer, "aud": audience, "sub": sub, "scope": scope}
        claims |= {"client_id": "tests", "iat": now, "exp": now + expires_in, "jti": secrets.token_hex(8)}
        header = {"alg": self.algorithm, "typ": "at+jwt", "kid": self.keys[-1].kid}
        return jwt.encode(header, claims, self.keys[-1], algorithms=[self.algorithm])

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": self.token_url,
            "registration_endpoint": f"{self.issuer}/register",
            "jwks_uri": self.jwks_url,
            "scopes_supported": SCOPES,
            "response_types_supported": ["code"],
            "grant_types_supported": [
                "authorization_code",
                "refresh_token",
                "client_credentials",
                TOKEN_EXCHANGE,
            ],
            "token_endpoint_auth_methods_supported": METHODS,
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def start(self) -> None:
        self._server = make_server("127.0.0.1", self.port, self._app, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """The port refuses connections from now on."""
        if self._thread is None:
            return
        self.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._thread = None


@contextmanager
def running_authorization_server(**changes: Any) -> Iterator[AuthorizationServer]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = AuthorizationServer(**changes)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _application(state: AuthorizationServer) -> Flask:
    app = Flask("authorization server")
    oauth = authlib_server(state)

    @app.get("/authorize")
    def authorize() -> Any:
        user = Subject(state.signed_in, audience(None))
        return oauth.create_authorization_response(
            grant=oauth.get_consent_grant(end_user=user), grant_user=user
        )

    @app.post("/token")
    def token() -> Any:
        state.forms.append(request.form.to_dict())
        state.gate.wait(10)
        if state.failure is not None:
            return Response("no", status=state.failure)
        if state.garbage is not None:
            return Response(state.garbage, content_type="application/json")
        return oauth.create_token_response()

    @app.post("/register")
    def register() -> Any:
        return oauth.create_endpoint_response("client_registration")

    @app.get("/jwks.json")
    def jwks() -> Any:
        published = [key for key in state.keys if key.kid not in state.withdrawn]
        return jsonify(KeySet(published).as_dict(private=False))

    @app.get("/.well-known/oauth-authorization-server")
    def metadata() -> Any:
        return jsonify(state.metadata())

    return app
