"""The document of the authorization server (RFC 8414) and its keys, made from what is served."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from mcp.server.auth.routes import build_metadata
from mcp.server.auth.settings import ClientRegistrationOptions, RevocationOptions
from pydantic import AnyHttpUrl
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from toolbridge_mcp.login import sealed
from toolbridge_mcp.login.failures import LoginError
from toolbridge_mcp.login.refused import unavailable
from toolbridge_mcp.login.tokens import SERVED
from toolbridge_mcp.web.metadata import AUTHORIZATION_SERVER, OPENID, document_routes

Published = Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]
"""Tells the public keys (RFC 7517), or raises a `LoginError`."""

KEYS = "/.well-known/jwks.json"
KEEP_SECONDS = 300
KEYS_SECONDS = 30
"""How long a reader may keep the keys. A new one is published for longer than that before it signs."""


class ServerMetadata:
    """The document and the keys under `issuer`, which clients compare as a text (RFC 8414, section 3.3)."""

    def __init__(
        self, issuer: str, scopes: Sequence[str], published: Published, *, reads_documents: bool
    ) -> None:
        self._document = _document(issuer, scopes, reads_documents=reads_documents)
        self._published = published

    def routes(self) -> list[Route]:
        return [
            *document_routes(AUTHORIZATION_SERVER, self._answer),
            *document_routes(OPENID, self._answer),
            Route(KEYS, self._keys, methods=["GET"]),
        ]

    async def _answer(self, _: HttpRequest) -> Response:
        return JSONResponse(self._document, headers={"Cache-Control": f"public, max-age={KEEP_SECONDS}"})

    async def _keys(self, _: HttpRequest) -> Response:
        try:
            keys = [dict(key) for key in await self._published()]
        except LoginError as error:
            return unavailable(error).response()
        headers = {"Cache-Control": f"public, max-age={KEYS_SECONDS}"}
        return JSONResponse({"keys": keys}, headers=headers, media_type="application/jwk-set+json")


def _document(issuer: str, scopes: Sequence[str], *, reads_documents: bool) -> dict[str, Any]:
    """The SDK's document, which spells the issuer its own way, and what it leaves out."""
    made = build_metadata(
        AnyHttpUrl(issuer),
        None,
        ClientRegistrationOptions(enabled=True, valid_scopes=list(scopes)),
        RevocationOptions(enabled=True),
    )
    return {
        **made.model_dump(mode="json", exclude_none=True),
        "issuer": issuer,
        "jwks_uri": issuer + KEYS,
        "response_modes_supported": ["query"],
        "grant_types_supported": list(SERVED),
        "token_endpoint_auth_methods_supported": list(sealed.METHODS),
        "revocation_endpoint_auth_methods_supported": list(sealed.METHODS),
        "client_id_metadata_document_supported": reads_documents,
        "authorization_response_iss_parameter_supported": True,
    }
