"""Tokens that name a tenant: only those of this deployment's own get in, by every entry."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.auth.streams import Stream, with_stream
from tests.harness.clients import Rest, over_http, over_sse, token
from tests.harness.processes import TENANT_ID, Process, api_process, gateway_process, running

pytestmark = pytest.mark.anyio
CLAIM = "https://tools.example/tenant.id"
"""A literal name, as identity providers want for claims of others: no path into the token."""

OURS: dict[str, dict[str, Any]] = {
    "a text": {CLAIM: TENANT_ID},
    "in a list": {CLAIM: ["another", TENANT_ID]},
}
OTHERS: dict[str, dict[str, Any]] = {
    "no claim": {},
    "another": {CLAIM: "another"},
    "others": {CLAIM: ["another", "a-third"]},
    "ours and more": {CLAIM: f"{TENANT_ID}-2"},
    "in capitals": {CLAIM: TENANT_ID.upper()},
    "within a claim": {"https://tools": {"example/tenant": {"id": TENANT_ID}}},
    "no text in the list": {CLAIM: [TENANT_ID, None]},
    "an object": {CLAIM: {TENANT_ID: True}},
}


@pytest.fixture(scope="module")
def bound_api(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """An API that demands the claim."""
    with running(api_process(api_binary, tmp_path_factory.mktemp("bound"), TENANT_CLAIM=CLAIM)) as process:
        yield process


@pytest.fixture(scope="module")
def bound(bound_api: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A gateway in front of it that does so, too."""
    folder = tmp_path_factory.mktemp("bound")
    with running(gateway_process(bound_api.url, folder, TENANT_CLAIM=CLAIM)) as process:
        yield process


@pytest.mark.parametrize("claims", OURS.values(), ids=OURS)
async def test_a_token_of_this_tenant_gets_in(claims: dict[str, Any], bound: Process, user: str) -> None:
    for over in (over_http, over_sse):
        async with over(bound.url, token(user, **claims)) as tools:
            await tools.call("list_notes")


@pytest.mark.parametrize("claims", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/sse"), ("POST", "/mcp"), ("POST", f"/messages/?session_id={'0' * 32}")]
)
async def test_a_token_of_another_tenant_is_not_valid(
    method: str, path: str, claims: dict[str, Any], bound: Process, user: str
) -> None:
    bearer = token(user, **claims)
    async with httpx.AsyncClient(base_url=bound.url, trust_env=False) as http:
        answer = await http.request(method, path, headers={"Authorization": f"Bearer {bearer}"})
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer error="invalid_token"')
    assert "resource_metadata=" in challenge
    assert TENANT_ID not in answer.text + challenge


async def test_the_api_refuses_the_same_without_the_gateway(bound_api: Process, user: str) -> None:
    for tokens, status in ((OURS, 200), (OTHERS, 401)):
        for name, claims in tokens.items():
            rest = Rest(bound_api.url, token(user, **claims))
            assert (await rest("GET", "/v1/notes")).status_code == status, name
            await rest.aclose()


async def test_a_stream_takes_no_message_with_a_token_of_another_tenant(bound: Process, user: str) -> None:
    async def use(stream: Stream) -> None:
        assert await stream.post({"id": 1, "method": "ping"}, token(user, **{CLAIM: "another"})) == 401
        assert await stream.post({"id": 2, "method": "ping"}, token(user, **OURS["in a list"])) == 202
        assert (await stream.answer())["id"] == 2

    await with_stream(bound, token(user, **OURS["a text"]), use)


async def test_nobody_has_to_name_a_tenant_where_no_claim_is_set(gateway: Process, user: str) -> None:
    async with over_http(gateway.url, token(user, **OTHERS["another"])) as tools:
        await tools.call("list_notes")
