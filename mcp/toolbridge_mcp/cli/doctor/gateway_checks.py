"""Checks of the gateway, as clients reach it."""

import re
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from toolbridge_mcp.cli.doctor.api_checks import NEEDS_TOKEN
from toolbridge_mcp.cli.doctor.visit import TIMEOUT, Failed, NotChecked, Visit

ENDPOINTS = ("/sse", "/mcp")
METADATA = "/.well-known/oauth-protected-resource"
NAMED = re.compile(r'\bresource_metadata="([^"]*)"')
AGENTS = ("Claude-User", "python-httpx/0.28.1")
FIRST = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


async def reachable(visit: Visit) -> str:
    try:
        answer = await visit.gateway.get("/healthz")
    except httpx.HTTPError as error:
        raise Failed(_unreachable(visit.url, error)) from None
    if answer.status_code == httpx.codes.MISDIRECTED_REQUEST:
        raise Failed(
            f"the gateway does not know the name {urlsplit(visit.url).hostname}; set "
            "TOOLBRIDGE_PUBLIC_URL to the address that clients use, or add it to TOOLBRIDGE_ALLOWED_HOSTS."
        )
    if answer.status_code != httpx.codes.OK or answer.text != "ok":
        raise Failed(
            f"{visit.url}/healthz is not the gateway's (status {answer.status_code}); correct "
            "TOOLBRIDGE_PUBLIC_URL, or the proxy in front."
        )
    return visit.url


async def ready(visit: Visit) -> str:
    answer = await asked(visit, "GET", "/readyz")
    if answer.status_code != httpx.codes.OK:
        raise Failed("its /readyz does not say that it is ready; look at the gateway's log.")
    return ""


async def metadata(visit: Visit) -> str:
    for endpoint in ENDPOINTS:
        named = (await document(visit, METADATA + endpoint)).get("resource")
        if named != visit.url + endpoint:
            raise Failed(
                f"the gateway calls itself {named} but clients reach it at {visit.url}{endpoint}; set "
                f"TOOLBRIDGE_PUBLIC_URL={visit.url} and start it again."
            )
    return ""


async def challenge(visit: Visit) -> str:
    """A client begins to sign in with what the 401 says (RFC 9728, section 5.1)."""
    for endpoint in ENDPOINTS:
        answer = await asked(visit, "GET", endpoint)
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            raise Failed(
                f"{endpoint} answers {answer.status_code} without a token where 401 is due; "
                "correct the proxy in front."
            )
        said = answer.headers.get("WWW-Authenticate", "")
        named = NAMED.search(said)
        if not said.startswith("Bearer ") or named is None:
            raise Failed(f"the 401 of {endpoint} lost WWW-Authenticate; let the proxy in front pass it on.")
        if named[1] != f"{visit.url}{METADATA}{endpoint}":
            raise Failed(
                f"the 401 of {endpoint} names its metadata at {named[1]}, but clients are at {visit.url}; "
                f"set TOOLBRIDGE_PUBLIC_URL={visit.url} and start the gateway again."
            )
    return ""


async def agents(visit: Visit) -> str:
    """AI services read the metadata and call the tools under two names, of which something in front may hold
    back one: the sign-in then works, and no call ever comes."""
    for agent in AGENTS:
        named = {"User-Agent": agent, "Accept": "application/json, text/event-stream"}
        for method, path, due in (
            ("GET", f"{METADATA}/mcp", httpx.codes.OK),
            ("POST", "/mcp", httpx.codes.UNAUTHORIZED),
        ):
            answer = await asked(visit, method, path, headers=named, json=FIRST if method == "POST" else None)
            if answer.status_code != due:
                raise Failed(
                    f"{path} answers {answer.status_code} to the agent {agent}, where {due} is due; let this "
                    "agent through whatever stands in front against robots."
                )
    return ", ".join(AGENTS)


async def tools_over_sse(visit: Visit) -> str:
    return await _tools(visit, "/sse")


async def tools_over_mcp(visit: Visit) -> str:
    return await _tools(visit, "/mcp")


async def _tools(visit: Visit, endpoint: str) -> str:
    if visit.token is None:
        raise NotChecked(NEEDS_TOKEN)
    await _let_in(visit, endpoint)
    # Not at the top: the gateway imports the other checks, and this is a third of all that it would import.
    from fastmcp import Client
    from fastmcp.client.transports import SSETransport, StreamableHttpTransport

    transport = SSETransport if endpoint == "/sse" else StreamableHttpTransport
    server = transport(f"{visit.url}{endpoint}", headers=_bearer(visit))
    try:
        async with Client(server, timeout=TIMEOUT) as client:
            return f"{len(await client.list_tools())} tools"
    except Exception:  # noqa: BLE001  whatever a client library raises, for the operator it is one thing
        raise Failed(
            f"no connection over {endpoint} although the token is accepted; see that the proxy in front "
            "neither buffers nor cuts answers, and look at the gateway's log."
        ) from None


async def _let_in(visit: Visit, endpoint: str) -> None:
    try:
        async with visit.gateway.stream("GET", endpoint, headers=_bearer(visit)) as answer:
            status = answer.status_code
    except httpx.HTTPError as error:
        raise Failed(_unreachable(visit.url, error)) from None
    if status == httpx.codes.UNAUTHORIZED:
        raise Failed(
            "the gateway refuses the token; get a new one if it has expired or lacks exp or sub, else "
            "correct the gateway's JWT_HS256_SECRET, JWT_HS256_KEYS, JWT_HS256_KEYS_FILE or JWT_JWKS_URL, "
            "JWT_ISSUER, JWT_AUDIENCE, TENANT_CLAIM."
        )
    if status == httpx.codes.FORBIDDEN:
        raise Failed(
            "the token has none of the scopes that the gateway asks for; get one with them, or correct "
            "TOOLBRIDGE_SCOPE_READ and TOOLBRIDGE_SCOPE_WRITE."
        )
    if status == httpx.codes.SERVICE_UNAVAILABLE:
        raise Failed(
            "the gateway cannot check tokens, or takes no sessions now; see that JWT_JWKS_URL can be reached "
            "from it, else try again."
        )


def _bearer(visit: Visit) -> dict[str, str]:
    return {"Authorization": f"Bearer {visit.token}", "Accept": "text/event-stream"}


async def asked(
    visit: Visit, method: str, address: str, *, headers: Mapping[str, str] | None = None, json: Any = None
) -> httpx.Response:
    """The answer at an address below the gateway's. Raises `Failed` if there is none."""
    try:
        return await visit.gateway.request(method, address, headers=headers, json=json)
    except httpx.HTTPError as error:
        raise Failed(_unreachable(visit.url, error)) from None


async def document(visit: Visit, address: str) -> dict[str, Any]:
    """A document that is open to everyone. Raises `Failed` if it is not the gateway's."""
    answer = await asked(visit, "GET", address)
    try:
        found = answer.json() if answer.is_success else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        path = address.removeprefix(visit.url)
        raise Failed(f"{path} is not the gateway's document; correct the proxy in front.")
    return found


def _unreachable(url: str, error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate of {url} is not valid ({cause.verify_message}); renew or correct it."
        if isinstance(cause, ssl.SSLError):
            return f"{url} does not speak TLS; correct the address, or the proxy in front."
        cause = cause.__cause__ or cause.__context__
    return f"nothing answers at {url}; start the gateway, or correct TOOLBRIDGE_PUBLIC_URL or --url."
