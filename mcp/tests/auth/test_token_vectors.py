"""Every token vector: the gateway decides as the RFCs say. The API's tests read the same file."""

import json
from typing import Any

import httpx
import pytest

from tests.auth.token_vectors import FILE, nested, render
from tests.harness.clients import token as with_secret
from tests.harness.processes import Process
from toolbridge_mcp.auth import Keys, KeySet, KeysUnavailable, Scopes, SharedSecret, Source, UserTokenVerifier
from toolbridge_mcp.auth.jws import MAX_NESTED
from toolbridge_mcp.auth.verifier import TenantClaim
from toolbridge_mcp.keyring import Keyring

pytestmark = pytest.mark.anyio
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text())


def test_the_file_is_what_its_script_writes() -> None:
    assert FILE.read_text() == render(), (
        "run python -m tests.auth.token_vectors in mcp/ and review the change"
    )


def test_each_vector_has_a_name_of_its_own() -> None:
    names = [vector["name"] for vector in DOCUMENT["vectors"]]
    assert len(set(names)) == len(names) >= 200


async def test_a_token_that_is_nested_as_deeply_as_may_be_gets_through_the_whole_gateway(
    gateway: Process, user: str
) -> None:
    deep = with_secret(user, note=nested(MAX_NESTED - 1))
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        for bearer, status in ((deep, 400), (with_secret(user, note=nested(MAX_NESTED)), 401)):
            answer = await http.post("/mcp", headers={"Authorization": f"Bearer {bearer}"}, json={})
            assert answer.status_code == status


@pytest.mark.parametrize("vector", DOCUMENT["vectors"], ids=lambda vector: vector["name"])
async def test_the_gateway_decides_as_the_vector_says(vector: dict[str, Any]) -> None:
    given = DOCUMENT["verifiers"][vector["verifier"]]
    scopes = Scopes(**given["scopes"])

    def published(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=given["key_set"].encode())

    async with httpx.AsyncClient(transport=httpx.MockTransport(published)) as http:
        key_set = KeySet("https://id.example/keys", http)
        keys: Keys = SharedSecret(Keyring.of_secret(given["secret"])) if given["secret"] else key_set
        source = Source(
            keys,
            issuer=given["issuer"] or None,
            audience=given["audiences"],
            tenant=_tenant(given),
            scopes=scopes,
        )
        verifier = UserTokenVerifier(source, clock=lambda: DOCUMENT["now"])
        outcome, access = "refused", None
        try:
            access = await verifier.verify_token(vector["token"])
        except KeysUnavailable:
            outcome = "unavailable"
        await key_set.aclose()
    if access:
        outcome = "accepted"
        assert access.subject == vector["subject"]
        assert access.scopes == vector["scopes"]
        names = {"read": scopes.read, "write": scopes.write}
        assert [right for right, name in names.items() if name in access.scopes] == vector["rights"]
    assert outcome == vector["outcome"]


def _tenant(given: dict[str, Any]) -> TenantClaim | None:
    return TenantClaim(given["tenant_claim"], given["tenant"]) if given["tenant_claim"] else None
