"""Dynamic registration of clients (RFC 7591)."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from mcp.server.auth.handlers.register import RegistrationHandler
from mcp.server.auth.provider import RegistrationError
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.shared.auth import OAuthClientInformationFull
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from toolbridge_mcp.login import sealed
from toolbridge_mcp.login.bodies import Bodies
from toolbridge_mcp.login.clients import GRANTS, shown_name, usable_of
from toolbridge_mcp.login.forms import with_body
from toolbridge_mcp.login.limits import Limit
from toolbridge_mcp.login.refused import Endpoint, EndpointError
from toolbridge_mcp.login.scopes import OfferedScopes

JSON = "application/json"
MAX_REDIRECT_URIS = 20
DEFAULT_METHOD = "client_secret_basic"
UNNAMED = ""
"""People learn then where the client is, and that it gave no name."""


class RegistrationEndpoint(Endpoint):
    """Answers with an id that holds what is registered. Of several redirect URIs the unusable ones are left
    out, and of grants and scopes those that are not served; the answer says what is left (RFC 7591, section
    3.2.1). What the gateway has no use for is not registered."""

    def __init__(
        self,
        seal: Callable[[], Awaitable[bytes]],
        offered: OfferedScopes,
        limit: Limit,
        bodies: Bodies,
    ) -> None:
        super().__init__(limit)
        self._seal = seal
        self._offered = offered
        self._bodies = bodies

    async def _answer(self, request: HttpRequest, address: str) -> Response:  # noqa: ARG002
        asked = _object(await self._bodies.read(request))
        seal = await self._seal()
        registered = self._registered(asked)
        content = json.dumps(registered).encode()
        sealing: Any = _Sealing(seal, registered["redirect_uris"])
        options = ClientRegistrationOptions(enabled=True)
        return await RegistrationHandler(sealing, options).handle(with_body(content, JSON))

    def _registered(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What of the asked metadata can be registered. Raises `EndpointError`."""
        given = {name: value for name, value in asked.items() if value not in (None, "")}
        scope = given.get("scope")
        known = self._offered.known(scope) if isinstance(scope, str) else []
        name = given.get("client_name")
        kept = {
            "redirect_uris": _redirect_uris(given.get("redirect_uris")),
            "client_name": shown_name(name if isinstance(name, str) else None, UNNAMED),
            "token_endpoint_auth_method": given.get("token_endpoint_auth_method", DEFAULT_METHOD),
            "grant_types": _served(given.get("grant_types", GRANTS), GRANTS),
            "response_types": _served(given.get("response_types", ("code",)), ("code",)),
            "application_type": given.get("application_type"),
            "scope": " ".join(known),
        }
        return {name: value for name, value in kept.items() if value not in (None, "")}


class _Sealing:
    """Where the SDK's handler stores a client: in its id, with the redirect URIs as the client wrote them."""

    def __init__(self, seal: bytes, redirect_uris: Sequence[str]) -> None:
        self._seal = seal
        self._redirect_uris = tuple(redirect_uris)

    async def register_client(self, client: OAuthClientInformationFull) -> None:
        registration = sealed.Registration(
            name=client.client_name or UNNAMED,
            redirect_uris=self._redirect_uris,
            method=cast("sealed.Method", client.token_endpoint_auth_method),
            scope=client.scope,
            issued_at=client.client_id_issued_at or 0,
        )
        try:
            client.client_id = registration.sealed(self._seal)
        except sealed.TooLong:
            says = f"Name and redirect URIs have more than {sealed.MAX_BYTES} bytes together."
            raise RegistrationError("invalid_client_metadata", says) from None
        if client.client_secret:
            client.client_secret = sealed.secret_of(client.client_id, self._seal)


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise EndpointError(400, "invalid_client_metadata", "The request is no JSON object.")
    return body


def _redirect_uris(given: object) -> list[str]:
    texts = [uri for uri in given if isinstance(uri, str)] if isinstance(given, list) else []
    if len(texts) > MAX_REDIRECT_URIS:
        says = f"There may be {MAX_REDIRECT_URIS} redirect URIs."
        raise EndpointError(400, "invalid_redirect_uri", says)
    usable = list(usable_of(texts))
    if not usable:
        says = "Give a redirect URI with https, with http and this device's own address, or an app's scheme."
        raise EndpointError(400, "invalid_redirect_uri", says)
    return usable


def _served(asked: object, served: tuple[str, ...]) -> list[str]:
    return [name for name in served if isinstance(asked, list | tuple) and name in asked]
