"""Every token vector of the embedded sign-in. The API's tests read the same file."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.auth.login_vectors import FILE, ISSUER, render
from tests.harness.clients import settings_for
from tests.login.state_server import StateServer
from toolbridge_mcp.auth import TokenRevoked, UserTokenVerifier
from toolbridge_mcp.http_clients import outside_http
from toolbridge_mcp.keyring import Keyring
from toolbridge_mcp.sources import token_sources

pytestmark = pytest.mark.anyio
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text())


def test_the_file_is_what_its_script_writes() -> None:
    assert FILE.read_text() == render(), (
        "run python -m tests.auth.login_vectors in mcp/ and review the change"
    )


def test_each_vector_has_a_name_of_its_own() -> None:
    names = [vector["name"] for vector in DOCUMENT["vectors"]]
    assert len(set(names)) == len(names) >= 50


@pytest.fixture
async def verifier() -> AsyncIterator[UserTokenVerifier]:
    """As the gateway has it, told the keys and revocations of the file."""
    told = {"keys": DOCUMENT["keys"], "seal": "A" * 43, "revoked": DOCUMENT["revoked"], "accounts": 1}
    async with StateServer([], body=json.dumps(told)).running() as server:
        login = server.login()
        settings = settings_for(server.url, login="embedded", public_url=ISSUER)
        ring = Keyring.of_secret(DOCUMENT["secret"])
        sources = token_sources(settings, ring, outside_http(settings), login)
        async with login.kept():
            yield UserTokenVerifier(*sources, clock=lambda: DOCUMENT["now"])


async def test_the_gateway_decides_as_each_vector_says(verifier: UserTokenVerifier) -> None:
    wrong = []
    for vector in DOCUMENT["vectors"]:
        try:
            access = await verifier.verify_token(vector["token"])
        except TokenRevoked:
            access = None
        names = access.scopes if access else []
        rights = [right for right in ("read", "write") if right in names]
        got = ("accepted" if access else "refused", access.subject if access else "", rights)
        if got != (vector["outcome"], vector["subject"], vector["rights"]):
            wrong.append((vector["name"], got))
    assert not wrong
