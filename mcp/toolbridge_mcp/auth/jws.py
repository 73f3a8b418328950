"""The form of a token: a signed text in the compact form of RFC 7515, and JSON in its parts.

The API reads the same form (`api/internal/auth/jws.go`).
"""

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 16 * 1024
MAX_NESTED = 512
"""Most lists and objects in one part. The parser of JSON raises above about 1000 inside each other."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_SHORT_NUMBER = 18
_ESCAPED = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>\\u[dD][89a-fA-F]..)|\\.", re.DOTALL)
"""An escaped character of JSON. `half` is a half of a pair without the other one."""


class Malformed(ValueError):
    """The token has not the form that the RFCs demand."""


@dataclass(frozen=True, slots=True)
class SignedText:
    """A token of the right form. Its signature has not been verified."""

    header: Mapping[str, Any]
    payload: bytes
    signed: bytes
    """What the signature is of."""
    signature: bytes

    @classmethod
    def parse(cls, text: str) -> "SignedText":
        """Raises `Malformed`."""
        parts = text.split(".")
        if len(parts) != 3:
            raise Malformed
        header, payload, signature = (decoded(part) for part in parts)
        return cls(json_object(header), payload, text.rpartition(".")[0].encode(), signature)

    def signer(self) -> tuple[str | None, str | None]:
        """The algorithm and the id of the key that the header names. Raises `Malformed` for a header that may
        not be accepted."""
        if "crit" in self.header:  # extensions that a verifier must know; we know none
            raise Malformed
        if not _is_access_token(self.header.get("typ", "JWT")):
            raise Malformed
        key_id = self.header.get("kid")
        if "kid" in self.header and not isinstance(key_id, str):
            raise Malformed
        algorithm = self.header.get("alg")
        return (algorithm if isinstance(algorithm, str) else None), key_id


def decoded(text: str) -> bytes:
    """The bytes of base64url in the one form that RFC 7515, section 2, allows: no padding, no bits left over.
    Raises `Malformed`."""
    try:
        if not _BASE64URL.fullmatch(text):
            raise Malformed
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise Malformed from None
    if urlsafe_b64encode(data).rstrip(b"=") != text.encode():
        raise Malformed
    return data


def json_object(text: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8 that holds characters only. Of members with the same name the last one counts.
    Raises `Malformed`."""
    if text.count(b"[") + text.count(b"{") > MAX_NESTED:
        raise Malformed
    if any(escaped["half"] for escaped in _ESCAPED.finditer(text)):
        raise Malformed
    try:
        value = json.loads(text.decode(), parse_int=_number, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(value, dict):
        raise Malformed
    return value


def _is_access_token(kind: object) -> bool:
    """A token that is typed as another kind of JWT (RFC 8725, section 3.11), such as `logout+jwt`, is none.
    Access tokens of RFC 9068 are `at+jwt`; most others are `JWT`, or not typed."""
    if not isinstance(kind, str):
        return False
    kind = kind.lower()
    return not kind.endswith("+jwt") or kind.endswith("at+jwt")


def _number(digits: str) -> float:
    """Python refuses to read a whole number of thousands of digits."""
    return int(digits) if len(digits) <= _SHORT_NUMBER else float(digits)


def _no_number(_: str) -> float:
    """NaN and Infinity are no JSON."""
    raise Malformed
