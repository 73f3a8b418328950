"""What the provider is asked, by a provider that answers as it is told."""

import base64
import json
from collections.abc import Callable
from urllib.parse import parse_qs, unquote

import httpx
import pytest
from authlib.integrations.base_client import OAuthError

from toolbridge_mcp.login.proxy.provider import ScopeNames
from toolbridge_mcp.login.proxy.trouble import ProviderUnavailable, observed
from toolbridge_mcp.login.proxy.upstream import (
    MAX_BYTES,
    TokenClient,
    WrongDescription,
    description,
)

pytestmark = pytest.mark.anyio
URL = "https://id.example/token"
ISSUER = "https://id.example"
DESCRIBED = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": URL,
    "jwks_uri": f"{ISSUER}/keys",
    "response_types_supported": ["code"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256"],
}
Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer) -> TokenClient:
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return TokenClient(http, "the:gateway", "a b+/&=%", "client_secret_basic")


def always(*answer: object) -> Answer:
    status, content = answer
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda _: httpx.Response(int(str(status)), content=body)


async def test_id_and_secret_are_encoded_before_they_are_joined() -> None:
    """RFC 6749, section 2.3.1: a colon in an id would else end it."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"].removeprefix("Basic "))
        return httpx.Response(200, json={"access_token": "t"})

    await client(answer).fetch_token(URL, code="c")
    name, secret = base64.b64decode(seen[0]).decode().split(":")
    assert (unquote(name), unquote(secret)) == ("the:gateway", "a b+/&=%")


async def test_a_refresh_goes_on_with_what_was_granted() -> None:
    forms: list[dict[str, list[str]]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        forms.append(parse_qs(request.content.decode()))
        wrong = "scope" in forms[-1]
        return (
            httpx.Response(400, json={"error": "invalid_scope"})
            if wrong
            else httpx.Response(200, json={"access_token": "t"})
        )

    tokens = await client(answer).refresh_token(URL, refresh_token="r", scope="a b")
    assert tokens == {"access_token": "t", "refresh_token": "r"}
    assert [form.get("scope") for form in forms] == [["a b"], None]


@pytest.mark.parametrize(
    "answer",
    [
        always(500, {}),
        always(503, {}),
        always(429, {}),
        always(200, b"x" * (MAX_BYTES + 1)),
    ],
)
async def test_an_outage_is_no_refusal(answer: Answer) -> None:
    with observed() as met, pytest.raises(ProviderUnavailable):
        await client(answer).fetch_token(URL, code="c")
    assert len(met) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (always(400, {"error": "invalid_grant", "error_description": "token secret"}), "invalid_grant"),
        (always(200, {"error": "x" * 100}), "server_error"),
        (always(200, b"<html>"), "server_error"),
        (always(200, []), "server_error"),
        (always(302, {}), "server_error"),
    ],
)
async def test_a_refusal_says_no_more_than_its_code(answer: Answer, error: str) -> None:
    with pytest.raises(OAuthError) as caught:
        await client(answer).refresh_token(URL, refresh_token="r")
    assert (caught.value.error, caught.value.description) == (error, "")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"issuer": f"{ISSUER}/"}, "describes another issuer"),
        ({"token_endpoint": "http://id.example/token"}, "no https addresses"),
        ({"authorization_endpoint": "https://user@id.example/"}, "no https addresses"),
        ({"token_endpoint": None}, "no description"),
    ],
)
async def test_a_description_that_cannot_be_used_is_told(changes: dict[str, str | None], says: str) -> None:
    http = httpx.AsyncClient(transport=httpx.MockTransport(always(200, {**DESCRIBED, **changes})))
    with pytest.raises(WrongDescription, match=says):
        await description(f"{ISSUER}/x", ISSUER, http)


async def test_a_description_that_can_be_used() -> None:
    http = httpx.AsyncClient(transport=httpx.MockTransport(always(200, DESCRIBED)))
    assert str((await description(f"{ISSUER}/x", ISSUER, http)).token_endpoint) == URL


def test_a_client_has_no_more_scopes_than_it_asked_for() -> None:
    names = ScopeNames(("openid",), True, {"api://app/read": "read", "api://app/write": "write"})
    assert names.upstream(["api://app/read"]) == ["openid", "api://app/read"]
    assert names.narrowed(["read", "write", "other"], "api://app/read") == ["read", "other"]
    assert ScopeNames(("openid",), False, {}).upstream(["read"]) == ["openid"]
