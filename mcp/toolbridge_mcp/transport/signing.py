"""The signatures that prove to the API which tenant a request comes from.

Version 2 is an HTTP message signature (RFC 9421) with hmac-sha256, bound to one request. Version 1 says the
tenant and the time only, for an API that knows no other.
"""

import hmac
import os
from binascii import b2a_base64
from hashlib import sha256

from toolbridge_mcp.keyring import Key
from toolbridge_mcp.transport.messages import Request

TENANT, TIMESTAMP, SIGNATURE_V1 = "X-TB-Tenant-ID", "X-TB-Timestamp", "X-TB-Signature"
SIGNATURE_INPUT, SIGNATURE, CONTENT_DIGEST = "Signature-Input", "Signature", "Content-Digest"
HEADERS = (TENANT, TIMESTAMP, SIGNATURE_V1, SIGNATURE_INPUT, SIGNATURE, CONTENT_DIGEST)
"""All that a signature of either version adds to a request."""

LABEL, TAG = "tb", "toolbridge"
"""The name of the signature among those of a message, and the parameter by which the API finds it."""

RANDOM_BYTES = 12
"""Of each nonce: 96 bits of the operating system, so that a process that forks repeats none."""

COVERED = (
    *("authorization", "content-digest", "x-sync-session", "x-sync-epoch", "x-correlation-id"),
    *("x-tb-client", "x-tb-tool", "idempotency-key", "if-match", "x-request-timeout-ms", "x-debug-sub"),
)
"""The headers that the API obeys. It refuses a request that has one of them and does not sign it."""

_BLANK = " \t"
_ALWAYS = '"@method" "@path" "@query" "x-tb-tenant-id"'
_COVERED = tuple((name, f'"{name}"') for name in COVERED)


def sign_v1(secret: bytes, tenant_id: str, timestamp: str) -> str:
    """The lower-case hex HMAC-SHA256 over `<tenant id>:<timestamp>`, with the timestamp as it is sent."""
    return hmac.digest(secret, f"{tenant_id}:{timestamp}".encode(), "sha256").hex()


def signed_v1(key: Key, tenant_id: str, timestamp: str) -> dict[str, str]:
    """The headers of version 1. `timestamp` is Unix time in milliseconds, within 300 s of the API's."""
    return {
        TENANT: tenant_id,
        TIMESTAMP: timestamp,
        SIGNATURE_V1: sign_v1(key.secret, tenant_id, timestamp),
    }


def sign(secret: bytes, names: list[str], lines: list[str], parameters: str) -> tuple[str, str]:
    """The signature parameters, and the signature in base64 (RFC 9421, sections 2.5 and 3.3.3).

    `names` are the components in quotation marks, `lines` are those of the signature base, and `parameters`
    is what follows the list of components.
    """
    signature_parameters = f"({' '.join(names)}){parameters}"
    lines.append(f'"@signature-params": {signature_parameters}')
    return signature_parameters, _base64(hmac.digest(secret, "\n".join(lines).encode(), "sha256"))


def signed_v2(key: Key, tenant_id: str, request: Request, *, nonce: str, created: int) -> dict[str, str]:
    """The headers of version 2, for exactly what goes over the wire: the target as it is sent, each header
    that the API obeys, and the content by its digest (RFC 9530).

    The API takes the `nonce` once, within 60 s of `created`.
    """
    headers = {TENANT: tenant_id}
    given = {name.lower(): value for name, value in request.headers.items()}
    if request.content:
        digest = f"sha-256=:{_base64(sha256(request.content).digest())}:"
        headers[CONTENT_DIGEST] = given["content-digest"] = digest
    path, _, query = request.target.partition("?")
    names = [_ALWAYS]
    lines = [f'"@method": {request.method}', f'"@path": {path}', f'"@query": ?{query}']
    lines.append(f'"x-tb-tenant-id": {tenant_id}')
    for name, quoted in _COVERED:
        if (value := given.get(name)) is not None:
            names.append(quoted)
            lines.append(f"{quoted}: {value.strip(_BLANK)}")
    parameters = f';created={created};nonce="{nonce}";keyid="{key.id}";tag="{TAG}"'
    signature_parameters, signature = sign(key.secret, names, lines, parameters)
    headers[SIGNATURE_INPUT] = f"{LABEL}={signature_parameters}"
    headers[SIGNATURE] = f"{LABEL}=:{signature}:"
    return headers


def new_nonce(process: str) -> str:
    """A nonce for one request to this process of the API. Only that process takes it, so none has to ask the
    others whether they have seen it."""
    return f"{process}.{os.urandom(RANDOM_BYTES).hex()}"


def unsign(request: Request) -> None:
    """Takes off what a signature of either version has added."""
    for name in HEADERS:
        request.headers.pop(name, None)


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()
