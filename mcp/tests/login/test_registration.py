"""Dynamic registration (RFC 7591), without anything that is kept."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from mcp.shared.auth import OAuthClientInformationFull
from starlette.applications import Starlette
from starlette.routing import Route

from tests.login.known import OFFERED, SEAL, authorization, query, seal
from toolbridge_mcp.login import sealed
from toolbridge_mcp.login.bodies import MAX_BYTES, Bodies
from toolbridge_mcp.login.limits import PublicLimit
from toolbridge_mcp.login.registration import RegistrationEndpoint

pytestmark = pytest.mark.anyio
LOOPBACK = "http://127.0.0.1:33418/callback"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    endpoint = RegistrationEndpoint(seal, OFFERED, PublicLimit((6, 40), (60, 50)), Bodies())
    app = Starlette(routes=[Route("/register", endpoint.answer, methods=["POST"])])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tools.example") as http:
        yield http


async def registered(http: httpx.AsyncClient, *redirect_uris: str, **more: Any) -> dict[str, Any]:
    answer = await http.post("/register", json={"redirect_uris": list(redirect_uris), **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert OAuthClientInformationFull.model_validate(made).client_id == made["client_id"]
    return made


async def refused(http: httpx.AsyncClient, **body: Any) -> tuple[int, str]:
    answer = await http.post("/register", json=body)
    assert answer.json()["error_description"]
    return answer.status_code, answer.json()["error"]


async def test_an_id_is_all_that_is_needed_later(http: httpx.AsyncClient) -> None:
    made = await registered(
        http, LOOPBACK, client_name="A client", token_endpoint_auth_method="none", scope="read offline_access"
    )
    assert made["redirect_uris"] == [LOOPBACK]
    assert made["token_endpoint_auth_method"] == "none"
    assert (made["scope"], made["client_name"]) == ("read", "A client")
    assert "client_secret" not in made
    asked = await authorization().check(query(made["client_id"]), "")
    assert (asked.client.name, asked.scopes) == ("A client", ("read",))


async def test_without_a_method_a_client_gets_a_secret_for_the_header(http: httpx.AsyncClient) -> None:
    """RFC 7591, section 2."""
    made = await registered(http, LOOPBACK)
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert made["client_secret"] == sealed.secret_of(made["client_id"], SEAL)
    assert made["client_secret_expires_at"] == 0


async def test_two_registrations_of_the_same_client_have_different_secrets(http: httpx.AsyncClient) -> None:
    first, second = [await registered(http, LOOPBACK, client_name=name) for name in ("one", "two")]
    assert first["client_secret"] != second["client_secret"]


async def test_unusable_redirect_uris_are_left_out(http: httpx.AsyncClient) -> None:
    """What Cursor and VS Code register."""
    uris = [
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "https://www.cursor.com/agents/mcp/oauth/callback",
        "http://evil.example/callback",
        "javascript:alert(1)",
        "http://localhost:8787/callback",
        "http://127.0.0.1:33418/",
        "https://vscode.dev/redirect",
    ]
    made = await registered(http, *uris, token_endpoint_auth_method="none")
    assert made["redirect_uris"] == [uri for uri in uris if "evil" not in uri and "javascript" not in uri]
    for uri in made["redirect_uris"]:
        assert (
            await authorization().check(query(made["client_id"], redirect_uri=uri), "")
        ).redirect_uri == uri


@pytest.mark.parametrize(
    "uri", ["https://Client.Example:443/a/../cb", "http://127.0.0.1:33418", "https://client.example"]
)
async def test_redirect_uris_are_kept_as_the_client_wrote_them(uri: str, http: httpx.AsyncClient) -> None:
    made = await registered(http, uri)
    assert (await authorization().check(query(made["client_id"], redirect_uri=uri), "")).redirect_uri == uri


@pytest.mark.parametrize(
    "uris",
    [
        [],
        None,
        "http://127.0.0.1/cb",
        [1, None],
        ["http://evil.example/cb"],
        ["https://a.example/#x"],
        ["javascript:alert(1)", "https://u:p@a.example/"],
        [f"https://a.example/{number}" for number in range(21)],
    ],
)
async def test_a_client_needs_a_usable_redirect_uri(http: httpx.AsyncClient, uris: Any) -> None:
    assert await refused(http, redirect_uris=uris) == (400, "invalid_redirect_uri")


@pytest.mark.parametrize(
    "changes",
    [
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "tls_client_auth"},
        {"token_endpoint_auth_method": ["none"]},
        {"grant_types": ["client_credentials"]},
        {"grant_types": ["implicit"]},
        {"grant_types": "authorization_code"},
        {"response_types": ["token"]},
        {"redirect_uris": [f"https://a.example/{number}{'x' * 400}" for number in range(5)]},
    ],
    ids=str,
)
async def test_what_is_not_served_cannot_be_registered(
    http: httpx.AsyncClient, changes: dict[str, Any]
) -> None:
    assert await refused(http, **{"redirect_uris": [LOOPBACK], **changes}) == (400, "invalid_client_metadata")


async def test_the_answer_says_what_is_left_of_grants(http: httpx.AsyncClient) -> None:
    grants = ["authorization_code", "refresh_token", "client_credentials", "implicit"]
    made = await registered(http, LOOPBACK, grant_types=grants, response_types=["code", "token"])
    assert made["grant_types"] == ["authorization_code", "refresh_token"]
    assert made["response_types"] == ["code"]


async def test_what_is_wrong_and_of_no_use_here_stops_nobody(http: httpx.AsyncClient) -> None:
    made = await registered(http, LOOPBACK, logo_uri="no address", contacts="x", client_uri=1, client_name=[])
    assert "logo_uri" not in made
    assert "client_name" not in made


async def test_a_name_has_one_line_and_nothing_hidden(http: httpx.AsyncClient) -> None:
    made = await registered(http, LOOPBACK, client_name=f"a\r\n\u202eb\u200b\x00 c{'x' * 200}")
    assert made["client_name"] == f"a b c{'x' * 55}"


@pytest.mark.parametrize("content", ["", "[]", "null", "{", "[" * 100_000, '{"redirect_uris": NaN'])
async def test_a_body_that_is_no_object_is_refused(http: httpx.AsyncClient, content: str) -> None:
    answer = await http.post("/register", content=content[:MAX_BYTES])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


async def test_a_body_that_is_too_large_is_not_read_to_its_end(http: httpx.AsyncClient) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b" " * 16 * 1024

    answer = await http.post("/register", content=body())
    assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")
    assert sent <= MAX_BYTES // (16 * 1024) + 1


async def test_an_address_registers_so_often(http: httpx.AsyncClient) -> None:
    body = json.dumps({"redirect_uris": [LOOPBACK]})
    statuses = [(await http.post("/register", content=body)).status_code for _ in range(41)]
    assert statuses == [201] * 40 + [429]
    answer = await http.post("/register", content=body)
    assert answer.json()["error"] == "temporarily_unavailable"
    assert int(answer.headers["Retry-After"]) >= 1
