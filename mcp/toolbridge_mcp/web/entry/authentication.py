"""Authentication of every request by its bearer token (RFC 6750). FastMCP sees no request without one."""

from typing import Any

from fastmcp.server.auth import TokenVerifier
from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, BaseUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import Response

from toolbridge_mcp.auth import KeysUnavailable, UserTokenVerifier
from toolbridge_mcp.identity import AccessToken, authenticated
from toolbridge_mcp.web.entry.address import Address, endpoint_of, route_path
from toolbridge_mcp.web.entry.toolsets import ToolsetsInAddresses
from toolbridge_mcp.web.refusals import RETRY_AFTER_SECONDS, refusal


class Refused(AuthenticationError):
    """A request that is not let in. `code` is the error code of RFC 6750, section 3.1."""

    status = 401
    code: str | None = None
    description = "Sign in, or send one token as Authorization: Bearer."


class TokenMissing(Refused):
    """No token, several, or one that is not a bearer token. There is no error code without credentials."""


class TokenInvalid(Refused):
    code = "invalid_token"
    description = "The token is not valid, or has expired; sign in again."


class ScopeInsufficient(Refused):
    """The token is valid and has none of our scopes."""

    status = 403
    code = "insufficient_scope"
    description = "The token allows nothing here; sign in again."


class TokenUnverifiable(Refused):
    """The token may be valid: there is no key to check it with. A 401 would make clients throw it away."""

    status = 503
    code = "temporarily_unavailable"
    description = "Tokens cannot be checked at the moment; try again."


class BearerTokenBackend(AuthenticationBackend):
    """Authenticates a request by the bearer token in `Authorization` (RFC 6750, section 2.1)."""

    def __init__(self, verifier: UserTokenVerifier) -> None:
        self._verifier = verifier

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser]:
        """Raises `Refused`."""
        try:
            token = await self._verifier.verify_token(_bearer_token(conn))
        except KeysUnavailable as error:
            raise TokenUnverifiable from error
        if token is None:
            raise TokenInvalid
        if not self._verifier.scopes.allow_anything(token.scopes):
            raise ScopeInsufficient
        return authenticated(token)


class BearerAuthProvider(TokenVerifier):
    """The `auth=` of FastMCP: its middleware authenticates every request and answers the others.

    The answer is 401 or 403 with a challenge that says where to get a better token (RFC 6750, section 3;
    RFC 9728, section 5.1), or 503 while tokens cannot be checked.
    """

    def __init__(self, verifier: UserTokenVerifier, address: Address, toolsets: ToolsetsInAddresses) -> None:
        super().__init__()
        self._verifier = verifier
        self._address = address
        self._toolsets = toolsets

    async def verify_token(self, token: str) -> AccessToken | None:
        return await self._verifier.verify_token(token)

    def get_middleware(self) -> list[Any]:
        backend = BearerTokenBackend(self._verifier)
        return [Middleware(AuthenticationMiddleware, backend=backend, on_error=self._refuse)]

    def _refuse(self, conn: HTTPConnection, error: AuthenticationError) -> Response:
        if not isinstance(error, Refused):
            raise error
        answer = refusal(error.status, error.code or "invalid_request", error.description)
        if isinstance(error, TokenUnverifiable):
            answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        else:
            answer.headers["WWW-Authenticate"] = self._challenge(conn, error)
        return answer

    def _challenge(self, conn: HTTPConnection, error: Refused) -> str:
        scopes = " ".join(self._verifier.scopes.requested)
        endpoint = endpoint_of(route_path(conn.scope)) or ""
        parts = [f'error="{error.code}"', f'error_description="{error.description}"'] if error.code else []
        parts.append(f'scope="{scopes}"')
        metadata = self._address.metadata_url(conn.scope, endpoint) + self._toolsets.query_of(conn.scope)
        parts.append(f'resource_metadata="{metadata}"')
        return f"Bearer {', '.join(parts)}"


def _bearer_token(conn: HTTPConnection) -> str:
    """Raises `TokenMissing`."""
    values = conn.headers.getlist("authorization")
    scheme, _, token = values[0].partition(" ") if values else ("", "", "")
    if scheme.lower() != "bearer" or len(values) > 1:
        raise TokenMissing
    return token.strip(" ")
