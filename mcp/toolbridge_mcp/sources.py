"""Whose tokens the gateway accepts, by its settings."""

from collections.abc import Sequence
from dataclasses import replace

import httpx

from toolbridge_mcp.auth import Keys, KeySet, Scopes, SharedSecret, Source, TenantClaim
from toolbridge_mcp.keyring import Keyring
from toolbridge_mcp.login.revocations import can_be_named
from toolbridge_mcp.login.shared import Login
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.web.entry.address import ENDPOINTS

ACCESS_TOKENS = ("at+jwt", "application/at+jwt")
"""The kinds of RFC 9068, section 4. What else the login's keys may sign one day is no access token."""


def token_sources(
    settings: Settings, ring: Keyring | None, outside: httpx.AsyncClient, login: Login | None
) -> Sequence[Source]:
    """No two of them have an algorithm in common: beside the embedded login, whose tokens are ES256, there
    are at most those of shared secrets, which are HS256."""
    sources = [_of_login(settings, login)] if login else []
    if ring or not login:
        keys: Keys = SharedSecret(ring) if ring else KeySet(str(settings.jwt_jwks_url), outside)
        sources.append(_from_elsewhere(settings, keys))
    return sources


def scopes_of(settings: Settings) -> Scopes:
    return Scopes(
        settings.scope_read,
        settings.scope_write,
        required=settings.scopes_required,
        requested=settings.requested_scopes,
    )


def _from_elsewhere(settings: Settings, keys: Keys) -> Source:
    claim = settings.tenant_claim
    return Source(
        keys,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        tenant=TenantClaim(claim, settings.tenant_id) if claim else None,
        scopes=scopes_of(settings),
    )


def _of_login(settings: Settings, login: Login) -> Source:
    """Its tokens always name scopes. Its keys are this tenant's own, so no other tenant's token has them."""
    addresses = (login.issuer, *(login.issuer + endpoint for endpoint in ENDPOINTS))
    return Source(
        login.keys,
        issuer=login.issuer,
        audience=addresses,
        scopes=replace(scopes_of(settings), required=True),
        kinds=ACCESS_TOKENS,
        demand=can_be_named,
        revoked=login.keys.revocations.cover,
    )
