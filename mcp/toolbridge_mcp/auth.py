"""Who may speak to the gateway: holders of a valid token, verified before anything else happens."""

import time
from collections.abc import Mapping
from typing import Any, TypeGuard

from fastmcp.server.auth import AccessToken, TokenVerifier
from fastmcp.server.auth.providers.jwt import JWTVerifier

from toolbridge_mcp.settings import Settings

MAX_SUBJECT_BYTES = 255


class UserTokenVerifier(JWTVerifier):
    """Asks for what the API asks for: beside signature, issuer and audience, a token must expire, must have
    begun, and must name its user."""

    async def load_access_token(self, token: str) -> AccessToken | None:
        try:
            access = await super().load_access_token(token)
            return access if access and _names_a_user_now(access.claims, time.time()) else None
        except (ArithmeticError, RecursionError, UnicodeError):
            return None  # hostile nesting, an infinite time, a lone surrogate: refused like any other


def _names_a_user_now(claims: Mapping[str, Any], now: float) -> bool:
    expires, begins, subject = claims.get("exp"), claims.get("nbf", now), claims.get("sub")
    return (
        _is_time(expires)
        and expires > now
        and _is_time(begins)
        and begins <= now
        and isinstance(subject, str)
        and 0 < len(subject.encode()) <= MAX_SUBJECT_BYTES
        and "\0" not in subject
    )


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def token_verifier(settings: Settings) -> TokenVerifier:
    """The verifier for this deployment's users. Only the configured algorithm is accepted."""
    return UserTokenVerifier(
        public_key=settings.jwt_hs256_secret.get_secret_value(),
        algorithm="HS256",
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
    )
