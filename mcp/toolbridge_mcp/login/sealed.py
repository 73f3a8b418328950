"""Client ids that hold what the client has registered (RFC 7591), sealed.

Nothing is kept of a registration, so nothing has to be cleaned up, and no client is ever forgotten."""

import binascii
import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Literal

PREFIX = "tb1."
MAX_BYTES = 1_500
"""Of the text that an id holds. The id is part of addresses and of tokens, so it has to stay short."""

MAX_LENGTH = 2_100
_SEAL_BYTES = 16

Method = Literal["none", "client_secret_basic", "client_secret_post"]
METHODS: tuple[Method, ...] = ("none", "client_secret_post", "client_secret_basic")


class TooLong(ValueError):
    """A registration has no room in an id."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What is kept of a registration. `scope` is None if the client has named none that is ours."""

    name: str
    redirect_uris: tuple[str, ...]
    method: Method
    scope: str | None
    issued_at: int

    def sealed(self, seal: bytes) -> str:
        """The client's id. Raises `TooLong`."""
        members = [
            self.name,
            list(self.redirect_uris),
            METHODS.index(self.method),
            self.scope,
            self.issued_at,
        ]
        text = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) > MAX_BYTES:
            raise TooLong
        return PREFIX + _encoded(text + _digest(seal, "id", text)[:_SEAL_BYTES])


def opened(client_id: str, seal: bytes) -> Registration | None:
    """What an id of ours holds; None if this deployment has not made it."""
    if not client_id.startswith(PREFIX) or len(client_id) > MAX_LENGTH:
        return None
    whole = _decoded(client_id.removeprefix(PREFIX))
    text, given = whole[:-_SEAL_BYTES], whole[-_SEAL_BYTES:]
    if not hmac.compare_digest(given, _digest(seal, "id", text)[:_SEAL_BYTES]):
        return None
    name, redirect_uris, method, scope, issued_at = json.loads(text)
    return Registration(name, tuple(redirect_uris), METHODS[method], scope, issued_at)


def secret_of(client_id: str, seal: bytes) -> str:
    """The secret of a client that has one, which nobody has to keep either."""
    return _encoded(_digest(seal, "secret", client_id.encode()))


def _digest(seal: bytes, use: str, text: bytes) -> bytes:
    return hmac.digest(seal, f"toolbridge/login/client/{use}/v1\0".encode() + text, hashlib.sha256)


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    try:
        content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return b""
    return content if _encoded(content) == text else b""
