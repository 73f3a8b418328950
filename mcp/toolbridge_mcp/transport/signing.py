"""The tenant signature, version 1: which deployment a request comes from, and when."""

import hmac


def sign(secret: bytes, tenant_id: str, timestamp: str) -> str:
    """The lower-case hex HMAC-SHA256 over `<tenant id>:<timestamp>`, the timestamp as it is sent."""
    return hmac.digest(secret, f"{tenant_id}:{timestamp}".encode(), "sha256").hex()


def tenant_headers(secret: bytes, tenant_id: str, timestamp_ms: int) -> dict[str, str]:
    """The three headers that prove the tenant to the API for 300 s around `timestamp_ms` (Unix time)."""
    timestamp = str(timestamp_ms)
    return {
        "X-TB-Tenant-ID": tenant_id,
        "X-TB-Timestamp": timestamp,
        "X-TB-Signature": sign(secret, tenant_id, timestamp),
    }
