"""Development tokens: HS256 JWTs that the gateway and the API accept."""

import os
import time

from joserfc import jwt
from joserfc.jwk import OctKey

from toolbridge_mcp.cli.failures import WrongUsage
from toolbridge_mcp.cli.given_keys import ring_of
from toolbridge_mcp.keyring import MIN_SECRET_BYTES, ONLY_ID, Key
from toolbridge_mcp.uses import TOKEN

DAY = 24 * 60 * 60


def development_token(subject: str, seconds: int = 30 * DAY) -> str:
    """A token for the user `subject`, signed with JWT_HS256_SECRET, or the first key of the list that is set
    in its place, whose id it names; it names JWT_ISSUER and the first of JWT_AUDIENCE when they are set.
    Raises `WrongUsage`."""
    if not subject.strip():
        raise WrongUsage("The user is empty; name the user that the token is for.")
    if has_identity_provider():
        raise WrongUsage(f"Tokens come {provider()}; give one with --token or in TOOLBRIDGE_TOKEN.")
    key = _signing_key()
    claims = _claims(subject, seconds, int(time.time()))
    header = {"alg": "HS256", "typ": "JWT", **({} if key.id == ONLY_ID else {"kid": key.id})}
    try:
        return jwt.encode(header, claims, OctKey.import_key(key.secret))
    except UnicodeEncodeError as error:
        raise WrongUsage("The user is not valid UTF-8.") from error


def development_token_if_possible(subject: str) -> str | None:
    """None where tokens come from an identity provider."""
    return None if has_identity_provider() else development_token(subject)


def has_identity_provider() -> bool:
    return not TOKEN.every_instead.isdisjoint(os.environ)


def provider() -> str:
    """Where a user gets a token."""
    return f"from your identity provider ({provider_name()})"


def provider_name() -> str:
    return os.environ.get("JWT_ISSUER") or "JWT_JWKS_URL"


def _signing_key() -> Key:
    ring = ring_of(TOKEN, os.environ)
    if ring is None or len(ring.first.secret) < MIN_SECRET_BYTES:
        raise WrongUsage(
            f"JWT_HS256_SECRET needs at least {MIN_SECRET_BYTES} bytes to sign a token; see .env.example."
        )
    return ring.first


def _claims(subject: str, seconds: int, now: int) -> dict[str, str | int]:
    claims: dict[str, str | int] = {"sub": subject, "iat": now, "exp": now + seconds}
    if issuer := os.environ.get("JWT_ISSUER"):
        claims["iss"] = issuer
    if audiences := os.environ.get("JWT_AUDIENCE", "").replace(",", " ").split():
        claims["aud"] = audiences[0]
    return claims
