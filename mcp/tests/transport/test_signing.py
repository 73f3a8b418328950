"""The signature agrees with the API's: both programs are tested with the same vectors."""

import json
from typing import Any

import httpx
import pytest

from tests.harness.processes import REPOSITORY
from toolbridge_mcp.transport.signing import Signer, sign

VECTORS: list[dict[str, Any]] = json.loads(
    (REPOSITORY / "api/internal/auth/testdata/tenant_vectors.json").read_text()
)["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_signature_of_a_vector(vector: dict[str, Any]) -> None:
    assert sign(vector["secret"].encode(), vector["tenant_id"], vector["timestamp"]) == vector["signature"]


def test_the_signer_sends_tenant_milliseconds_and_signature() -> None:
    signer = Signer(b"secret", "acme", lambda: 1_700_000_000.1239)
    assert signer.headers(httpx.Request("GET", "http://127.0.0.1/")) == {
        "X-TB-Tenant-ID": "acme",
        "X-TB-Timestamp": "1700000000123",
        "X-TB-Signature": sign(b"secret", "acme", "1700000000123"),
    }
