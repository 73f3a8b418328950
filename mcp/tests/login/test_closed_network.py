"""A gateway that reaches no site outside: clients register in place of saying by a document who they are."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.harness.processes import Process
from tests.login.known import query
from tests.login.places import browsing, signing_in

DOCUMENT = "https://claude.ai/oauth/claude-code-client-metadata"
REDIRECT = "http://127.0.0.1:7/callback"


@pytest.fixture(scope="module")
def closed(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = Path(tmp_path_factory.mktemp("closed"))
    with signing_in(api_binary, folder, TOOLBRIDGE_LOGIN_DOCUMENTS="false") as gateway:
        yield gateway


@pytest.fixture
def http(closed: Process) -> Iterator[httpx.Client]:
    with browsing(closed) as http:
        yield http


def test_the_metadata_offers_registration_only(http: httpx.Client) -> None:
    document = http.get("/.well-known/oauth-authorization-server").json()
    assert document["client_id_metadata_document_supported"] is False
    made = http.post("/register", json={"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"})
    assert http.get(f"/authorize?{query(made.json()['client_id'], redirect_uri=REDIRECT)}").status_code == 302


def test_a_document_is_not_looked_for(http: httpx.Client) -> None:
    answer = http.get(f"/authorize?{query(DOCUMENT, redirect_uri=REDIRECT)}")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")
    assert "has to register" in answer.json()["error_description"]
