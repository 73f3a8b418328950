"""Tokens and tenant signatures, made from the standard library alone.

The tests must not check the product with its own code, so nothing here is imported from it.
"""

import base64
import hmac
import json
import time
from collections.abc import Mapping

from tests.harness.log_search import Kind, confide

DIGESTS = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


def signed_token(secret: str, claims: Mapping[str, object], algorithm: str = "HS256") -> str:
    """A JWT (RFC 7519) with these claims. A claim that is None is left out. "none" leaves it unsigned."""
    present = {name: value for name, value in claims.items() if value is not None}
    text = f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(present)}"
    if algorithm == "none":
        return f"{text}."
    signature = hmac.digest(secret.encode(), text.encode(), DIGESTS[algorithm])
    return confide(Kind.TOKEN, f"{text}.{_base64url(signature)}")


def signed_tenant(secret: str, tenant: str, age_seconds: float = 0) -> dict[str, str]:
    """The three headers that prove the tenant, signed `age_seconds` ago."""
    timestamp = str(int((time.time() - age_seconds) * 1000))
    proof = hmac.digest(secret.encode(), f"{tenant}:{timestamp}".encode(), "sha256")
    return {
        "X-TB-Tenant-ID": tenant,
        "X-TB-Timestamp": timestamp,
        "X-TB-Signature": confide(Kind.SIGNATURE, proof.hex()),
    }


def _part(value: Mapping[str, object]) -> str:
    return _base64url(json.dumps(value).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
