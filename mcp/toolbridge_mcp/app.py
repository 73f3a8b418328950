"""The composition root: settings in, a running gateway out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy

import fastmcp
import httpx
from fastmcp import FastMCP
from sse_starlette import EventSourceResponse
from starlette.types import ASGIApp

from toolbridge_mcp import __version__, logs
from toolbridge_mcp.auth import token_verifier
from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.health import add_health_routes, wait_for_api
from toolbridge_mcp.identity import bearer_token
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.tools import build_tools
from toolbridge_mcp.transport import TenantTransport, connections

INSTRUCTIONS = (
    "Notes, tasks, comments (on notes and tasks), chats and chat messages of the signed-in user. Every item "
    "has a uid, a version and a payload with its fields. To change an item safely, pass the version that "
    "you read as if_match."
)

TIMEOUT = httpx.Timeout(30, connect=2)
PING_SECONDS = 10
"""Proxies cut streams that are silent for a minute or less; clients are promised a comment every 15 s."""


def create_server(settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None) -> FastMCP:
    """The gateway as a FastMCP server. `transport` stands in for the connection to the API in tests."""

    def open_http() -> httpx.AsyncClient:
        return _http_client(settings, transport or connections())

    client = ApiClient(open_http)

    @asynccontextmanager
    async def lifespan(_: FastMCP) -> AsyncIterator[None]:
        async with client:
            await wait_for_api(client, settings.api_wait_seconds)
            yield

    server: FastMCP = FastMCP(
        "ToolBridge",
        INSTRUCTIONS,
        version=__version__,
        auth=token_verifier(settings),
        lifespan=lifespan,
        tools=build_tools(client),
        on_duplicate="error",
        mask_error_details=True,
        dereference_schemas=False,
    )
    add_health_routes(server, client)
    return server


def create_app(settings: Settings | None = None) -> ASGIApp:
    """The ASGI application for the process manager; settings come from the environment if not given."""
    settings = settings or Settings()
    logs.configure(settings.log_level)
    fastmcp.settings.telemetry_mode = "off"
    EventSourceResponse.DEFAULT_PING_INTERVAL = PING_SECONDS
    app = create_server(settings).http_app(transport="sse")
    app.router.redirect_slashes = False  # clients follow a redirect with the token, even to http
    return app


def _http_client(settings: Settings, inner: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    transport = TenantTransport(
        inner,
        base_url=settings.go_api_base_url,
        tenant_id=settings.tenant_id,
        secret=settings.tenant_header_secret.get_secret_value().encode(),
        bearer_token=bearer_token,
    )
    return httpx.AsyncClient(
        transport=transport,
        base_url=settings.go_api_base_url,
        timeout=TIMEOUT,
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "toolbridge-mcp"},
    )
