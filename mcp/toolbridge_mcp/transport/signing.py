"""The tenant signature, version 1: which deployment a request comes from, and when."""

import hmac
import time
from collections.abc import Callable


def sign(secret: bytes, tenant_id: str, timestamp: str) -> str:
    """The lower-case hex HMAC-SHA256 over `<tenant id>:<timestamp>`, with the timestamp as it is sent."""
    return hmac.digest(secret, f"{tenant_id}:{timestamp}".encode(), "sha256").hex()


class Signer:
    """Proves to the API which tenant a request comes from.

    A scheme is one class with this one method, chosen in `TenantTransport.of`. It sees each request whole,
    just before it is sent: method, target, headers and content of the `Request` go over the wire as they are.
    """

    def __init__(self, secret: bytes, tenant_id: str, now: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._tenant_id = tenant_id
        self._now = now

    def headers(self, request: object) -> dict[str, str]:  # noqa: ARG002  version 1 signs no part of it
        """The headers that prove the tenant. The API accepts them for 300 s around the present time."""
        timestamp = str(int(self._now() * 1000))
        return {
            "X-TB-Tenant-ID": self._tenant_id,
            "X-TB-Timestamp": timestamp,
            "X-TB-Signature": sign(self._secret, self._tenant_id, timestamp),
        }
