"""`python -m tests.auth.token_vectors` writes the tokens that gateway and API must decide alike on.

Each row is a token, and what the RFCs say of it; where they leave a choice, what both programs chose.
`test_token_vectors.py` and `api/internal/auth/token_test.go` read the file.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.auth.vector_signers import (
    EC,
    ED,
    KOBLITZ,
    OTHER_EC,
    OTHER_ED,
    OTHER_RSA,
    P384,
    RSA,
    RSA_384,
    SECRET,
    SHARED,
    SHORT_RSA,
    Json,
    Signer,
    as_json,
    base64url,
    secret_signer,
)
from tests.harness.processes import REPOSITORY

FILE = REPOSITORY / "api/internal/auth/testdata/tokens.json"
NOW = 1_800_000_000
ISSUER = "https://id.example/"
AUDIENCES = ["https://tools.example/mcp", "https://tools.example/sse"]
CLAIMS: Json = {"sub": "ann", "iss": ISSUER, "aud": AUDIENCES[0], "exp": NOW + 60, "scope": "read write"}
BOTH = ["read", "write"]
TENANT = "acme"
TENANT_CLAIM = "https://tools.example/tenant"


def token(
    signer: Signer = EC,
    *,
    header: Json | None = None,
    raw_header: bytes | None = None,
    raw_claims: bytes | None = None,
    alg: str | None = None,
    **claims: Any,
) -> str:
    """A token that is good for the verifier "public", but for the changes. A claim that is `...` is left out;
    so is a member of the header."""
    named = {EC: "ec", RSA: "rsa", ED: "ed"}.get(signer)
    fields = {"alg": alg or signer.algorithm, "kid": named or ..., **(header or {})}
    parts = [raw_header or as_json(_present(fields)), raw_claims or as_json(_present({**CLAIMS, **claims}))]
    text = ".".join(base64url(part) for part in parts)
    return f"{text}.{base64url(signer.sign(text.encode()))}"


def _present(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not ...}


def claims_text(**claims: Any) -> bytes:
    return as_json(_present({**CLAIMS, **claims}))


def with_text(name: str, value: str) -> str:
    """A token with a claim whose JSON is given."""
    return token(raw_claims=claims_text(**{name: "@"}).replace(b'"@"', value.encode()))


def of_tenant(value: Any, claim: str = TENANT_CLAIM) -> str:
    """A token that names its tenant."""
    return with_text(claim, json.dumps(value))


def nested(depth: int) -> list[Any]:
    """Lists inside each other."""
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def parts(text: str) -> list[str]:
    return text.split(".")


def unsigned(alg: str) -> str:
    return ".".join([*parts(token(header={"alg": alg}))[:2], ""])


@dataclass(frozen=True)
class ScopeNames:
    """The scopes of both rights, and whether a token that names none allows nothing."""

    read: str = "read"
    write: str = "write"
    required: bool = True


@dataclass(frozen=True)
class Verifier:
    """What a verifier was given: a secret, or the text of a key set."""

    secret: str = ""
    key_set: str = ""
    issuer: str = ""
    audiences: list[str] = field(default_factory=list)
    tenant_claim: str = ""
    tenant: str = ""
    scopes: ScopeNames = field(default_factory=ScopeNames)


def public(*keys: Json, key_set: str | None = None, **changes: Any) -> Verifier:
    return Verifier("", key_set or json.dumps({"keys": keys}), ISSUER, AUDIENCES, **changes)


PUBLISHED = [RSA.published(kid="rsa", alg="RS256", use="sig"), EC.published(kid="ec"), ED.published(kid="ed")]
CERTIFIED = EC.published(kid="ec", x5c=["bm8gY2VydGlmaWNhdGU="], x5t="x", key_ops=["verify"])
VERIFIERS = {
    "secret": Verifier(SECRET),
    "secret, bound": Verifier(SECRET, "", ISSUER, AUDIENCES),
    "secret, scopes not required": Verifier(SECRET, scopes=ScopeNames(required=False)),
    "secret, of a tenant": Verifier(SECRET, tenant_claim="tenant", tenant=TENANT),
    "public": public(*PUBLISHED),
    "public, of a tenant": public(*PUBLISHED, tenant_claim=TENANT_CLAIM, tenant=TENANT),
    "other scopes": public(*PUBLISHED, scopes=ScopeNames("tools/read", "tools/write")),
    "scopes not required": public(*PUBLISHED, scopes=ScopeNames(required=False)),
    "one key without id": public(EC.published()),
    "a key without id, and one with": public(OTHER_EC.published(kid="other"), EC.published()),
    "two keys without ids": public(EC.published(), OTHER_EC.published()),
    "keys without ids for each algorithm": public(RSA.published(), EC.published(), ED.published()),
    "one key twice": public(EC.published(kid="a"), EC.published(kid="b"), EC.published()),
    "one id for two keys": public(EC.published(kid="ec"), OTHER_EC.published(kid="ec")),
    "one id for two kinds of keys": public(RSA.published(kid="same"), EC.published(kid="same")),
    "with members for others": public(CERTIFIED, {"kty": "new", "kid": "x"}, RSA.published(kid=5)),
    "for encryption": public(RSA.published(kid="rsa", use="enc"), EC.published(kid="other")),
    "only for signing": public(EC.published(kid="ec", key_ops=["sign"]), RSA.published(kid="rsa")),
    "with malformed operations": public(EC.published(kid="ec", key_ops="verify"), RSA.published(kid="rsa")),
    "another algorithm": public(RSA.published(kid="rsa", alg="RS384"), EC.published(kid="ec")),
    "a short key": public(SHORT_RSA.published(kid="short"), EC.published(kid="ec")),
    "another curve": public(P384.published(kid="p384"), KOBLITZ.published(kid="k"), RSA.published(kid="rsa")),
    "a shared key": public(SHARED.published(kid="shared"), EC.published(kid="ec")),
    "a padded key": public({**EC.published(kid="ec"), "x": EC.numbers["x"] + "="}, RSA.published(kid="rsa")),
    "a point off the curve": public(
        {**EC.published(kid="ec"), "y": EC.numbers["x"]}, RSA.published(kid="rsa")
    ),
    "a long coordinate": public({**EC.published(kid="ec"), "x": "AA" * 22}, RSA.published(kid="rsa")),
    "a short coordinate": public({**EC.published(kid="ec"), "y": "AQAB"}, RSA.published(kid="rsa")),
    "members of other kinds": public(
        {**RSA.published(kid="rsa"), "crv": "P-256", "x": "="}, {**EC.published(kid="ec"), "n": "=", "e": ""}
    ),
    "operations that are not all texts": public(
        EC.published(kid="ec", key_ops=["verify", None]), RSA.published(kid="rsa")
    ),
    "an even exponent": public({**RSA.published(kid="rsa"), "e": "AQAA"}, EC.published(kid="ec")),
    "a huge exponent": public({**RSA.published(kid="rsa"), "e": RSA.numbers["n"]}, EC.published(kid="ec")),
    "an exponent of one": public({**RSA.published(kid="rsa"), "e": "AQ"}, EC.published(kid="ec")),
    "an id of no letters": public(EC.published(kid="")),
    "ids in another case": public(EC.published(kid="EC")),
    "empty": public(key_set='{"keys":[]}'),
    "without keys": public(key_set="{}"),
    "with capitals": public(key_set=json.dumps({"KEYS": PUBLISHED})),
    "of unusable keys": public(SHORT_RSA.published(kid="rsa"), P384.published(kid="ec"), SHARED.published()),
    "a page": public(key_set="<html>"),
    "with a byte order mark": public(key_set="\ufeff" + json.dumps({"keys": PUBLISHED})),
}


@dataclass(frozen=True)
class Vector:
    name: str
    verifier: str
    token: str
    outcome: str
    """`accepted`, `refused`, or `unavailable` while the verifier has no usable key."""

    subject: str = ""
    scopes: list[str] = field(default_factory=list)
    """What an accepted token names. The API keeps only what follows from it: the rights."""

    rights: list[str] = field(default_factory=list)
    """What an accepted token allows: read, write or both, whatever the scopes are called."""


FORM = {
    "no letters": "",
    "with a dot at the end": token() + ".",
    "with a dot at the start": "." + token(),
    "two parts": ".".join(parts(token())[:2]),
    "one part": parts(token())[0],
    "five parts, as if encrypted": token() + ".AAAA.AAAA",
    "an empty signature": ".".join([*parts(token())[:2], ""]),
    "no claims": ".".join([parts(token())[0], "", parts(token())[2]]),
    "no header": "." + ".".join(parts(token())[1:]),
    "padding behind the signature": token() + "==",
    "padding behind the claims": "{}.{}=.{}".format(*parts(token())),
    "a space at the end": token() + " ",
    "a space in the signature": token()[:-4] + " " + token()[-4:],
    "a line break in the signature": token()[:-4] + "\n" + token()[-4:],
    "a line break in the header": token()[:4] + "\r\n" + token()[4:],
    "a character outside ASCII": token()[:-1] + "é",
    "NUL at the end": token() + "\0",
    "a changed signature": token()[:-6] + "AAAAAA",
    "a short signature": token()[:-4],
    "a long signature": token() + "AAAA",
    "the signature of another token": ".".join([*parts(token())[:2], parts(token(sub="bob"))[2]]),
    "the claims of another token": ".".join(
        [parts(token())[0], parts(token(sub="bob"))[1], parts(token())[2]]
    ),
    "the signature in standard base64": ".".join(
        [
            *parts(token(sub="plus"))[:2],
            parts(token(sub="plus"))[2].replace("-", "+").replace("_", "/") + "==",
        ]
    ),
    "bits left over in the signature": token()[:-1] + chr(ord(token()[-1]) + 1),
    "a signature in DER": ".".join([*parts(token())[:2], base64url(b"\x30\x44" + b"\x02\x20" * 34)]),
    "a signature of zeros": ".".join([*parts(token())[:2], base64url(bytes(64))]),
    "more than 16 KiB": token(note="x" * 16_384),
    "JSON in place of the compact form": json.dumps(
        dict(zip(["protected", "payload", "signature"], parts(token()), strict=True))
    ),
}

ALGORITHMS = {
    "none": unsigned("none"),
    "None": unsigned("None"),
    "NONE": unsigned("NONE"),
    "nOnE": unsigned("nOnE"),
    "none, with a signature": token(header={"alg": "none"}),
    "missing": token(header={"alg": ...}),
    "null": token(header={"alg": None}),
    "a number": token(header={"alg": 256}),
    "a list": token(header={"alg": ["ES256"]}),
    "in small letters": token(header={"alg": "es256"}),
    "with a space": token(header={"alg": "ES256 "}),
    "ALG in capitals": token(header={"alg": ..., "ALG": "ES256"}),
    "HS256 with the public key as secret": token(secret_signer(as_json(EC.numbers)), header={"kid": "ec"}),
    "HS256 with the shared secret": token(SHARED, header={"kid": "ec"}),
    "RS384": token(RSA_384, header={"kid": "rsa"}),
    "RS256 named for the key of ES256": token(RSA, header={"kid": "ec"}),
    "ES256 named for the key of RS256": token(EC, header={"kid": "rsa"}),
    "RS256 over the signature of ES256": token(header={"alg": "RS256"}),
    "EdDSA over the signature of ES256": token(header={"alg": "EdDSA"}),
    "PS256": token(RSA, header={"alg": "PS256"}),
    "ES384": token(P384, header={"kid": "ec"}),
    "ES256 on another curve": token(KOBLITZ, header={"kid": "ec"}),
    "another key under a known id": token(OTHER_EC, header={"kid": "ec"}),
    "another key of RS256 under a known id": token(OTHER_RSA, header={"kid": "rsa"}),
    "another key of EdDSA under a known id": token(OTHER_ED, header={"kid": "ed"}),
    "an unknown id": token(header={"kid": "unknown"}),
    "an id in another case": token(header={"kid": "EC"}),
    "an id of no letters": token(header={"kid": ""}),
    "an id that is a number": token(header={"kid": 1}),
    "an id that is null": token(header={"kid": None}),
    "an id that is a path": token(header={"kid": "../ec"}),
    "its own key": token(OTHER_EC, header={"kid": "ec", "jwk": OTHER_EC.published()}),
    "its own key, and no id": token(OTHER_EC, header={"jwk": OTHER_EC.published()}),
    "its own key set": token(OTHER_EC, header={"kid": "x", "jku": "https://evil.example/keys"}),
    "its own certificate": token(OTHER_RSA, header={"kid": "rsa", "x5c": ["bm9uZQ=="], "x5u": "https://e"}),
}

HEADERS = {
    "crit": token(header={"crit": ["exp"], "exp": NOW + 60}),
    "an empty crit": token(header={"crit": []}),
    "crit that is null": token(header={"crit": None}),
    "crit with b64": token(header={"crit": ["b64"], "b64": False}),
    "crit of an unknown extension": token(header={"crit": ["x"], "x": 1}),
    "typ of a logout token": token(header={"typ": "logout+jwt"}),
    "typ of a proof of possession": token(header={"typ": "dpop+jwt"}),
    "typ of a security event": token(header={"typ": "application/secevent+jwt"}),
    "typ that is a number": token(header={"typ": 1}),
    "typ that is null": token(header={"typ": None}),
    "a nested token": token(header={"cty": "JWT"}, raw_claims=token().encode()),
    "not JSON": token(raw_header=b"{alg:ES256}"),
    "a list": token(raw_header=b'["ES256"]'),
    "a text": token(raw_header=b'"ES256"'),
    "null": token(raw_header=b"null"),
    "JSON twice": token(raw_header=b'{"alg":"ES256","kid":"ec"}{}'),
    "in UTF-16": token(raw_header='{"alg":"ES256","kid":"ec"}'.encode("utf-16-le")),
    "with a byte order mark": token(raw_header=b'\xef\xbb\xbf{"alg":"ES256","kid":"ec"}'),
    "invalid UTF-8": token(raw_header=b'{"alg":"ES256","kid":"ec","x":"\xff"}'),
    "two algorithms, the last one unknown": token(raw_header=b'{"alg":"ES256","kid":"ec","alg":"none"}'),
    "nested a thousand times": token(raw_header=b'{"alg":"ES256","x":' + b"[" * 1000 + b"]" * 1000 + b"}"),
    "nested without an end": token(raw_header=b'{"alg":' + b"[" * 8000),
}

GOOD_HEADERS = {
    "no typ": token(),
    "typ JWT": token(header={"typ": "JWT"}),
    "typ in small letters": token(header={"typ": "jwt"}),
    "typ of RFC 9068": token(header={"typ": "at+jwt"}),
    "typ of RFC 9068 in full": token(header={"typ": "application/at+jwt"}),
    "typ of RFC 9068 in capitals": token(header={"typ": "AT+JWT"}),
    "RS256": token(RSA),
    "EdDSA": token(ED),
    "no id, as one key has the algorithm": token(header={"kid": ...}),
    "no id, RS256": token(RSA, header={"kid": ...}),
    "no id, EdDSA": token(ED, header={"kid": ...}),
    "a foreign key set, which is ignored": token(header={"jku": "https://evil.example/keys"}),
    "a foreign key, which is ignored": token(header={"jwk": OTHER_EC.published()}),
    "certificates, which are ignored": token(RSA, header={"x5t": "x", "x5c": ["bm9uZQ==" * 100]}),
    "b64 that is not critical, which is ignored": token(header={"b64": False}),
    "nested five hundred times": token(header={"x": nested(500)}),
    "unknown members": token(header={"x": {"y": [1, None, 1e9]}, "cty": "json"}),
    "spaces and line breaks in the JSON": token(raw_header=b' {\n "kid" : "ec" ,\t"alg":"ES256"\r\n} '),
    "escapes in the JSON": token(raw_header=b'{"\\u0061lg":"ES\\u0032\\u0035\\u0036","kid":"ec"}'),
    "two algorithms, the last one good": token(raw_header=b'{"alg":"none","kid":"ec","alg":"ES256"}'),
}

CLAIM_FORMS = {
    "no JSON": token(raw_claims=b"sub=ann"),
    "nothing": token(raw_claims=b" "),
    "a list": token(raw_claims=b"[" + claims_text() + b"]"),
    "a text": token(raw_claims=b'"ann"'),
    "null": token(raw_claims=b"null"),
    "JSON twice": token(raw_claims=claims_text() * 2),
    "a comma too many": token(raw_claims=claims_text()[:-1] + b",}"),
    "a comment": token(raw_claims=claims_text() + b"// x"),
    "single quotes": token(raw_claims=claims_text().replace(b'"', b"'")),
    "in UTF-16": token(raw_claims=claims_text().decode().encode("utf-16")),
    "in UTF-16 without a mark": token(raw_claims=claims_text().decode().encode("utf-16-be")),
    "in UTF-32": token(raw_claims=claims_text().decode().encode("utf-32")),
    "with a byte order mark": token(raw_claims=b"\xef\xbb\xbf" + claims_text()),
    "invalid UTF-8 in another claim": token(raw_claims=claims_text(note="@").replace(b"@", b"\xff")),
    "a surrogate in UTF-8": token(raw_claims=claims_text(note="@").replace(b"@", b"\xed\xa0\x80")),
    "half a pair in another claim": with_text("note", r'"\ud83d"'),
    "the other half": with_text("note", r'"\ude00\ud83d"'),
    "half a pair in a name": token(raw_claims=claims_text().replace(b'"sub"', b'"\\ud800":1,"sub"')),
    "a control character in a text": token(raw_claims=claims_text(note="@").replace(b"@", b"\x01")),
    "NaN in another claim": with_text("note", "NaN"),
    "Infinity in another claim": with_text("note", "-Infinity"),
    "a number with a leading zero": with_text("note", "01"),
    "nested a thousand times": with_text("note", "[" * 1000 + "]" * 1000),
    "nested without an end": token(raw_claims=b'{"exp":' + b"[" * 8000),
    "two subjects, the last one empty": token(raw_claims=claims_text(sub="")[:-1] + b',"sub":""}'),
    "two times, the last one over": token(raw_claims=claims_text()[:-1] + b',"exp":1}'),
}

TIMES = {
    "exp missing": token(exp=...),
    "exp null": token(exp=None),
    "exp as text": token(exp=str(NOW + 60)),
    "exp as a list": token(exp=[NOW + 60]),
    "exp true": token(exp=True),
    "exp now": token(exp=NOW),
    "exp a moment ago": token(exp=NOW - 0.001),
    "exp a second ago, as clocks get no leeway": token(exp=NOW - 1),
    "exp zero": token(exp=0),
    "exp negative": token(exp=-NOW),
    "exp NaN": with_text("exp", "NaN"),
    "exp Infinity": with_text("exp", "Infinity"),
    "exp 1e30": with_text("exp", "1e30"),
    "exp 1e400": with_text("exp", "1e400"),
    "exp of a hundred digits": with_text("exp", "9" * 100),
    "exp of five thousand digits": with_text("exp", "9" * 5000),
    "exp of all 64 bits": token(exp=2**63 - 1),
    "exp just beyond 53 bits": token(exp=2**53),
    "EXP in capitals": token(exp=..., EXP=NOW + 60),
    "nbf in a moment": token(nbf=NOW + 0.5),
    "nbf in a second, as clocks get no leeway": token(nbf=NOW + 1),
    "nbf as text": token(nbf=str(NOW)),
    "nbf null": token(nbf=None),
    "nbf 1e30": with_text("nbf", "1e30"),
    "nbf -1e400": with_text("nbf", "-1e400"),
    "iat as text": token(iat="yesterday"),
    "iat null": token(iat=None),
    "iat 1e30": with_text("iat", "1e30"),
}

GOOD_TIMES = {
    "exp in a moment": token(exp=NOW + 0.5),
    "exp in a second": token(exp=NOW + 1),
    "exp as a float": token(exp=NOW + 60.25),
    "exp with an exponent": with_text("exp", "1.8000001E+9"),
    "exp far away": token(exp=9_999_999_999),
    "exp of 53 bits": token(exp=2**53 - 1),
    "nbf now": token(nbf=NOW),
    "nbf zero": token(nbf=0),
    "nbf negative": token(nbf=-1),
    "iat now": token(iat=NOW),
    "iat in the future, which RFC 7519 does not forbid": token(iat=NOW + 30),
    "another claim nested five hundred times": token(note=nested(500)),
    "another claim nested in objects": with_text("note", '{"a":' * 500 + "1" + "}" * 500),
    "a huge number in another claim": with_text("note", "9" * 5000),
    "a huge exponent in another claim": with_text("note", "[1e400,-1e999999]"),
}

BOUNDS = {
    "no issuer": token(iss=...),
    "another issuer": token(iss="https://evil.example/"),
    "the issuer without its slash": token(iss=ISSUER.rstrip("/")),
    "the issuer in capitals": token(iss=ISSUER.upper()),
    "the start of the issuer": token(iss=ISSUER[:-5]),
    "the issuer and more": token(iss=ISSUER + "x"),
    "the issuer in a list": token(iss=[ISSUER]),
    "issuer null": token(iss=None),
    "no audience": token(aud=...),
    "another audience": token(aud="https://other.example"),
    "the audience with a slash": token(aud=AUDIENCES[0] + "/"),
    "the audience in capitals": token(aud=AUDIENCES[0].upper()),
    "a part of the audience": token(aud=AUDIENCES[0][:-1]),
    "both audiences in one text": token(aud=" ".join(AUDIENCES)),
    "the audience with a query": token(aud=AUDIENCES[0] + "?tenant=other"),
    "the audience with a query of a longer name": token(aud=AUDIENCES[0] + "?mytoolsets=work"),
    "the audience with toolsets in its fragment": token(aud=AUDIENCES[0] + "?x=1#toolsets=work"),
    "another audience with toolsets": token(aud="https://other.example/mcp?toolsets=work"),
    "audience of no letters": token(aud=""),
    "audience null": token(aud=None),
    "no audience in a list": token(aud=[]),
    "another audience in a list": token(aud=["https://other.example"]),
    "a list in a list": token(aud=[AUDIENCES]),
    "a list that is not of texts": token(aud=[AUDIENCES[0], 1]),
    "a list with null": token(aud=[AUDIENCES[0], None]),
    "audience in an object": token(aud={AUDIENCES[0]: True}),
}

SUBJECTS = {
    "missing": token(sub=...),
    "empty": token(sub=""),
    "null": token(sub=None),
    "a number": token(sub=7),
    "a list": token(sub=["ann"]),
    "SUB in capitals": token(sub=..., SUB="ann"),
    "256 bytes": token(sub="x" * 256),
    "128 characters of two bytes": token(sub="ä" * 128),
    "NUL inside": token(sub="an\0n"),
    "a replacement character": token(sub="an\ufffdn"),
    "half a pair": with_text("sub", r'"ann\ud800"'),
    "invalid UTF-8": token(raw_claims=claims_text(sub="@").replace(b"@", b"ann\xff")),
}

GOOD_SUBJECTS = {
    "ann": token(),
    "x" * 255: token(sub="x" * 255),
    " ann ": token(sub=" ann "),
    "Ann": token(sub="Ann"),
    "auth0|5f7c8ec7c33c6c004bbafe82": token(sub="auth0|5f7c8ec7c33c6c004bbafe82"),
    "änn-鍵-🔑": token(sub="änn-鍵-🔑"),
    "🔑": with_text("sub", r'"\ud83d\udd11"'),
    "\\ud800": with_text("sub", r'"\\ud800"'),
    "a\nb": token(sub="a\nb"),
    "bob": token(raw_claims=claims_text()[:-1] + b',"sub":"bob"}'),
}

SCOPES = {
    "two in a text": (token(scope="read write"), BOTH),
    "one": (token(scope="read"), ["read"]),
    "several spaces": (token(scope=" read  write "), BOTH),
    "a tab is no space": (token(scope="read\twrite"), ["read\twrite"]),
    "a line break is no space": (token(scope="read\nwrite"), ["read\nwrite"]),
    "a no-break space is no space": (token(scope="read\u00a0write"), ["read\u00a0write"]),
    "a wide space is no space": (token(scope="read\u3000write"), ["read\u3000write"]),
    "a comma is no space": (token(scope="read,write"), ["read,write"]),
    "in a list": (token(scope=BOTH), BOTH),
    "a list element is one scope": (token(scope=["read write"]), ["read write"]),
    "numbers in a list": (token(scope=["read", 1, None]), ["read"]),
    "scp of Entra ID": (token(scope=..., scp="read write"), BOTH),
    "scp of Okta": (token(scope=..., scp=BOTH), BOTH),
    "scope comes before scp": (token(scope="read", scp="read write"), ["read"]),
    "no scope": (token(scope=...), []),
    "an empty scope": (token(scope=""), []),
    "scope null": (token(scope=None), []),
    "a number": (token(scope=1), []),
    "an object": (token(scope={"read": True}), []),
    "of Cognito": (token(scope="tools/read tools/write"), ["tools/read", "tools/write"]),
    "in another case": (token(scope="Read"), ["Read"]),
    "only to write": (token(scope="write"), ["write"]),
    "one twice": (token(scope="read read"), ["read", "read"]),
    "others beside": (token(scope="openid read email"), ["openid", "read", "email"]),
    "the beginning of one": (token(scope="writ"), ["writ"]),
    "one and more": (token(scope="write:notes"), ["write:notes"]),
    "an escaped letter": (with_text("scope", r'"wr\u0069te"'), ["write"]),
    "an escaped space": (with_text("scope", r'"read\u0020write"'), BOTH),
    "two claims of one name, the last one counts": (
        token(raw_claims=claims_text(scope="read write")[:-1] + b',"scope":"read"}'),
        ["read"],
    ),
    "an empty list": (token(scope=[]), []),
    "no letters in a list": (token(scope=["", "read"]), ["", "read"]),
    "a list in a list": (token(scope=[BOTH]), []),
    "an object in a list": (token(scope=[{"read": True}, "read"]), ["read"]),
    "an empty scope comes before scp": (token(scope="", scp="write"), []),
    "scope null comes before scp": (token(scope=None, scp="write"), []),
    "a number comes before scp": (token(scope=7, scp="write"), []),
    "scp null": (token(scope=..., scp=None), []),
    "SCOPE in capitals": (token(scope=..., SCOPE="read write"), []),
    "scopes in the plural": (token(scope=..., scopes=BOTH), []),
    "roles, as of an application": (token(scope=..., roles=BOTH, permissions=BOTH), []),
}

SCOPES_ELSEWHERE = {
    "other names": ("other scopes", token(scope="tools/read tools/write"), ["tools/read", "tools/write"]),
    "one other name": ("other scopes", token(scope="tools/write"), ["tools/write"]),
    "the usual names, where others count": ("other scopes", token(), BOTH),
    "none, where they are not required": ("scopes not required", token(scope=...), BOTH),
    "one, where none is required": ("scopes not required", token(scope="read"), ["read"]),
    "an empty one, where none is required": ("scopes not required", token(scope=""), []),
    "null, where none is required": ("scopes not required", token(scope=None), []),
    "scp null, where none is required": ("scopes not required", token(scope=..., scp=None), []),
    "an unknown one, where none is required": ("scopes not required", token(scope="admin"), ["admin"]),
    "none, with a secret": ("secret, scopes not required", token(SHARED, scope=...), BOTH),
    "one, with a secret": ("secret, scopes not required", token(SHARED, scope="write"), ["write"]),
}

OTHER_TENANTS = {
    "no claim": token(),
    "another one": of_tenant("zeta"),
    "in capitals": of_tenant("ACME"),
    "its beginning": of_tenant("acm"),
    "more than it": of_tenant("acme2"),
    "a space behind it": of_tenant("acme "),
    "two in a text": of_tenant("acme zeta"),
    "no letters": of_tenant(""),
    "null": of_tenant(None),
    "true": of_tenant(True),
    "an object": of_tenant({"acme": True}),
    "others in a list": of_tenant(["zeta", "eta"]),
    "an empty list": of_tenant([]),
    "a list that is not of texts": of_tenant(["acme", 1]),
    "a list with null": of_tenant(["acme", None]),
    "a list in a list": of_tenant([["acme"]]),
    "a claim in capitals": of_tenant(TENANT, TENANT_CLAIM.upper()),
    "a claim within a claim": of_tenant({"tenant": TENANT}, "https://tools.example/"),
    "the last of two": with_text(TENANT_CLAIM, f'"{TENANT}","{TENANT_CLAIM}":"zeta"'),
}

OUR_TENANT = {
    "a text": of_tenant(TENANT),
    "one of a list": of_tenant(["zeta", TENANT]),
    "alone in a list": of_tenant([TENANT]),
    "escaped": with_text(TENANT_CLAIM, r'"\u0061cme"'),
}

SHARED_TOKENS = {
    "HS256": ("secret, bound", token(SHARED), "accepted"),
    "any key id": ("secret, bound", token(SHARED, header={"kid": "x"}), "accepted"),
    "a key id that is a number": ("secret, bound", token(SHARED, header={"kid": 1}), "refused"),
    "any issuer and audience, as none is configured": ("secret", token(SHARED, iss=1, aud={}), "accepted"),
    "no issuer and audience": ("secret", token(SHARED, iss=..., aud=...), "accepted"),
    "a tenant, where none is demanded": ("secret", token(SHARED, tenant="other", tid="x"), "accepted"),
    "our tenant": ("secret, of a tenant", token(SHARED, tenant=TENANT), "accepted"),
    "another tenant": ("secret, of a tenant", token(SHARED, tenant="other"), "refused"),
    "no tenant": ("secret, of a tenant", token(SHARED), "refused"),
    "another issuer": ("secret, bound", token(SHARED, iss="x"), "refused"),
    "another secret": ("secret", token(secret_signer(b"another secret of 32 bytes ......")), "refused"),
    "an empty secret": ("secret", token(secret_signer(b"")), "refused"),
    "HS512 with our secret": ("secret", token(secret_signer(SECRET.encode(), "HS512")), "refused"),
    "HS384 with our secret": ("secret", token(secret_signer(SECRET.encode(), "HS384")), "refused"),
    "ES256": ("secret", token(), "refused"),
    "RS256": ("secret", token(RSA), "refused"),
    "alg none": ("secret", unsigned("none"), "refused"),
    "HS256 named over ES256": ("secret", token(header={"alg": "HS256"}), "refused"),
    "crit": ("secret", token(SHARED, header={"crit": ["exp"]}), "refused"),
    "expired": ("secret", token(SHARED, exp=NOW), "refused"),
}

NO_ID = token(header={"kid": ...})
KEY_SETS = [
    ("one key without id", NO_ID, "accepted"),
    ("one key without id", token(header={"kid": "ec"}), "refused"),
    ("a key without id, and one with", NO_ID, "refused"),
    ("a key without id, and one with", token(OTHER_EC, header={"kid": "other"}), "accepted"),
    ("two keys without ids", NO_ID, "refused"),
    ("keys without ids for each algorithm", NO_ID, "accepted"),
    ("keys without ids for each algorithm", token(RSA, header={"kid": ...}), "accepted"),
    ("keys without ids for each algorithm", token(ED, header={"kid": ...}), "accepted"),
    ("one key twice", NO_ID, "accepted"),
    ("one key twice", token(header={"kid": "b"}), "accepted"),
    ("one id for two keys", token(), "refused"),
    ("one id for two kinds of keys", token(header={"kid": "same"}), "accepted"),
    ("one id for two kinds of keys", token(RSA, header={"kid": "same"}), "accepted"),
    ("with members for others", token(), "accepted"),
    ("with members for others", token(RSA, header={"kid": ...}), "refused"),
    ("for encryption", token(RSA), "refused"),
    ("for encryption", token(RSA, header={"kid": ...}), "refused"),
    ("only for signing", token(), "refused"),
    ("with malformed operations", token(), "refused"),
    ("another algorithm", token(RSA), "refused"),
    ("another algorithm", token(RSA_384, header={"kid": "rsa"}), "refused"),
    ("a short key", token(SHORT_RSA, header={"kid": "short"}), "refused"),
    ("another curve", token(P384, header={"kid": "p384"}), "refused"),
    ("another curve", token(KOBLITZ, header={"kid": "k"}), "refused"),
    ("a shared key", token(SHARED, header={"kid": "shared"}), "refused"),
    ("a padded key", token(), "refused"),
    ("a point off the curve", token(), "refused"),
    ("an exponent of one", token(RSA), "refused"),
    ("a long coordinate", token(), "refused"),
    ("a long coordinate", token(RSA), "accepted"),
    ("a short coordinate", token(), "refused"),
    ("members of other kinds", token(), "accepted"),
    ("members of other kinds", token(RSA), "accepted"),
    ("operations that are not all texts", token(), "refused"),
    ("an even exponent", token(RSA), "refused"),
    ("a huge exponent", token(RSA), "refused"),
    ("an id of no letters", token(header={"kid": ""}), "accepted"),
    ("an id of no letters", NO_ID, "accepted"),
    ("ids in another case", token(), "refused"),
    ("empty", token(), "unavailable"),
    ("empty", unsigned("none"), "refused"),
    ("without keys", token(), "unavailable"),
    ("with capitals", token(), "unavailable"),
    ("of unusable keys", token(), "unavailable"),
    ("of unusable keys", token(SHARED), "refused"),
    ("a page", token(), "unavailable"),
    ("with a byte order mark", token(), "unavailable"),
]


def vectors() -> Iterator[Vector]:
    refused = {
        "form": FORM,
        "algorithm": ALGORITHMS,
        "header": HEADERS,
        "claims": CLAIM_FORMS,
        "time": TIMES,
        "bounds": BOUNDS,
        "subject": SUBJECTS,
    }
    for group, tokens in refused.items():
        for name, text in tokens.items():
            yield Vector(f"{group}: {name}", "public", text, "refused")
    for group, tokens in {"header": GOOD_HEADERS, "time": GOOD_TIMES}.items():
        for name, text in tokens.items():
            yield _judged(f"{group}: {name}", "public", text, "accepted")
    chosen = [AUDIENCES[0] + query for query in ("?toolsets=work", "?a=b&toolsets=crud,work", "?toolsets=")]
    for aud in ([AUDIENCES[1]], ["x", *AUDIENCES], AUDIENCES[1], *chosen, ["x", chosen[0]]):
        yield _judged(f"bounds: {aud}", "public", token(aud=aud), "accepted")
    for subject, text in GOOD_SUBJECTS.items():
        yield Vector(f"subject: {subject!r}", "public", text, "accepted", subject, BOTH, BOTH)
    for name, (text, scopes) in SCOPES.items():
        yield Vector(f"scope: {name}", "public", text, "accepted", "ann", scopes, _rights("public", scopes))
    for name, (verifier, text, scopes) in SCOPES_ELSEWHERE.items():
        rights = _rights(verifier, scopes)
        yield Vector(f"scope: {name}", verifier, text, "accepted", "ann", scopes, rights)
    for name, text in OTHER_TENANTS.items():
        yield Vector(f"tenant: {name}", "public, of a tenant", text, "refused")
    for name, text in OUR_TENANT.items():
        yield _judged(f"tenant: {name}", "public, of a tenant", text, "accepted")
    for name, (verifier, text, outcome) in SHARED_TOKENS.items():
        yield _judged(f"secret: {name}", verifier, text, outcome)
    for number, (verifier, text, outcome) in enumerate(KEY_SETS):
        yield _judged(f"key set {number}: {verifier}", verifier, text, outcome)


def _judged(name: str, verifier: str, text: str, outcome: str) -> Vector:
    if outcome != "accepted":
        return Vector(name, verifier, text, outcome)
    return Vector(name, verifier, text, outcome, "ann", BOTH, BOTH)


def _rights(verifier: str, scopes: list[str]) -> list[str]:
    names = VERIFIERS[verifier].scopes
    return [right for right, name in (("read", names.read), ("write", names.write)) if name in scopes]


def render() -> str:
    document = {
        "about": "Written by python -m tests.auth.token_vectors in mcp/. Read by the tests of both programs.",
        "now": NOW,
        "verifiers": {name: asdict(verifier) for name, verifier in VERIFIERS.items()},
        "vectors": [asdict(vector) for vector in vectors()],
    }
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(render())
