"""Tokens and tenant signatures, made from the standard library alone.

The tests must not check the product with its own code, so nothing here is imported from it.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

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


SIGNED = (
    *("authorization", "content-digest", "x-sync-session", "x-sync-epoch", "x-correlation-id", "x-tb-client"),
    *("x-tb-tool", "idempotency-key", "if-match", "x-request-timeout-ms", "x-debug-sub"),
)
"""Headers that a signature of the whole request covers if they are there."""


@dataclass(frozen=True)
class Whole:
    """Signs whole requests (RFC 9421) for one process of the API, `age_seconds` ago."""

    secret: str
    tenant: str
    process: str
    key_id: str = "default"
    age_seconds: float = 0

    def headers(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """Those that a request needs beside its own."""
        added = {"x-tb-tenant-id": self.tenant}
        if body:
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            added["content-digest"] = f"sha-256=:{digest}:"
        path, _, query = target.partition("?")
        fields = {name.lower(): value for name, value in headers.items()} | added
        values = {"@method": method, "@path": path, "@query": f"?{query}"}
        values |= {name: fields[name] for name in ("x-tb-tenant-id", *SIGNED) if name in fields}
        created, nonce = int(time.time() - self.age_seconds), f"{self.process}.{secrets.token_hex(12)}"
        names = " ".join(f'"{name}"' for name in values)
        parameters = f'({names});created={created};nonce="{nonce}";keyid="{self.key_id}";tag="toolbridge"'
        lines = [f'"{name}": {value}' for name, value in (values | {"@signature-params": parameters}).items()]
        proof = hmac.digest(self.secret.encode(), "\n".join(lines).encode(), "sha256")
        signature = confide(Kind.SIGNATURE, base64.b64encode(proof).decode())
        return {**added, "signature-input": f"tb={parameters}", "signature": f"tb=:{signature}:"}


def _part(value: Mapping[str, object]) -> str:
    return _base64url(json.dumps(value).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
