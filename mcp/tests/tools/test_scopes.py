"""What a token, and what a deployment, allows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.clients import over_http, over_sse, token
from tests.harness.processes import Process, api_process, gateway_process, running
from tests.harness.published import TOOLS
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.tools.operations import OPERATIONS
from toolbridge_mcp.tools.work import ALL_WORK

pytestmark = pytest.mark.anyio
READING = {
    *(operation.tool_name(entity) for entity in ENTITIES for operation in OPERATIONS if not operation.writes),
    *(work.name for work in ALL_WORK if not work.writes),
}


async def tools_of(gateway: Process, bearer: str) -> set[str]:
    async with over_sse(gateway.url, bearer) as tools:
        return {tool.name for tool in await tools.client.list_tools()}


async def test_without_write_nothing_that_writes_is_seen_or_done(gateway: Process, user: str) -> None:
    reader = token(user, scope="openid read")
    assert await tools_of(gateway, reader) == READING
    for connect in (over_sse, over_http):
        async with connect(gateway.url, reader) as tools:
            refusal = await tools.refusal("create_note", title="t", content="c")
            assert "its token has no scope write. Nothing was done." in refusal
            assert (await tools.call("list_notes"))["items"] == []


async def test_without_read_nothing_is_read(gateway: Process, user: str) -> None:
    async with over_sse(gateway.url, token(user, scp=["write"])) as tools:
        assert not READING & {tool.name for tool in await tools.client.list_tools()}
        assert "no scope read" in await tools.refusal("list_notes")


@pytest.mark.parametrize("claims", [{"scope": ""}, {"scope": "admin"}, {"scp": []}, {"scope": ["reads"]}])
async def test_a_token_that_allows_nothing_here_is_refused(
    claims: dict[str, Any], gateway: Process, user: str
) -> None:
    headers = {"Authorization": f"Bearer {token(user, **claims)}"}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        answer = await http.get("/sse", headers=headers)
    challenge = answer.headers["WWW-Authenticate"]
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="read write"' in challenge
    assert f'resource_metadata="{gateway.url}/.well-known/oauth-protected-resource/sse"' in challenge


@pytest.fixture(scope="module")
def strict(api: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A gateway with scopes of its own names, which a token must have."""
    settings = {
        "TOOLBRIDGE_SCOPE_READ": "items:read",
        "TOOLBRIDGE_SCOPE_WRITE": "items:write",
        "TOOLBRIDGE_REQUIRE_SCOPES": "true",
    }
    with running(gateway_process(api.url, tmp_path_factory.mktemp("strict"), **settings)) as process:
        yield process


async def test_scopes_may_have_other_names(strict: Process, user: str) -> None:
    assert await tools_of(strict, token(user, scope="items:read items:write")) == TOOLS
    assert await tools_of(strict, token(user, scope="items:read")) == READING


@pytest.mark.parametrize("claims", [{}, {"scope": "read write"}])
async def test_where_scopes_are_required_a_token_without_them_is_refused(
    claims: dict[str, Any], strict: Process, user: str
) -> None:
    headers = {"Authorization": f"Bearer {token(user, **claims)}"}
    async with httpx.AsyncClient(base_url=strict.url, trust_env=False) as http:
        answer = await http.post("/mcp", headers=headers, json={})
    assert answer.status_code == 403
    assert 'scope="items:read items:write"' in answer.headers["WWW-Authenticate"]


PROVIDERS: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "Auth0": ({}, {"scope": "openid read write", "permissions": ["read", "write"]}, "read write"),
    "Keycloak": ({}, {"scope": "email read profile write", "typ": "Bearer"}, "read write"),
    "Okta": ({}, {"scp": ["read", "write", "offline_access"]}, "read write"),
    "Amazon Cognito": (
        {"SCOPE_READ": "tools/read", "SCOPE_WRITE": "tools/write"},
        {"scope": "tools/read tools/write openid", "token_use": "access"},
        "tools/read tools/write",
    ),
    "Entra ID": (
        {"ADVERTISED_SCOPE_READ": "api://app/read", "ADVERTISED_SCOPE_WRITE": "api://app/write"},
        {"scp": "read write", "ver": "2.0"},
        "api://app/read api://app/write",
    ),
    "Entra ID, all at once": (
        {"ADVERTISED_SCOPE_READ": "api://app/.default", "ADVERTISED_SCOPE_WRITE": "api://app/.default"},
        {"scp": "write read"},
        "api://app/.default",
    ),
}
"""Of each identity provider: settings, the claims of its tokens, and the scopes that clients request."""


@pytest.mark.parametrize(("settings", "claims", "requested"), PROVIDERS.values(), ids=PROVIDERS)
async def test_clients_request_scopes_as_their_provider_names_them(
    settings: dict[str, str],
    claims: dict[str, Any],
    requested: str,
    api_binary: Path,
    tmp_path: Path,
    user: str,
) -> None:
    named = {f"TOOLBRIDGE_{name}": value for name, value in settings.items()}
    named["TOOLBRIDGE_REQUIRE_SCOPES"] = "true"
    with (
        running(api_process(api_binary, tmp_path, **named)) as api,
        running(gateway_process(api.url, tmp_path, **named)) as process,
    ):
        async with httpx.AsyncClient(base_url=process.url, trust_env=False) as http:
            document = (await http.get("/.well-known/oauth-protected-resource/mcp")).json()
            assert document["scopes_supported"] == requested.split()
            unknown = {"Authorization": f"Bearer {token(user, scope='api://app/other')}"}
            for headers, status in (({}, 401), (unknown, 403)):
                answer = await http.post("/mcp", headers=headers, json={})
                assert answer.status_code == status
                assert f'scope="{requested}"' in answer.headers["WWW-Authenticate"]
        async with over_http(process.url, token(user, **claims)) as tools:
            assert (await tools.call("create_note", title="t", content="c"))["uid"]
            assert len((await tools.call("list_notes"))["items"]) == 1


async def test_a_deployment_can_be_read_only_and_offer_some_tools(
    api: Process, tmp_path: Path, bearer: str
) -> None:
    settings = {"TOOLBRIDGE_READ_ONLY": "true", "TOOLBRIDGE_TOOLS": "notes, get_task create_task"}
    with running(gateway_process(api.url, tmp_path, **settings)) as process:
        assert await tools_of(process, bearer) == {"list_notes", "get_note", "get_task"}
        async with over_http(process.url, bearer) as tools:
            assert "create_note" in await tools.refusal("create_note", title="t", content="c")
