"""Authentication of every request by its bearer token (RFC 6750). FastMCP sees no request without one."""

from time import perf_counter
from typing import Any, Protocol

from fastmcp.server.auth import TokenVerifier
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from toolbridge_mcp.auth import KeysUnavailable, Scopes, TokenRevoked
from toolbridge_mcp.identity import AccessToken, Sender
from toolbridge_mcp.metrics import count_refusal
from toolbridge_mcp.web.entry.address import Address, endpoint_of, route_path
from toolbridge_mcp.web.entry.toolsets import ToolsetsInAddresses
from toolbridge_mcp.web.head import head_of
from toolbridge_mcp.web.refusals import RETRY_AFTER_SECONDS, refusal


class Refused(Exception):
    """A request that is not let in. `code` is the error code of RFC 6750, section 3.1, and `reason` the name
    in the metrics."""

    status = 401
    reason = ""
    code: str | None = None
    description = "Sign in, or send one token as Authorization: Bearer."


class TokenMissing(Refused):
    """No token, several, or one that is not a bearer token. There is no error code without credentials."""

    reason = "token_missing"


class TokenInvalid(Refused):
    reason = "token_invalid"
    code = "invalid_token"
    description = "The token is not valid, or has expired; sign in again."


class AccessRevoked(TokenInvalid):
    """The token was valid, and its user or somebody for them has ended what it stands for."""

    reason = "token_revoked"
    description = "The access was revoked; sign in again."


class ScopeInsufficient(Refused):
    """The token is valid and has none of our scopes."""

    status = 403
    reason = "scope_insufficient"
    code = "insufficient_scope"
    description = "The token allows nothing here; sign in again."


class TokenUnverifiable(Refused):
    """The token may be valid: there is no key to check it with. A 401 would make clients throw it away."""

    status = 503
    reason = "token_unverifiable"
    code = "temporarily_unavailable"
    description = "Tokens cannot be checked at the moment; try again."


class Verifier(Protocol):
    """Knows who sends a token. `UserTokenVerifier` is one."""

    scopes: Scopes

    async def verify_token(self, token: str) -> AccessToken | None: ...
    async def sender(self, token: str) -> Sender | None: ...


class BearerAuthProvider(TokenVerifier):
    """Authenticates requests before FastMCP sees them, and is FastMCP's `auth=`, so that it serves no other.

    The answer to a request without a good token is 401 or 403 with a challenge that says where to get a
    better one (RFC 6750, section 3; RFC 9728, section 5.1), or 503 while tokens cannot be checked.
    """

    def __init__(self, verifier: Verifier, address: Address, toolsets: ToolsetsInAddresses) -> None:
        super().__init__()
        self._verifier = verifier
        self._address = address
        self._toolsets = toolsets

    async def verify_token(self, token: str) -> AccessToken | None:
        return await self._verifier.verify_token(token)

    def get_middleware(self) -> list[Any]:
        """None: requests come to FastMCP as `authenticated` passes them on."""
        return []

    def authenticated(self, app: ASGIApp) -> ASGIApp:
        """`app` for requests with a good bearer token in `Authorization` (RFC 6750, section 2.1)."""

        async def for_senders(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                sender = await self._sender(scope)
            except Refused as refused:
                count_refusal(refused.reason)
                await self._refusal(scope, refused)(scope, receive, send)
                return
            sender.sign(scope)
            head_of(scope).verified_at = perf_counter()
            await app(scope, receive, send)

        return for_senders

    async def _sender(self, scope: Scope) -> Sender:
        """Raises `Refused`."""
        try:
            sender = await self._verifier.sender(_bearer_token(scope))
        except KeysUnavailable as error:
            raise TokenUnverifiable from error
        except TokenRevoked as error:
            raise AccessRevoked from error
        if sender is None:
            raise TokenInvalid
        if not self._verifier.scopes.allow_anything(sender.token.scopes):
            raise ScopeInsufficient
        return sender

    def _refusal(self, scope: Scope, refused: Refused) -> Response:
        answer = refusal(refused.status, refused.code or "invalid_request", refused.description)
        if isinstance(refused, TokenUnverifiable):
            answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        else:
            answer.headers["WWW-Authenticate"] = self._challenge(scope, refused)
        return answer

    def _challenge(self, scope: Scope, error: Refused) -> str:
        names = " ".join(self._verifier.scopes.requested)
        endpoint = endpoint_of(route_path(scope)) or ""
        parts = [f'error="{error.code}"', f'error_description="{error.description}"'] if error.code else []
        parts.append(f'scope="{names}"')
        metadata = self._address.metadata_url(scope, endpoint) + self._toolsets.query_of(scope)
        parts.append(f'resource_metadata="{metadata}"')
        return f"Bearer {', '.join(parts)}"


def _bearer_token(scope: Scope) -> str:
    """Raises `TokenMissing`."""
    values = head_of(scope).all(b"authorization")
    scheme, _, token = values[0].partition(" ") if values else ("", "", "")
    if scheme.lower() != "bearer" or len(values) > 1:
        raise TokenMissing
    return token.strip(" ")
