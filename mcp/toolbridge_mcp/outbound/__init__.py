"""Which token the gateway sends to the API: `TOOLBRIDGE_OUTBOUND_IDENTITY` decides it, nothing else does.

No mode falls back to another, and the gateway signs no token itself.
"""

from collections.abc import Callable

import httpx

from toolbridge_mcp.identity import CallerToken, caller_token
from toolbridge_mcp.outbound.auth import BearerAuth, is_about_the_tenant
from toolbridge_mcp.outbound.exchange import ExchangedTokens
from toolbridge_mcp.outbound.forward import ForwardedToken
from toolbridge_mcp.outbound.service import ServiceToken
from toolbridge_mcp.outbound.token_endpoint import TokenEndpoint
from toolbridge_mcp.settings import Settings

__all__ = ["BearerAuth", "Outbound", "is_about_the_tenant", "outbound_identity"]

Outbound = ForwardedToken | ExchangedTokens | ServiceToken


def outbound_identity(
    settings: Settings,
    http: httpx.AsyncClient,
    caller: Callable[[], CallerToken | None] = caller_token,
) -> Outbound:
    """The configured mode, to be entered before use. `http` speaks to the token service, if there is one."""
    if settings.outbound_identity == "exchange":
        return ExchangedTokens(TokenEndpoint.of(settings, http), caller)
    if settings.outbound_identity == "client_credentials":
        return ServiceToken(TokenEndpoint.of(settings, http), caller)
    return ForwardedToken(caller)
