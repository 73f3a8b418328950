"""The gateway's two HTTP clients: one for the API, and one for the identity provider."""

from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from toolbridge_mcp.outbound import Outbound
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.transport import TenantTransport, connections

OUTSIDE_SECONDS = 5
AGENT = {"User-Agent": "toolbridge-mcp"}


def api_http(
    settings: Settings, outbound: Outbound, engine: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """A client that sends signed requests to the API, with the token that `outbound` chooses for each.

    `engine` is a transport for tests in place of real connections.
    """
    return httpx.AsyncClient(
        transport=TenantTransport.of(settings, engine or connections(settings.max_calls)),
        auth=outbound.auth,
        base_url=settings.go_api_base_url,
        timeout=settings.call_seconds,
        trust_env=False,
        follow_redirects=False,
        cookies=_no_cookies(),
        headers={"Accept": "application/json", "Accept-Encoding": "identity", **AGENT},
    )


def outside_http() -> httpx.AsyncClient:
    """A client for the identity provider, which uses the proxy that the environment names.

    Plain http never goes through a proxy: it is allowed to this machine only, and carries secrets.
    """
    return httpx.AsyncClient(
        timeout=OUTSIDE_SECONDS,
        follow_redirects=False,
        mounts={"http://": None},
        cookies=_no_cookies(),
        headers=AGENT,
    )


def _no_cookies() -> CookieJar:
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))
