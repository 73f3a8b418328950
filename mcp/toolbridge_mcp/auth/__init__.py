"""Who may speak to the gateway: holders of a valid token, verified before anything else happens."""

from toolbridge_mcp.auth.keys import Keys, KeySet, KeysUnavailable, SharedSecret, together
from toolbridge_mcp.auth.verifier import Scopes, Source, TenantClaim, TokenRevoked, UserTokenVerifier

__all__ = [
    "KeySet",
    "Keys",
    "KeysUnavailable",
    "Scopes",
    "SharedSecret",
    "Source",
    "TenantClaim",
    "TokenRevoked",
    "UserTokenVerifier",
    "together",
]
