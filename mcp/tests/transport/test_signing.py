"""The signature agrees with the API's: both halves read the same vectors."""

import json
from typing import Any

import pytest

from tests.harness.processes import REPOSITORY
from toolbridge_mcp.transport.signing import sign

VECTORS: list[dict[str, Any]] = json.loads(
    (REPOSITORY / "api/internal/auth/testdata/tenant_vectors.json").read_text()
)["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_signature_of_a_vector(vector: dict[str, Any]) -> None:
    assert sign(vector["secret"].encode(), vector["tenant_id"], vector["timestamp"]) == vector["signature"]
