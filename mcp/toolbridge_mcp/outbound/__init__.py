"""Which token the gateway sends to the API. Only `TOOLBRIDGE_OUTBOUND_IDENTITY` decides that.

No mode falls back to another, and the gateway signs no token itself. Each mode is a class with
`bearer_token`, which returns the token for the present caller, and `send`, which sends a request with it.
"""

from collections.abc import Callable

import httpx

from toolbridge_mcp.identity import CallerToken, caller_token
from toolbridge_mcp.outbound.auth import Transmit, is_about_the_tenant
from toolbridge_mcp.outbound.exchange import ACCESS_TOKEN, ID_TOKEN, ExchangedTokens
from toolbridge_mcp.outbound.forward import ForwardedToken
from toolbridge_mcp.outbound.service import ServiceToken
from toolbridge_mcp.outbound.token_endpoint import TokenEndpoint
from toolbridge_mcp.settings import Settings

__all__ = ["ForwardedToken", "Outbound", "Transmit", "is_about_the_tenant", "outbound_identity"]

Outbound = ForwardedToken | ExchangedTokens | ServiceToken


def outbound_identity(
    settings: Settings,
    http: httpx.AsyncClient,
    caller: Callable[[], CallerToken | None] = caller_token,
) -> Outbound:
    """The configured mode. Enter it before use. `http` is the client for the token service."""
    if settings.outbound_identity == "exchange":
        kind = ID_TOKEN if settings.proxy_token == "id_token" else ACCESS_TOKEN  # noqa: S105  a kind
        return ExchangedTokens(TokenEndpoint.of(settings, http), caller, subject_type=kind)
    if settings.outbound_identity == "client_credentials":
        return ServiceToken(TokenEndpoint.of(settings, http), caller)
    return ForwardedToken(caller)
