"""The clients that ask for tokens: who they are, and where answers to them may go."""

import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from fastmcp.server.auth.cimd import CIMDDocument
from mcp.shared.auth import InvalidRedirectUriError, OAuthClientInformationFull
from pydantic import AnyUrl, ConfigDict

from toolbridge_mcp.login import redirects, sealed
from toolbridge_mcp.login.documents import Documents, NoDocument
from toolbridge_mcp.login.scopes import OfferedScopes

GRANTS = ("authorization_code", "refresh_token")
PUBLIC: sealed.Method = "none"
"""The method of clients without a secret."""

SERVICE = "service:"
"""How the ids of services begin, which act as themselves and ask nobody."""

MAX_NAME = 60

_DECIDED = AnyUrl("https://decided.invalid/")


class UnknownClient(Exception):
    """No client has this id. The sentence is for people."""


class Client(OAuthClientInformationFull):
    """A client as the SDK's handlers see it. Its rules for redirect URIs and scopes are ours.

    A client with a secret may send it in a header or in the form, whatever it has registered: so do some that
    register the one and send the other. Here each has `client_secret_post`, as the forms have been changed.
    """

    addresses: tuple[str, ...]
    """The redirect URIs as the client wrote them."""

    host: str = ""
    """The host of a client whose metadata document is there; empty if nothing proves where a client is."""

    offered: OfferedScopes

    model_config = ConfigDict(arbitrary_types_allowed=True)

    def redirect_for(self, asked: str | None) -> str:
        """Where an answer goes. Raises `InvalidRedirectUriError`."""
        if asked is None and len(self.addresses) == 1:
            return self.addresses[0]
        if asked is None:
            raise InvalidRedirectUriError("redirect_uri is missing; the client has registered several.")
        if not any(redirects.matches(address, asked) for address in self.addresses):
            raise InvalidRedirectUriError("redirect_uri is none of those that the client has registered.")
        return asked

    def validate_redirect_uri(self, redirect_uri: AnyUrl | None) -> AnyUrl:
        """The SDK spells addresses its own way, so it is not asked: `redirect_for` decides."""
        return redirect_uri or _DECIDED

    def validate_scope(self, requested_scope: str | None) -> list[str]:
        return self.offered.asked(requested_scope, self.scope)


class Clients:
    """Finds clients by their ids: the address of a metadata document, or an id that holds a registration."""

    def __init__(
        self, offered: OfferedScopes, seal: Callable[[], Awaitable[bytes]], documents: Documents | None = None
    ) -> None:
        self._offered = offered
        self._seal = seal
        self._documents = documents or Documents()

    async def find(self, client_id: str, address: str) -> Client:
        """The client, for a caller at `address`. Raises `UnknownClient`, `TooMany` for too many readings of
        documents, or a `LoginError`."""
        if self._documents.names_one(client_id):
            return await self._at(client_id, address)
        return await self._registered(client_id)

    async def holding_a_grant(self, client_id: str) -> Client:
        """The client that sends a code or a token, which it got because of what was known of it then. A
        metadata document is not read again: it says nothing that counts here, and nobody is to be signed out
        because a client's site does not answer. Raises `UnknownClient`, or a `LoginError`."""
        if self._documents.names_one(client_id):
            return self._public(client_id)
        return await self._registered(client_id)

    async def _registered(self, client_id: str) -> Client:
        seal = await self._seal()
        registration = sealed.opened(client_id, seal)
        if registration is None:
            raise UnknownClient("This client is not known here; it has to register again.")
        is_public = registration.method == PUBLIC
        return Client(
            client_id=client_id,
            client_name=registration.name,
            client_secret=None if is_public else sealed.secret_of(client_id, seal),
            token_endpoint_auth_method=PUBLIC if is_public else "client_secret_post",
            grant_types=list(GRANTS),
            scope=registration.scope,
            addresses=registration.redirect_uris,
            offered=self._offered,
        )

    async def _at(self, url: str, address: str) -> Client:
        try:
            document = await self._documents.read(url, address)
        except NoDocument as error:
            raise UnknownClient(str(error)) from error
        if document.token_endpoint_auth_method != PUBLIC:
            raise UnknownClient("Of the methods in the client's metadata document, only none is served here.")
        usable = _usable(document)
        if not usable:
            raise UnknownClient("The client's metadata document has no redirect URI that may be used.")
        host = urlsplit(url).netloc
        name = shown_name(document.client_name, host)
        return self._public(url, client_name=name, scope=document.scope, addresses=usable, host=host)

    def _public(self, client_id: str, **known: Any) -> Client:
        given = {"addresses": (), **known, "client_id": client_id, "token_endpoint_auth_method": PUBLIC}
        return Client(**given, grant_types=list(GRANTS), offered=self._offered)


def usable_of(redirect_uris: Iterable[str]) -> tuple[str, ...]:
    """Those to which answers may go, each once."""
    return tuple(dict.fromkeys(uri for uri in redirect_uris if redirects.is_usable(uri)))


def shown_name(given: str | None, otherwise: str) -> str:
    """A name that a client gives itself, in one line and without what nobody sees; it proves nothing."""
    text = "".join(character if character.isprintable() else " " for character in given or "")
    seen = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return " ".join(seen.split())[:MAX_NAME].rstrip() or otherwise


def _usable(document: CIMDDocument) -> Sequence[str]:
    return usable_of(document.redirect_uris)
