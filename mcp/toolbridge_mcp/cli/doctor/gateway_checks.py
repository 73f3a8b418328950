"""Checks of the gateway, as clients reach it."""

import ssl
from urllib.parse import urlsplit

import httpx

from toolbridge_mcp.cli.doctor.api_checks import NEEDS_TOKEN
from toolbridge_mcp.cli.doctor.visit import TIMEOUT, Failed, NotChecked, Visit

ENDPOINTS = ("/sse", "/mcp")
METADATA = "/.well-known/oauth-protected-resource"


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
    answer = await _get(visit, "/readyz")
    if answer.status_code != httpx.codes.OK:
        raise Failed("its /readyz does not say that it is ready; look at the gateway's log.")
    return ""


async def metadata(visit: Visit) -> str:
    for endpoint in ENDPOINTS:
        answer = await _get(visit, METADATA + endpoint)
        named = _resource(answer)
        if named is None:
            raise Failed(f"{METADATA}{endpoint} is not the gateway's document; correct the proxy in front.")
        if named != visit.url + endpoint:
            raise Failed(
                f"the gateway calls itself {named} but clients reach it at {visit.url}{endpoint}; set "
                f"TOOLBRIDGE_PUBLIC_URL={visit.url} and start it again."
            )
    return ""


async def challenge(visit: Visit) -> str:
    for endpoint in ENDPOINTS:
        answer = await _get(visit, endpoint)
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            raise Failed(
                f"{endpoint} answers {answer.status_code} without a token where 401 is due; "
                "correct the proxy in front."
            )
        if "resource_metadata=" not in answer.headers.get("WWW-Authenticate", ""):
            raise Failed(f"the 401 of {endpoint} lost WWW-Authenticate; let the proxy in front pass it on.")
    return ""


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


async def _get(visit: Visit, path: str) -> httpx.Response:
    try:
        return await visit.gateway.get(path)
    except httpx.HTTPError as error:
        raise Failed(_unreachable(visit.url, error)) from None


def _resource(answer: httpx.Response) -> str | None:
    try:
        document = answer.json()
    except ValueError:
        return None
    return document.get("resource") if isinstance(document, dict) else None


def _unreachable(url: str, error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate of {url} is not valid ({cause.verify_message}); renew or correct it."
        if isinstance(cause, ssl.SSLError):
            return f"{url} does not speak TLS; correct the address, or the proxy in front."
        cause = cause.__cause__ or cause.__context__
    return f"nothing answers at {url}; start the gateway, or correct TOOLBRIDGE_PUBLIC_URL or --url."
