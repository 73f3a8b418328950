"""The clients of FastMCP's proxy. Nothing is kept of them: an id holds what its client has registered."""

import time
from collections.abc import Iterable
from contextvars import ContextVar
from urllib.parse import urlsplit

from fastmcp.server.auth.oauth_proxy.models import ProxyDCRClient
from mcp.server.auth.provider import RegistrationError
from mcp.shared.auth import InvalidRedirectUriError, OAuthClientInformationFull
from pydantic import AnyUrl, ConfigDict

from toolbridge_mcp.login import redirects, sealed
from toolbridge_mcp.login.clients import shown_name, usable_of
from toolbridge_mcp.login.documents import Documents, NoDocument
from toolbridge_mcp.login.limits import TooMany
from toolbridge_mcp.login.scopes import OfferedScopes

GRANTS = ("authorization_code", "refresh_token")

caller: ContextVar[str] = ContextVar("caller", default="")
"""The address that the request at hand comes from."""


class Client(ProxyDCRClient):
    """A client as FastMCP's handlers see it. Its rules for redirect URIs and scopes are ours."""

    addresses: tuple[str, ...]
    offered: OfferedScopes

    model_config = ConfigDict(arbitrary_types_allowed=True)

    def validate_redirect_uri(self, redirect_uri: AnyUrl | None) -> AnyUrl:
        if redirect_uri is None and len(self.addresses) == 1:
            return AnyUrl(self.addresses[0])
        if redirect_uri is None:
            raise InvalidRedirectUriError("redirect_uri is missing; the client has registered several.")
        asked = str(redirect_uri)
        if not redirects.is_usable(asked) or not any(redirects.matches(one, asked) for one in self.addresses):
            raise InvalidRedirectUriError("redirect_uri is none of those that the client has registered.")
        return redirect_uri

    def validate_scope(self, requested_scope: str | None) -> list[str]:
        return self.offered.asked(requested_scope, self.scope)


class Clients:
    """Registers clients and finds them: by an id that holds a registration, or that is the address of a
    metadata document. All are public: the gateway's own secret at the provider is not theirs."""

    def __init__(self, offered: OfferedScopes, seal: bytes, documents: Documents | None = None) -> None:
        self._offered = offered
        self._seal = seal
        self._documents = documents or Documents()

    async def find(self, client_id: str) -> Client | None:
        if self._documents.names_one(client_id):
            return await self._at(client_id)
        found = sealed.opened(client_id, self._seal)
        if found is None:
            return None
        return self._client(client_id, found.name, found.redirect_uris, found.scope)

    def register(self, asked: OAuthClientInformationFull) -> None:
        """Turns what a client asks for into what it gets. Redirect URIs that cannot be used are left out.
        Raises `RegistrationError` if none is left, or if they are too many for an id."""
        usable = _for_kind(asked.application_type, usable_of(map(str, asked.redirect_uris or ())))
        if not usable:
            raise RegistrationError(
                "invalid_redirect_uri",
                "Register a redirect URI of https, of http on the user's own machine, or of an app's scheme.",
            )
        offered = " ".join(self._offered.asked(None))
        scope = asked.scope if asked.scope and set(asked.scope.split()) & set(offered.split()) else None
        name = shown_name(asked.client_name, redirects.place_of(usable[0]).name)
        registration = sealed.Registration(name, usable, "none", scope, int(time.time()))
        try:
            asked.client_id = registration.sealed(self._seal)
        except sealed.TooLong:
            raise RegistrationError(
                "invalid_client_metadata", "The name and the redirect URIs are too long together."
            ) from None
        asked.client_name = name
        asked.redirect_uris = [AnyUrl(uri) for uri in usable]
        asked.grant_types = list(GRANTS)
        asked.scope = scope or offered
        asked.token_endpoint_auth_method = "none"  # noqa: S105  a method
        asked.client_secret = asked.client_secret_expires_at = None

    async def _at(self, url: str) -> Client | None:
        try:
            document = await self._documents.read(url, caller.get())
        except (NoDocument, TooMany):
            return None
        usable = usable_of(document.redirect_uris)
        if document.token_endpoint_auth_method != "none" or not usable:  # noqa: S105  a method
            return None
        name = shown_name(document.client_name, urlsplit(url).netloc)
        client = self._client(url, name, usable, document.scope)
        client.cimd_document = document
        return client

    def _client(self, client_id: str, name: str, addresses: tuple[str, ...], scope: str | None) -> Client:
        return Client(
            client_id=client_id,
            client_name=name,
            redirect_uris=[AnyUrl(address) for address in addresses],
            addresses=addresses,
            grant_types=list(GRANTS),
            scope=scope,
            token_endpoint_auth_method="none",  # noqa: S106  a method
            offered=self._offered,
        )


def _for_kind(kind: str | None, uris: Iterable[str]) -> tuple[str, ...]:
    """Those that a client of that `application_type` may have: an application on a web server has https only
    (OpenID Connect Dynamic Client Registration 1.0, section 2)."""
    return tuple(uri for uri in uris if kind != "web" or uri.startswith("https:"))
