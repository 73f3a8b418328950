"""The signatures agree with the API's: both programs are tested with the same vectors."""

import base64
import json
import re
from typing import Any

import httpx
import pytest

from tests.harness.processes import REPOSITORY
from toolbridge_mcp.keyring import Key
from toolbridge_mcp.transport import Request
from toolbridge_mcp.transport.signing import COVERED, new_nonce, sign, sign_v1, signed_v1, signed_v2, unsign

TESTDATA = REPOSITORY / "api/internal/auth/testdata"
OF_V1: list[dict[str, Any]] = json.loads((TESTDATA / "tenant_vectors.json").read_text())["vectors"]
OF_V2: dict[str, Any] = json.loads((TESTDATA / "signatures.json").read_text())
BY_GATEWAY = [row for row in OF_V2["rows"] if "signer" in row]
KEY = Key("k1", None, b"secret")
PROCESS = "9f2c7a51d0b84e3ea6f5c1d2b3a49687"


@pytest.mark.parametrize("vector", OF_V1, ids=lambda vector: vector["name"])
def test_the_signature_of_a_vector_of_v1(vector: dict[str, Any]) -> None:
    signature = sign_v1(vector["secret"].encode(), vector["tenant_id"], vector["timestamp"])
    assert signature == vector["signature"]


def test_v1_is_tenant_milliseconds_and_signature() -> None:
    assert signed_v1(KEY, "acme", "1700000000123") == {
        "X-TB-Tenant-ID": "acme",
        "X-TB-Timestamp": "1700000000123",
        "X-TB-Signature": sign_v1(b"secret", "acme", "1700000000123"),
    }


def test_the_example_of_the_standard() -> None:
    """RFC 9421, appendix B.2.5."""
    standard = OF_V2["standard"]
    headers = {name.lower(): value for name, value in standard["headers"]}
    values = {"date": headers["date"], "@authority": headers["host"], "content-type": headers["content-type"]}
    names = [f'"{name}"' for name in values]
    lines = [f'"{name}": {value}' for name, value in values.items()]
    _, _, parameters = standard["signature_input"].partition(")")
    found, signature = sign(base64.b64decode(standard["secret"]), names, lines, parameters)
    assert f"sig-b25={found}" == standard["signature_input"]
    assert "\n".join(lines) == standard["base"]
    assert f"sig-b25=:{signature}:" == standard["signature"]


@pytest.mark.parametrize("row", BY_GATEWAY, ids=lambda row: row["name"])
def test_v2_adds_exactly_the_headers_of_a_vector(row: dict[str, Any]) -> None:
    signer = row["signer"]
    content = row["body"].encode() * row["repeat"]
    request = Request(row["method"], row["target"], dict(row["headers"]), content)
    key = Key(signer["key"], None, signer["secret"].encode())
    signed = signed_v2(key, row["tenant"], request, nonce=signer["nonce"], created=signer["created"])
    assert [list(pair) for pair in signed.items()] == row["signed"]


def test_v2_finds_headers_however_they_are_spelled() -> None:
    headers = {name: f"value of {name}" for name in COVERED if name != "content-digest"}
    spelled = [
        Request("GET", "/", {how(name): value for name, value in headers.items()}) for how in SPELLINGS
    ]
    spelled.append(Request("GET", "/", httpx.Headers(headers)))
    signed = [signed_v2(KEY, "acme", request, nonce="a.b", created=1) for request in spelled]
    assert all(one == signed[0] for one in signed)
    assert all(f'"{name}"' in signed[0]["Signature-Input"] for name in headers)


SPELLINGS = (str.lower, str.upper, str.title)


def test_a_request_that_is_signed_again_has_the_signature_of_its_last_content_only() -> None:
    request = Request("POST", "/v1/notes", {"Authorization": "Bearer a"}, b"one")
    request.headers.update(signed_v1(KEY, "acme", "1"))
    request.headers.update(signed_v2(KEY, "acme", request, nonce="a.b", created=1))
    unsign(request)
    assert request.headers == {"Authorization": "Bearer a"}


def test_a_nonce_names_the_process_and_has_96_bits_of_its_own() -> None:
    nonces = {new_nonce(PROCESS) for _ in range(10_000)}
    assert len(nonces) == 10_000
    assert all(re.fullmatch(rf"{PROCESS}\.[0-9a-f]{{24}}", nonce) for nonce in nonces)
