"""Checks of the sign-in at the gateway itself, as clients and browsers reach it."""

import secrets
from typing import Any
from urllib.parse import urlencode, urljoin

import httpx

from toolbridge_mcp.cli.doctor.gateway_checks import ENDPOINTS, METADATA, asked, document
from toolbridge_mcp.cli.doctor.visit import Failed, NotChecked, Visit

DOCUMENTS = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
OWN_ENDPOINTS = ("authorization_endpoint", "token_endpoint")
OTHER_ENDPOINTS = ("registration_endpoint", "revocation_endpoint", "jwks_uri")
"""These are there if they are served."""

PROXY = "correct the proxy in front"
REDIRECT = "http://127.0.0.1:33418/callback"
"""Nothing is sent there: the visit ends at the page on which a person would type a password."""

MOST_REDIRECTS = 5


async def documents(visit: Visit) -> str:
    """Clients compare the issuer letter by letter (RFC 8414, section 3.3; RFC 9728, section 3.3)."""
    for endpoint in ENDPOINTS:
        named = (await document(visit, METADATA + endpoint)).get("authorization_servers")
        if named != [visit.url]:
            raise Failed(
                f"the metadata of {endpoint} sends clients to {_listed(named)} to sign in, and they look for "
                f"{visit.url}; set TOOLBRIDGE_PUBLIC_URL={visit.url} and start the gateway again."
            )
    found = [_checked(visit, place, await document(visit, place)) for place in DOCUMENTS]
    if found[0] != {name: found[1].get(name) for name in found[0]}:
        raise Failed(f"{' and '.join(DOCUMENTS)} contradict each other; {PROXY}.")
    visit.sign_in = found[0]
    return visit.url


def _checked(visit: Visit, place: str, found: dict[str, Any]) -> dict[str, Any]:
    issuer = found.get("issuer")
    if issuer != visit.url:
        raise Failed(
            f"{place} names the issuer {issuer or 'nobody'}, and clients accept {visit.url} only, to the "
            f"letter; set TOOLBRIDGE_PUBLIC_URL={visit.url} and start the gateway again."
        )
    for name in OWN_ENDPOINTS + OTHER_ENDPOINTS:
        address = found.get(name)
        if name in OTHER_ENDPOINTS and address is None:
            continue
        if not isinstance(address, str) or not address.startswith(f"{visit.url}/"):
            raise Failed(f"{place} has no {name} below {visit.url}; {PROXY}.")
    if "S256" not in (found.get("code_challenge_methods_supported") or []):
        raise Failed(f"{place} does not offer S256, so clients refuse to sign in; {PROXY}.")
    return found


def _listed(named: object) -> str:
    return ", ".join(map(str, named)) if isinstance(named, list) and named else "nobody"


async def keys(visit: Visit) -> str:
    """The key set with which anybody can check the tokens (RFC 7517)."""
    address = visit.sign_in.get("jwks_uri")
    if address is None:
        raise NotChecked("the gateway publishes no keys")
    found = (await document(visit, str(address))).get("keys")
    if not isinstance(found, list) or not found or not all(isinstance(key, dict) for key in found):
        raise Failed(
            f"{address} has no key, so that no token can be checked; look at the API's log, and see that its "
            "TOOLBRIDGE_LOGIN is embedded."
        )
    if any("d" in key for key in found):
        raise Failed(f"{address} shows a private key; take the gateway out of service.")
    return f"{len(found)} published"


async def page(visit: Visit) -> str:
    """Registers as a client does, of which nothing is kept, and follows the browser's way to the page."""
    if visit.settings.login != "embedded":
        return await _refusal_of_nothing(visit)
    client = await _registered(visit)
    address = f"{visit.sign_in['authorization_endpoint']}?{_question(visit, client)}"
    for _ in range(MOST_REDIRECTS):
        answer = await asked(visit, "GET", address, headers={"Accept": "text/html"})
        if not answer.is_redirect:
            break
        address = urljoin(address, answer.headers.get("Location", ""))
        if not address.startswith(f"{visit.url}/"):
            raise Failed(f"the way to the sign-in page leads away, to {_host(address)}; {PROXY}.")
    path = address.removeprefix(visit.url).partition("?")[0]
    is_page = answer.headers.get("Content-Type", "").startswith("text/html")
    if answer.status_code != httpx.codes.OK or path != "/sign-in" or not is_page:
        raise Failed(
            f"the browser ends at {path} with status {answer.status_code}, and not at the sign-in page; "
            f"{PROXY}, or look at the gateway's log."
        )
    if "frame-ancestors 'none'" not in answer.headers.get("Content-Security-Policy", ""):
        raise Failed(f"the sign-in page lost its Content-Security-Policy; {PROXY}.")
    return f"{visit.url}/sign-in"


async def _refusal_of_nothing(visit: Visit) -> str:
    """The question of no client: who is asked only says that it is wrong, and keeps nothing."""
    answer = await asked(visit, "GET", str(visit.sign_in["authorization_endpoint"]))
    if answer.status_code != httpx.codes.BAD_REQUEST:
        raise Failed(
            f"/authorize answers {answer.status_code} to an empty question, where 400 is due; {PROXY}."
        )
    return ""


async def _registered(visit: Visit) -> str:
    wanted = {
        "client_name": "toolbridge doctor",
        "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    }
    address = visit.sign_in.get("registration_endpoint")
    if address is None:
        raise NotChecked("the gateway registers no clients")
    answer = await asked(visit, "POST", str(address), json=wanted)
    try:
        return str(answer.json()["client_id"])
    except (ValueError, KeyError, TypeError):
        raise Failed(
            f"/register answers {answer.status_code} to a client, where 201 is due; {PROXY}, or look at the "
            "gateway's log."
        ) from None


def _question(visit: Visit, client: str) -> str:
    return urlencode(
        {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": REDIRECT,
            "code_challenge": secrets.token_urlsafe(32),
            "code_challenge_method": "S256",
            "state": secrets.token_urlsafe(8),
            "resource": f"{visit.url}/mcp",
        }
    )


def _host(address: str) -> str:
    try:
        return httpx.URL(address).host
    except httpx.InvalidURL:
        return "an address that is none"
