"""The documents that OAuth clients read before they have a token. They are open to everyone."""

import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from toolbridge_mcp.auth.keys import MIN_INTERVAL_SECONDS
from toolbridge_mcp.auth.verifier import Scopes
from toolbridge_mcp.single_flight import SingleFlight
from toolbridge_mcp.web.entry.address import ENDPOINTS, RESOURCE_METADATA, Address
from toolbridge_mcp.web.entry.toolsets import ToolsetsInAddresses
from toolbridge_mcp.web.refusals import refusal
from toolbridge_mcp.web.refused import Refused

logger = logging.getLogger(__name__)

AUTHORIZATION_SERVER = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
KEEP_SECONDS = 300


class ResourceMetadata:
    """The document of RFC 9728 for each endpoint, and for the gateway as a whole.

    A query that chooses toolsets is part of an endpoint's address, and comes behind the path of the document.
    """

    def __init__(
        self,
        address: Address,
        scopes: Scopes,
        authorization_servers: Sequence[str],
        toolsets: ToolsetsInAddresses,
    ) -> None:
        self._address = address
        self._toolsets = toolsets
        self._scopes = scopes
        self._authorization_servers = list(authorization_servers)

    def routes(self) -> list[Route]:
        return document_routes(RESOURCE_METADATA, self._answer)

    async def _answer(self, request: Request) -> Response:
        endpoint = self._endpoint(request)
        if endpoint is None:
            return JSONResponse({"error": "not_found"}, status_code=404)
        document: dict[str, object] = {
            "resource": self._address.base(request.scope) + endpoint,
            "resource_name": "ToolBridge",
            "scopes_supported": list(self._scopes.requested),
            "bearer_methods_supported": ["header"],
        }
        if self._authorization_servers:
            document["authorization_servers"] = self._authorization_servers
        return JSONResponse(document, headers={"Cache-Control": f"public, max-age={KEEP_SECONDS}"})

    def _endpoint(self, request: Request) -> str | None:
        """The endpoint in the path of the metadata, which has the prefix too if the client put it there, and
        the query behind it."""
        path = f"/{request.path_params.get('path', '')}".rstrip("/").removeprefix(self._address.prefix)
        try:
            query = self._toolsets.query_in(request.scope["query_string"])
        except Refused:
            return None
        if path in ENDPOINTS:
            return path + query
        return None if path else ""


class IssuerMetadata:
    """The document of the authorization server (RFC 8414), for clients that ask the gateway for it.

    The first revisions of MCP let clients do so. The document is kept for a few minutes, and longer while the
    authorization server does not answer. A failed reading is repeated after `MIN_INTERVAL_SECONDS` at the
    earliest: everyone may ask, and a reading is up to three requests.
    """

    def __init__(self, issuer: str, http: httpx.AsyncClient) -> None:
        self._urls = _metadata_urls(issuer)
        self._http = http
        self._document: object = None
        self._due_at = -math.inf
        self._readings: SingleFlight[None] = SingleFlight()

    def routes(self) -> list[Route]:
        return [*document_routes(AUTHORIZATION_SERVER, self._answer), *document_routes(OPENID, self._answer)]

    async def _answer(self, _: Request) -> Response:
        is_due = time.monotonic() >= self._due_at
        if is_due and (self._document is None or not self._readings.is_running()):
            await self._readings.run(self._read)
        if self._document is None:
            says = "The authorization server does not answer; try again."
            return refusal(503, "temporarily_unavailable", says)
        return JSONResponse(self._document, headers={"Cache-Control": f"public, max-age={KEEP_SECONDS}"})

    async def _read(self) -> None:
        for url in self._urls:
            try:
                answer = await self._http.get(url)
                if answer.is_success:
                    self._document, self._due_at = answer.json(), time.monotonic() + KEEP_SECONDS
                    return
            except (httpx.HTTPError, ValueError) as error:
                logger.warning("no authorization server metadata", extra={"error": type(error).__name__})
        self._due_at = time.monotonic() + MIN_INTERVAL_SECONDS


def document_routes(path: str, answer: Callable[[Request], Awaitable[Response]]) -> list[Route]:
    """The places where clients look for a document: with the path of an endpoint behind it (RFC 8414 and
    RFC 9728, section 3.1), before it (OpenID Connect Discovery, section 4), or without one."""
    places = (path, f"{path}/{{path:path}}", f"/{{path:path}}{path}")
    return [Route(place, answer, methods=["GET"]) for place in places]


def _metadata_urls(issuer: str) -> list[str]:
    """Where an issuer publishes its metadata (RFC 8414, section 3.1; OpenID Connect Discovery, section 4)."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    return [f"{origin}{AUTHORIZATION_SERVER}{path}", f"{origin}{path}{OPENID}", f"{origin}{OPENID}{path}"]
