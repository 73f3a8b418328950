"""`python -m tests.auth.login_vectors` writes the tokens of an embedded sign-in.

Gateway and API must decide alike on them.
Beside the sign-in's keys there is a shared secret, as in development. `test_login_vectors.py` and
`api/internal/auth/login_test.go` read the file.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tests.auth.token_vectors import BOTH, NOW, Vector, nested, parts
from tests.auth.vector_signers import (
    EC,
    OTHER_EC,
    P384,
    RSA,
    SECRET,
    SHARED,
    Json,
    Signer,
    as_json,
    base64url,
    secret_signer,
)
from tests.harness.processes import REPOSITORY

FILE = REPOSITORY / "api/internal/auth/testdata/login_tokens.json"
ISSUER = "https://tools.example/one"
CLAIMS: Json = {
    "iss": ISSUER,
    "sub": "u_ann",
    "aud": f"{ISSUER}/mcp",
    "client_id": "https://client.example/metadata.json",
    "scope": "read write",
    "iat": NOW - 60,
    "exp": NOW + 60,
    "jti": "1",
    "sid": "family",
}
"""What the API signs (RFC 9068, section 2.2)."""

KEYS = [
    EC.published(kid="k1", alg="ES256", use="sig"),
    OTHER_EC.published(kid="k2", alg="ES256", use="sig"),
]
REVOKED = [
    {"sid": "ended", "until": NOW + 60},
    {"sub": "service:backup", "before": NOW - 30, "until": NOW + 60},
]


def token(signer: Signer = EC, *, header: Json | None = None, **claims: Any) -> str:
    """A good token, but for the changes. What is `...` is left out."""
    fields = {"alg": signer.algorithm, "typ": "at+jwt", "kid": "k1", **(header or {})}
    text = ".".join(base64url(as_json(_present(part))) for part in (fields, {**CLAIMS, **claims}))
    return f"{text}.{base64url(signer.sign(text.encode()))}"


def _present(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not ...}


def _hmac_under(secret: bytes) -> str:
    return token(secret_signer(secret))


def _service(iat: float) -> str:
    return token(sub="service:backup", client_id="service:backup", sid="service:backup", iat=iat)


GOOD = {
    "as the API signs it": token(),
    "of the other key": token(OTHER_EC, header={"kid": "k2"}),
    "typed in full": token(header={"typ": "application/at+jwt"}),
    "typed in capitals": token(header={"typ": "AT+JWT"}),
    "made in the future, after a revocation in this second": token(iat=NOW + 2),
    "with a tenant that nobody asks for": token(tenant="other"),
    "by the shared secret": token(SHARED),
    "by the shared secret, of no connection": token(SHARED, header={"typ": ...}, sid=..., iat=...),
    "by the shared secret, of a connection that has ended": token(SHARED, sid="ended"),
}
REFUSED = {
    "alg none": ".".join([*parts(token(header={"alg": "none"}))[:2], ""]),
    "alg none, with a signature": token(header={"alg": "none"}),
    "HS256 under the numbers of the key": _hmac_under(as_json(EC.numbers)),
    "HS256 under a coordinate": _hmac_under(EC.numbers["x"].encode()),
    "HS256 under the published key": _hmac_under(as_json(KEYS[0])),
    "HS256 under no secret": _hmac_under(b""),
    "HS256 named over ES256": token(header={"alg": "HS256"}),
    "ES256 named over HS256": token(SHARED, header={"alg": "ES256"}),
    "RS256": token(RSA),
    "ES384": token(P384),
    "no key id": token(header={"kid": ...}),
    "an unknown key id": token(header={"kid": "k3"}),
    "an empty key id": token(header={"kid": ""}),
    "a key id that is a number": token(header={"kid": 1}),
    "the key id of the other key": token(header={"kid": "k2"}),
    "another key under a known id": token(OTHER_EC),
    "its own key": token(OTHER_EC, header={"jwk": OTHER_EC.published()}),
    "not typed": token(header={"typ": ...}),
    "typed as any JWT": token(header={"typ": "JWT"}),
    "typed as an ID token": token(header={"typ": "id+jwt"}),
    "typed as a logout token": token(header={"typ": "logout+jwt"}),
    "typed as more than an access token": token(header={"typ": "xat+jwt"}),
    "typed by a number": token(header={"typ": 1}),
    "crit": token(header={"crit": ["exp"]}),
    "expired": token(exp=NOW),
    "expired a second ago": token(exp=NOW - 1),
    "no end": token(exp=...),
    "not valid yet": token(nbf=NOW + 1),
    "no subject": token(sub=...),
    "made at no time": token(iat=...),
    "made at a time in words": token(iat="now"),
    "made at null": token(iat=None),
    "of no connection": token(sid=...),
    "of a connection without a name": token(sid=""),
    "of a connection that is null": token(sid=None),
    "of a connection that is a list": token(sid=["family"]),
    "of a connection that has ended": token(sid="ended"),
    "of a connection that has ended, with another subject": token(sid="ended", sub="u_bob"),
    "a changed signature": token()[:-6] + "AAAAAA",
    "the claims of another token": ".".join(
        [parts(token())[0], parts(token(sub="u_bob"))[1], parts(token())[2]]
    ),
    "a signature of zeros": ".".join([*parts(token())[:2], base64url(bytes(64))]),
    "nested a thousand times": token(note=nested(513)),
}
SERVICE = {
    "made long before its revocation": (_service(NOW - 60), "refused"),
    "made in the second of its revocation": (_service(NOW - 30), "refused"),
    "made a moment after": (_service(NOW - 29), "accepted"),
}
SCOPES = {
    "both": ("read write", BOTH),
    "one": ("read", ["read"]),
    "one that is unknown": ("admin", []),
    "none": (..., []),
}


def vectors() -> Iterator[Vector]:
    for name, text in GOOD.items():
        yield Vector(f"good: {name}", "login", text, "accepted", "u_ann", BOTH, BOTH)
    for name, text in REFUSED.items():
        yield Vector(f"refused: {name}", "login", text, "refused")
    for name, (text, outcome) in SERVICE.items():
        good = outcome == "accepted"
        who, allowed = ("service:backup", BOTH) if good else ("", [])
        yield Vector(f"service: {name}", "login", text, outcome, who, allowed, allowed)
    for name, (scope, rights) in SCOPES.items():
        scopes = scope.split() if isinstance(scope, str) else []
        yield Vector(f"scopes: {name}", "login", token(scope=scope), "accepted", "u_ann", scopes, rights)


def render() -> str:
    document = {
        "about": "Written by python -m tests.auth.login_vectors in mcp/. Read by the tests of both programs.",
        "now": NOW,
        "issuer": ISSUER,
        "secret": SECRET,
        "keys": KEYS,
        "revoked": REVOKED,
        "vectors": [asdict(vector) for vector in vectors()],
    }
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(render())
