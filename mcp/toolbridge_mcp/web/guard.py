"""The door: no valid token, no word with FastMCP."""

from typing import Any

from fastmcp.server.auth import AccessToken, TokenVerifier
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.authentication import AuthCredentials
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from toolbridge_mcp.auth import KeysUnavailable, UserTokenVerifier
from toolbridge_mcp.web.address import Address, endpoint_of

RETRY_SECONDS = 5


class Door(TokenVerifier):
    """FastMCP's way to protect its HTTP applications, with `BearerGuard` in place of its own middleware."""

    def __init__(self, verifier: UserTokenVerifier, address: Address) -> None:
        super().__init__()
        self.verifier = verifier
        self.address = address

    async def verify_token(self, token: str) -> AccessToken | None:
        return await self.verifier.verify_token(token)

    def get_middleware(self) -> list[Any]:
        return [Middleware(BearerGuard, door=self)]


class BearerGuard:
    """Lets a request in with the user of its one bearer token (RFC 6750, section 2.1).

    Others get 401, or 403 if the token allows nothing here, with a challenge that tells where to get a better
    one (RFC 6750, section 3; RFC 9728, section 5.1); and 503 while tokens cannot be checked.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            refusal = await self._authenticate(scope)
        except KeysUnavailable:
            refusal = _refusal(
                503, "temporarily_unavailable", "Tokens cannot be checked at the moment; try again."
            )
            refusal.headers["Retry-After"] = str(RETRY_SECONDS)
        await (refusal or self._app)(scope, receive, send)

    async def _authenticate(self, scope: Scope) -> Response | None:
        """Puts the user into the scope, or returns the refusal."""
        given = Headers(scope=scope).getlist("authorization")
        scheme, _, token = given[0].partition(" ") if given else ("", "", "")
        if scheme.lower() != "bearer" or len(given) > 1:
            return self._challenge(scope, 401, None, "Sign in, or send one token as Authorization: Bearer.")
        access = await self._door.verify_token(token.strip())
        if access is None:
            return self._challenge(
                scope, 401, "invalid_token", "The token is not valid, or has expired; sign in again."
            )
        scopes = self._door.verifier.scopes
        if not {scopes.read, scopes.write} & set(access.scopes):
            return self._challenge(
                scope, 403, "insufficient_scope", "The token allows nothing here; sign in again."
            )
        scope["user"], scope["auth"] = AuthenticatedUser(access), AuthCredentials(access.scopes)
        return None

    def _challenge(self, scope: Scope, status: int, error: str | None, says: str) -> Response:
        """Without credentials there is no error code (RFC 6750, section 3.1)."""
        scopes = self._door.verifier.scopes
        endpoint = endpoint_of(_route_path(scope)) or ""
        parts = [f'error="{error}"', f'error_description="{says}"'] if error else []
        parts.append(f'scope="{scopes.read} {scopes.write}"')
        parts.append(f'resource_metadata="{self._door.address.metadata_url(scope, endpoint)}"')
        refusal = _refusal(status, error or "invalid_request", says)
        refusal.headers["WWW-Authenticate"] = f"Bearer {', '.join(parts)}"
        return refusal


def _refusal(status: int, error: str, says: str) -> Response:
    return JSONResponse({"error": error, "error_description": says}, status_code=status)


def _route_path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
