"""The checks. Each raises `AssertionError` with what a user would suffer from, or returns what it saw."""

import asyncio
import base64
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from tests.login.by_hand import METADATA, Discovered, SignedIn, client
from tests.login.pitfalls.subject import Pitfall, Subject

VSCODE = {
    "client_name": "Visual Studio Code",
    "client_uri": "https://code.visualstudio.com",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "redirect_uris": [
        "https://insiders.vscode.dev/redirect",
        "https://vscode.dev/redirect",
        "http://127.0.0.1/",
        "http://127.0.0.1:33418/",
    ],
    "token_endpoint_auth_method": "none",
    "application_type": "native",
}
"""How VS Code registers itself (microsoft/vscode, src/vs/base/common/oauth.ts)."""

CURSOR = {
    "client_name": "Cursor",
    "redirect_uris": [
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "https://www.cursor.com/agents/mcp/oauth/callback",
        "http://localhost:8787/callback",
    ],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
    "application_type": "web",
}
"""How Cursor registers itself, as reported in public issues."""

UNUSABLE = ["javascript:alert(document.cookie)", "http://elsewhere.example/callback", "data:text/html,x"]
GRANTS = {
    "authorization_code": {
        "code": "unknown",
        "redirect_uri": "http://127.0.0.1:7/",
        "code_verifier": "v" * 43,
    },
    "refresh_token": {"refresh_token": "unknown"},
    "client_credentials": {},
}
"""What a request of each grant has beside its type and the client."""

SHORTEST, LONGEST = 900, 3600
"""Seconds for which an access token is good. With a few seconds mcp-remote refreshes without an end; with
many hours a token that leaked is good for as long."""

AGENTS = ("Claude-User", "python-httpx")
"""Beginnings of the names by which claude.ai calls a server, and by which it looks for its metadata."""


async def two_refreshes_at_once(subject: Subject) -> str:
    found = await subject.found()
    signed = await found.sign_in(subject.visit)
    addresses = ("127.0.0.1", "127.0.0.2")
    answers = await asyncio.gather(
        *(found.refresh(signed.client_id, signed.refresh_token, address) for address in addresses)
    )
    refused = [answer for answer in answers if answer.status_code != 200]
    assert not refused, f"the second is refused: {_error(refused[0])}"
    for answer in answers:
        again = await found.refresh(signed.client_id, answer.json()["refresh_token"])
        assert again.status_code == 200, f"one of them cannot refresh again: {_error(again)}"
    return "both get tokens, and both refresh again"


async def another_loopback_port(subject: Subject) -> str:
    found = await subject.found()
    registered = await _registered(found, VSCODE)
    # VS Code sends an empty scope when it has none to ask for, and its state has +, / and =.
    code = await found.authorize(
        subject.visit, registered["client_id"], "http://127.0.0.1:59656/", scope="", state="q+/w5Q=="
    )
    tokens = await found.redeem(registered["client_id"], code)
    assert tokens.status_code == 200, f"the code is not redeemed: {_error(tokens)}"
    for uri in ("http://127.0.0.1:33418/", "https://vscode.dev/redirect"):
        await found.authorize(subject.visit, registered["client_id"], uri)
    return "port 59656, port 33418 and vscode.dev/redirect all work"


async def some_redirects_unusable(subject: Subject) -> str:
    found = await subject.found()
    registered = await _registered(found, CURSOR)
    assert registered["redirect_uris"] == CURSOR["redirect_uris"], "one of Cursor's addresses is lost"
    for uri in CURSOR["redirect_uris"]:
        await found.authorize(subject.visit, registered["client_id"], uri)
    mixed = [UNUSABLE[0], *CURSOR["redirect_uris"], *UNUSABLE[1:]]
    kept = (await _registered(found, {**CURSOR, "redirect_uris": mixed}))["redirect_uris"]
    bad = [uri for uri in kept if uri in UNUSABLE]
    assert not bad, f"a code would be sent to {bad[0]}"
    assert kept == CURSOR["redirect_uris"]
    alone = await found.register(*UNUSABLE)
    assert alone.status_code == 400, "a client with no usable address is registered"
    return "Cursor's three work; unusable ones are left out, and the answer names the rest"


async def metadata_documents_are_offered(subject: Subject) -> str:
    server = (await subject.found()).server
    assert server.get("client_id_metadata_document_supported") is True, "the metadata has no flag for it"
    methods = server["token_endpoint_auth_methods_supported"]
    assert "none" in methods, f"public clients are not among the methods: {methods}"
    return "flagged, and `none` is listed"


async def a_registration_outlives_a_restart(subject: Subject) -> str:
    found = await subject.found()
    signed = await found.sign_in(subject.visit)
    await asyncio.to_thread(subject.restart)
    refreshed = await found.refresh(signed.client_id, signed.refresh_token)
    assert refreshed.status_code == 200, f"the refresh token is gone: {_error(refreshed)}"
    await found.authorize(subject.visit, signed.client_id, signed.redirect_uri)
    return "refresh and a new sign-in work with the old client id"


async def what_is_advertised_is_served(subject: Subject) -> str:
    found = await subject.found()
    server = found.server
    for grant in server["grant_types_supported"]:
        registered = await _registered(found, {**VSCODE, "grant_types": server["grant_types_supported"]})
        asked = {"grant_type": grant, "client_id": registered["client_id"], **GRANTS[grant]}
        error = _error(await found.token(asked))
        assert "unsupported_grant_type" not in error, f"{grant} is advertised and not served"
    for method in server["token_endpoint_auth_methods_supported"]:
        if method in {"none", "client_secret_post", "client_secret_basic"}:
            await _redeem_with(subject, found, method)
    await _revoke(subject, found)
    return "every grant and every method of the metadata, and revocation"


async def _redeem_with(subject: Subject, found: Discovered, method: str) -> None:
    """A client that authenticates by Basic need not say its id in the form too (RFC 6749, section 2.3.1)."""
    registered = await _registered(found, {**VSCODE, "token_endpoint_auth_method": method})
    client_id, uri = registered["client_id"], "http://127.0.0.1:33418/"
    code = await found.authorize(subject.visit, client_id, uri)
    form = {"code": code.answer["code"], "redirect_uri": uri, "code_verifier": code.verifier}
    form["grant_type"] = "authorization_code"
    secret = registered.get("client_secret", "")
    auth = ("", "")
    if method == "client_secret_basic":
        auth = (quote(client_id, safe=""), quote(secret, safe=""))
    else:
        form |= {"client_id": client_id} | ({"client_secret": secret} if secret else {})
    answer = await found.token(form, auth=auth)
    assert answer.status_code == 200, f"{method} is advertised and refused: {_error(answer)}"


async def _revoke(subject: Subject, found: Discovered) -> None:
    signed = await found.sign_in(subject.visit)
    form = {"token": signed.refresh_token, "client_id": signed.client_id}
    async with client() as http:
        revoked = await http.post(found.server["revocation_endpoint"], data=form)
    assert revoked.status_code == 200, f"revocation is advertised and refused: {_error(revoked)}"
    gone = await found.refresh(signed.client_id, signed.refresh_token)
    assert gone.status_code >= 400, "a revoked refresh token still works"


async def lifetimes_are_bounded(subject: Subject) -> str:
    signed = await (await subject.found()).sign_in(subject.visit)
    lifetime = signed.tokens["expires_in"]
    assert SHORTEST <= lifetime <= LONGEST, f"tokens are good for {lifetime} s"
    for seconds in (5, 86_400):
        accepted = await asyncio.to_thread(subject.accepts_lifetime, seconds)
        assert not accepted, f"a setting of {seconds} s is accepted"
    return f"{lifetime} s; a start with less than {SHORTEST} s or more than {LONGEST} s is refused"


async def every_refusal_says_where_to_sign_in(subject: Subject) -> str:
    expired = _unsigned({"sub": "ann", "exp": 1})
    count = 0
    async with client() as http:
        for address in subject.typed:
            for method in ("GET", "POST", "DELETE") if "/mcp" in address else ("GET", "POST"):
                for token in (None, "rubbish", expired):
                    headers = {"Authorization": f"Bearer {token}"} if token else {}
                    answer = await http.request(method, f"{subject.url}{address}", headers=headers)
                    _expect_challenge(f"{method} {address}", answer, with_error=token is not None)
                    count += 1
    return f"{count} kinds of refusal, each with the whole challenge"


def _expect_challenge(what: str, answer: httpx.Response, *, with_error: bool) -> None:
    assert answer.status_code == 401, f"{what} answers {answer.status_code}"
    challenge = answer.headers.get("WWW-Authenticate", "")
    assert METADATA.search(challenge), f"{what} does not say where to sign in"
    assert not with_error or 'error="invalid_token"' in challenge, (
        f"{what} does not say that the token is bad"
    )


async def a_blocked_agent_is_found(subject: Subject) -> str:
    found = await asyncio.to_thread(subject.blocked_agent_is_found)
    assert found, "no check asks as Claude does"
    return f"`doctor` asks as {' and as '.join(AGENTS)}, and names the one that is blocked"


async def the_resource_is_the_typed_address(subject: Subject) -> str:
    for address in subject.typed:
        typed = f"{subject.url}{address}"
        found = await Discovered.at(typed)
        told = found.resource["resource"]
        assert told == typed, f"{address} is told to be {urlsplit(told).path}, which VS Code refuses"
        signed = await found.sign_in(subject.visit)
        await _expect_accepted(typed, signed)
    return f"{', '.join(subject.typed)}: each names itself, and its token is good there"


async def _expect_accepted(typed: str, signed: SignedIn) -> None:
    headers = {
        "Authorization": f"Bearer {signed.tokens['access_token']}",
        "Accept": "application/json, text/event-stream",
    }
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    how: dict[str, Any] = {"method": "GET"} if "/sse" in typed else {"method": "POST", "json": message}
    async with client() as http, http.stream(url=typed, headers=headers, **how) as answer:
        assert answer.status_code == 200, f"{typed} answers {answer.status_code} to its own token"


async def _registered(found: Discovered, metadata: dict[str, Any]) -> dict[str, Any]:
    uris = metadata["redirect_uris"]
    rest = {name: value for name, value in metadata.items() if name != "redirect_uris"}
    answer = await found.register(*uris, **rest)
    assert answer.status_code == 201, f"it is not registered: {_error(answer)}"
    registered: dict[str, Any] = answer.json()
    return registered


def _error(answer: httpx.Response) -> str:
    try:
        said = answer.json()
    except ValueError:
        said = {"error": answer.text[:80]}
    return f"{answer.status_code} {said.get('error', '')} {said.get('error_description') or ''}".strip()


def _unsigned(claims: dict[str, object]) -> str:
    parts = [{"alg": "HS256", "typ": "JWT"}, claims]
    encoded = [base64.urlsafe_b64encode(str(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


PITFALLS = (
    Pitfall("two refreshes at once, from two addresses", "PrefectHQ/fastmcp#4264", two_refreshes_at_once),
    Pitfall("VS Code comes back on another port", "microsoft/vscode#278512", another_loopback_port),
    Pitfall(
        "Cursor's three addresses, and unusable ones", "Altinity/altinity-mcp#169", some_redirects_unusable
    ),
    Pitfall("metadata documents are offered", "anomalyco/opencode#47743", metadata_documents_are_offered),
    Pitfall("a purged client strands its users", "kimi-code#2606", a_registration_outlives_a_restart),
    Pitfall("advertised and not served", "several", what_is_advertised_is_served),
    Pitfall("very short tokens", "FastMCP's documentation", lifetimes_are_bounded),
    Pitfall(
        "a 401 that does not say where to sign in", "claude-ai-mcp#406", every_refusal_says_where_to_sign_in
    ),
    Pitfall("an edge that blocks one agent", "claude-ai-mcp#968", a_blocked_agent_is_found),
    Pitfall("the resource must be the typed address", "VS Code", the_resource_is_the_typed_address),
)
