"""`python -m tests.transport.signature_vectors` writes signed requests on which gateway and API must agree.

The bases and signatures are made here after RFC 9421, with nothing of either program. `standard` of the
file is the example of its appendix B.2.5.

A row is a request as it goes over the wire: `method`, `target`, all of `headers` and then all of `signed`,
and the `body`, `repeat` times. Text is UTF-8. `tenant`, `process` and `keys` of the file are the API's, and
`time` is its time in seconds. `refused` is its reason to refuse the request, or empty. A gateway that has the
tenant, key, time and nonce of a row with `signer` adds exactly the headers of `signed`. `base` is what the
signature is over; it is empty if that is not the request of the row.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, replace
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

from tests.harness.processes import REPOSITORY

FILE = REPOSITORY / "api/internal/auth/testdata/signatures.json"
TIME = 1_764_331_200
PROCESS = "9f2c7a51d0b84e3ea6f5c1d2b3a49687"
RANDOM = "5d41402abc4b2a76b9719d91"
NONCE = f"{PROCESS}.{RANDOM}"
KEYS = {
    "k2": "second-secret-0123456789abcdef-0123456789",
    "k1": "first-secret-0123456789abcdef-0123456789",
    "2026.11_a-B": "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
}
OBEYED = (
    *("authorization", "content-digest", "x-sync-session", "x-sync-epoch", "x-correlation-id"),
    *("x-tb-client", "x-tb-tool", "idempotency-key", "if-match", "x-request-timeout-ms", "x-debug-sub"),
)
"""The headers that are covered whenever a request has them, in the gateway's order."""

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    method: str = "GET"
    target: str = "/v1/notes?limit=50"
    headers: Pairs = (("Authorization", "Bearer a.b.c"), ("X-Sync-Session", "new"))
    body: str = ""
    repeat: int = 1
    tenant: str = "acme"

    @property
    def content(self) -> bytes:
        return self.body.encode() * self.repeat

    def having(self, *more: tuple[str, str]) -> "Request":
        return replace(self, headers=(*self.headers, *more))


@dataclass(frozen=True)
class Row:
    name: str
    request: Request
    signed: Pairs
    base: str
    refused: str = ""
    signer: dict[str, Any] | None = None
    time: int = TIME

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "time": self.time,
            **asdict(self.request),
            "signed": self.signed,
            "base": self.base,
            "refused": self.refused,
            **({"signer": self.signer} if self.signer else {}),
        }


# The standard's rules.


def value_of(request: Request, headers: Pairs, component: str) -> str:
    """The value of a component: RFC 9421, sections 2.1 and 2.2."""
    path, _, query = request.target.partition("?")
    if path.startswith("http://"):
        path = "/" + path.removeprefix("http://").partition("/")[2]
    if component == "@authority":
        return dict(headers)["Host"].lower()
    if component.startswith("@"):
        return {"@method": request.method, "@path": path, "@query": "?" + query}[component]
    values = [value.strip(" \t") for name, value in headers if name.lower() == component]
    return ", ".join(values)


def base_of(request: Request, headers: Pairs, covered: tuple[str, ...], parameters: str) -> str:
    """The signature base: RFC 9421, section 2.5."""
    lines = [f'"{component}": {value_of(request, headers, component)}' for component in covered]
    return "\n".join([*lines, f'"@signature-params": {listed(covered)}{parameters}'])


def listed(covered: tuple[str, ...]) -> str:
    return "(" + " ".join(f'"{component}"' for component in covered) + ")"


def base64_of(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def digest_of(content: bytes) -> str:
    """`Content-Digest`: RFC 9530, section 2."""
    return f"sha-256=:{base64_of(hashlib.sha256(content).digest())}:"


def mac_of(secret: bytes, base: str) -> str:
    return base64_of(hmac.digest(secret, base.encode(), "sha256"))


# A signature, and what can be different about one.


def parameters_of(
    created: object = TIME, nonce: str = NONCE, key: str = "k2", tag: str = "toolbridge"
) -> str:
    return f';created={created};nonce="{nonce}";keyid="{key}";tag="{tag}"'


def covered_by(headers: Pairs) -> tuple[str, ...]:
    """The components that the gateway covers."""
    names = {name.lower() for name, _ in headers}
    return ("@method", "@path", "@query", "x-tb-tenant-id", *(name for name in OBEYED if name in names))


def unsigned(request: Request) -> Pairs:
    """What a signer adds before it signs."""
    tenant: Pairs = (("X-TB-Tenant-ID", request.tenant),)
    return (*tenant, ("Content-Digest", digest_of(request.content))) if request.content else tenant


def sign(
    request: Request,
    *,
    covered: tuple[str, ...] | None = None,
    parameters: str | None = None,
    secret: str = KEYS["k2"],
    label: str = "tb",
    added: Pairs | None = None,
) -> tuple[Pairs, str]:
    """The headers that sign a request, and the base."""
    added = unsigned(request) if added is None else added
    headers = (*request.headers, *added)
    covered = covered_by(headers) if covered is None else covered
    parameters = parameters_of() if parameters is None else parameters
    base = base_of(request, headers, covered, parameters)
    pairs: Pairs = (
        ("Signature-Input", f"{label}={listed(covered)}{parameters}"),
        ("Signature", f"{label}=:{mac_of(secret.encode(), base)}:"),
    )
    return (*added, *pairs), base


def row(name: str, request: Request | None = None, refused: str = "", time: int = TIME, **how: Any) -> Row:
    request = request or Request()
    signed, base = sign(request, **how)
    return Row(name, request, signed, base, refused, time=time)


def by_gateway(
    name: str,
    request: Request,
    *,
    key: str = "k2",
    created: int = TIME,
    nonce: str = NONCE,
    time: int = TIME,
    refused: str = "",
) -> Row:
    """A row that the gateway's signer must make."""
    parameters = parameters_of(created, nonce, key)
    signed, base = sign(request, parameters=parameters, secret=KEYS[key])
    signer = {"key": key, "secret": KEYS[key], "created": created, "nonce": nonce}
    return Row(name, request, signed, base, refused, signer, time)


def changed(name: str, signed_request: Request, sent: Request, refused: str = "mac") -> Row:
    """A request that is another one than was signed."""
    signed, _ = sign(signed_request)
    return Row(name, sent, signed, "", refused)


def replaced(name: str, refused: str, change: tuple[str, str]) -> Row:
    """A good request in whose signed headers a text is replaced."""
    signed, _ = sign(Request())
    assert any(change[0] in value for _, value in signed), change
    return Row(
        name, Request(), tuple((header, value.replace(*change)) for header, value in signed), "", refused
    )


WRITE = Request(
    "POST", "/v1/notes", (*Request().headers, ("Content-Type", "application/json")), '{"title":"Milk"}'
)
EVERYTHING = Request(
    "PUT",
    "/v1/tasks/3f9a01bc?mirrors=false&return=minimal",
    (
        ("Authorization", "Bearer a.b.c"),
        ("X-Sync-Session", "6e1b2c3d-0000-4000-8000-000000000000"),
        ("X-Sync-Epoch", "3"),
        ("X-Correlation-ID", "call-7"),
        ("X-TB-Client", "claude-code/2.1"),
        ("X-TB-Tool", "update_task"),
        ("Idempotency-Key", "01JDN9"),
        ("If-Match", '"3"'),
        ("X-Request-Timeout-Ms", "9500"),
        ("X-Debug-Sub", "ann"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ),
    '{"title":"Milk"}',
)


def targets() -> list[Row]:
    return [
        by_gateway(name, Request(target=target))
        for name, target in {
            "no query": "/v1/notes",
            "an empty query": "/v1/notes?",
            "a query": "/v1/notes?limit=50",
            "a query in one order": "/v1/tasks?status=open&sort=due",
            "a query in the other order": "/v1/tasks?sort=due&status=open",
            "a parameter that is repeated": "/v1/tasks?tag=a&tag=b&tag=a",
            "a query of signs": "/v1/search?q=a+b%20c%2Bd&x='(*)!;:@,$/?=&&=",
            "a query outside ASCII": "/v1/search?q=%C3%A9t%C3%A9%20%F0%9F%94%91",
            "a path outside ASCII": "/v1/notes/%E6%9D%B1%E4%BA%AC",
            "a path in small hexadecimal digits": "/v1/notes/%e6%9d%b1%e4%ba%ac",
            "a path with escaped slashes and percent signs": "/v1/notes/a%2Fb%25c",
            "a path with escapes that are not needed": "/v1/%6Eotes/%41",
            "a path of signs": "/v1/notes/a;b=c,d@e:f!$&'()*+~",
            "the path of nothing": "/",
        }.items()
    ]


def bodies() -> list[Row]:
    return [
        by_gateway("a body", WRITE),
        by_gateway("a POST without a body", replace(WRITE, body="")),
        by_gateway("a body outside ASCII", replace(WRITE, body='{"title":"東京 🔑 é"}')),
        by_gateway("a body that ends with a line end", replace(WRITE, body='{"title":"Milk"}\r\n')),
        by_gateway("a large body", replace(WRITE, body="0123456789abcde\n", repeat=60_000)),
        by_gateway("a body of DELETE", replace(WRITE, method="DELETE", target="/v1/notes/3f9a01bc")),
        changed("another body", WRITE, replace(WRITE, body='{"title":"Silk"}'), "digest"),
        changed("a longer body", WRITE, replace(WRITE, body=WRITE.body + " "), "digest"),
        changed(
            "a large body with one more part", replace(WRITE, repeat=9), replace(WRITE, repeat=10), "digest"
        ),
        changed("no body where one was signed", WRITE, replace(WRITE, body=""), "digest"),
        row("a body without a digest", WRITE, "digest", added=(("X-TB-Tenant-ID", "acme"),)),
        row("a digest that is not covered", WRITE, "uncovered", covered=covered_by(WRITE.headers)),
        *(
            row(name, WRITE, refused, added=(("X-TB-Tenant-ID", "acme"), ("Content-Digest", digest)))
            for name, digest, refused in (
                ("a digest beside another one", f"sha-512=:AA==:, {digest_of(WRITE.content)}", ""),
                ("a digest of another kind alone", "sha-512=:AA==:", "digest"),
                ("a digest that is a text", digest_of(WRITE.content).replace(":", '"'), "digest"),
                ("a digest cut off", digest_of(WRITE.content)[:-3] + ":", "digest"),
                ("a digest of no text", "", "digest"),
            )
        ),
        row(
            "the digest of no body",
            replace(WRITE, body=""),
            added=(("X-TB-Tenant-ID", "acme"), ("Content-Digest", digest_of(b""))),
        ),
    ]


def headers() -> list[Row]:
    return [
        by_gateway("all headers that the API obeys", EVERYTHING),
        *(
            by_gateway(name, Request().having(("X-TB-Client", value)))
            for name, value in {
                "a header of signs": """a"b\\c'd,e;f:g=h(i)j%k@l[m]{n}""",
                "a header with a tab and two spaces inside": "a\tb  c",
                "a header with spaces around it": " \t a b \t ",
                "a header of no text": "",
                "a header outside ASCII": "東京 🔑 é",
                "a header that looks like a line of the base": '"@method": DELETE',
                "a long header": "x" * 3000,
            }.items()
        ),
        by_gateway("a tenant outside ASCII", Request(tenant="zürich-東京")),
        by_gateway("a tenant with inner spaces", Request(tenant="acme and sons")),
        by_gateway(
            "without a token, as the operator's page asks", Request(target="/v1/operator/journal", headers=())
        ),
        by_gateway("another method", Request(method="PATCH")),
        by_gateway("a method of our own", Request(method="MADE-UP")),
        row(
            "a header that is repeated, and that the API does not obey",
            Request().having(("X-More", "a"), ("x-more", " b "), ("X-MORE", ""), ("X-More", "a, c")),
            covered=(
                "@method",
                "@path",
                "@query",
                "x-tb-tenant-id",
                "x-more",
                "authorization",
                "x-sync-session",
            ),
        ),
        *(
            row(
                f"{name} twice, as it was signed",
                replace(EVERYTHING, headers=(*EVERYTHING.headers, (name, dict(EVERYTHING.headers)[name]))),
                "form",
            )
            for name, _ in EVERYTHING.headers[:-1]
        ),
    ]


def alterations() -> list[Row]:
    """Requests that were changed after they were signed."""
    rows = [
        changed("another method than was signed", Request(), Request(method="HEAD")),
        changed("the method in small letters", Request(), Request(method="get")),
        changed("another path", Request(), Request(target="/v1/tasks?limit=50")),
        changed("an escape in the path", Request(), Request(target="/v1/%6Eotes?limit=50")),
        changed("another query", Request(), Request(target="/v1/notes?limit=5")),
        changed("no query any more", Request(), Request(target="/v1/notes")),
        changed("another order of the query", Request(target="/?a=1&b=2"), Request(target="/?b=2&a=1")),
        changed("a query that became a path", Request(target="/v1/a?b"), Request(target="/v1/a%3Fb")),
    ]
    for name, value in EVERYTHING.headers[:-1]:
        others = tuple(pair for pair in EVERYTHING.headers if pair[0] != name)
        rows += [
            changed(f"{name} was added", replace(EVERYTHING, headers=others), EVERYTHING, "uncovered"),
            changed(f"{name} was removed", EVERYTHING, replace(EVERYTHING, headers=others), "form"),
            changed(
                f"{name} was changed", EVERYTHING, replace(EVERYTHING, headers=(*others, (name, value + "1")))
            ),
            changed(f"{name} was doubled", EVERYTHING, EVERYTHING.having((name, value)), "form"),
        ]
    return [
        *rows,
        changed("a header that is not covered was added", Request(), Request().having(("Accept", "*/*")), ""),
        replaced("the tenant was changed", "mac", ("acme", "zeta")),
        replaced("created was changed", "mac", (f"created={TIME}", f"created={TIME + 1}")),
        replaced("the nonce was changed", "mac", (RANDOM, RANDOM[::-1])),
        replaced("the process was changed", "mac", (PROCESS, PROCESS[::-1])),
        replaced("the key id was changed", "mac", ('keyid="k2"', 'keyid="k1"')),
        replaced("the tag was changed", "absent", ('tag="toolbridge"', 'tag="toolbridgf"')),
        replaced("the label was changed", "", ("tb=", "sig1=")),
        replaced("two components changed places", "mac", ('"@method" "@path"', '"@path" "@method"')),
        replaced("a component was added", "mac", ('"@method"', '"@authority" "@method"')),
    ]


def times() -> list[Row]:
    around = {
        "60 s ago": (TIME - 60, ""),
        "61 s ago": (TIME - 61, "clock"),
        "60 s ahead": (TIME + 60, ""),
        "61 s ahead": (TIME + 61, "clock"),
        "in 1970": (0, "clock"),
        "before 1970": (-1, "clock"),
        "as late as a number can say": (999_999_999_999_999, "clock"),
        "as early as a number can say": (-999_999_999_999_999, "clock"),
    }
    return [
        *(
            by_gateway(f"signed {name}", Request(), created=created, refused=refused)
            for name, (created, refused) in around.items()
        ),
        row("an end in the future", parameters=f"{parameters_of()};expires={TIME + 1}"),
        row("an end just now", parameters=f"{parameters_of()};expires={TIME}"),
        row("an end that is over", refused="expired", parameters=f"{parameters_of()};expires={TIME - 1}"),
    ]


def keys() -> list[Row]:
    return [
        by_gateway("the key before", Request(), key="k1"),
        by_gateway("a key id of signs", Request(), key="2026.11_a-B"),
        row("a key that is unknown", refused="key", parameters=parameters_of(key="k3")),
        row("a key of no name", refused="key", parameters=parameters_of(key="")),
        row("the secret of another key", refused="mac", secret=KEYS["k1"]),
        row("another tenant", refused="tenant", added=(("X-TB-Tenant-ID", "zeta"),)),
        row("two tenants", refused="form", added=(("X-TB-Tenant-ID", "acme"), ("X-TB-Tenant-ID", "acme"))),
        by_gateway("another process", Request(), nonce=f"{PROCESS[::-1]}.{RANDOM}", refused="process"),
        by_gateway("no process", Request(), nonce=f".{RANDOM}", refused="process"),
        row("a nonce without a dot", refused="process", parameters=parameters_of(nonce=RANDOM)),
    ]


USUAL = covered_by((*Request().headers, *unsigned(Request())))


def components() -> list[Row]:
    more = Request().having(("Host", "API.example"), ("Accept", "*/*"))
    return [
        row("another order of components", covered=USUAL[::-1]),
        row("more components", more, covered=(*USUAL, "accept", "@authority")),
        row("a target in absolute form", Request(target="http://api.example/v1/notes?limit=50")),
        *(
            row(f"{name} is not covered", refused="uncovered", covered=tuple(c for c in USUAL if c != name))
            for name in USUAL
        ),
        row("nothing is covered", refused="uncovered", covered=()),
        row("a component that the request does not have", refused="form", covered=(*USUAL, "if-match")),
        row("a component twice", refused="form", covered=(*USUAL, "@method")),
        *(
            replaced(f"a component with {name}", "form", change)
            for name, change in {
                "two spaces behind it": ('"@method" ', '"@method"  '),
                "a space before it": ('("', '( "'),
                "a space at the end": ('")', '" )'),
                "a tab behind it": ('"@method" ', '"@method"\t'),
                "no space behind it": ('"@method" ', '"@method"'),
                "a comma behind it": ('"@method" ', '"@method", '),
                "no quotes": ('"@method"', "method"),
                "capitals": ('"authorization"', '"Authorization"'),
                "a parameter": ('"authorization"', '"authorization";sf'),
                "a parameter of the request": ('"@method"', '"@method";req'),
                "a name that nobody knows": ('"@method"', '"@methods"'),
                "the name of the last line": ('"@method"', '"@signature-params"'),
                "no name": ('"@method"', '""'),
                "an escape": ('"@method"', '"@\\method"'),
                "no end of the list": ('")', '"'),
            }.items()
        ),
        replaced("a number for a component", "form", ('"@method"', "1")),
    ]


def parameters() -> list[Row]:
    good, without = parameters_of(), parameters_of().replace
    return [
        row(
            "another order of parameters",
            parameters=f';tag="toolbridge";keyid="k2";nonce="{NONCE}";created={TIME}',
        ),
        row("the algorithm named", parameters=good + ';alg="hmac-sha256"'),
        row("no tag", refused="absent", parameters=without(';tag="toolbridge"', "")),
        *(
            row(name, refused="form", parameters=text)
            for name, text in {
                "another algorithm named": good + ';alg="hmac-sha512"',
                "no created": without(f";created={TIME}", ""),
                "no nonce": without(f';nonce="{NONCE}"', ""),
                "no keyid": without(';keyid="k2"', ""),
                "created twice": f"{good};created={TIME}",
                "keyid twice": f';keyid="k1"{good}',
                "tag twice": f';tag="toolbridge"{good}',
                "a parameter that is unknown": good + ";more=1",
                "created as text": parameters_of(f'"{TIME}"'),
                "created as a decimal": parameters_of(f"{TIME}.0"),
                "created with a zero before it": parameters_of(f"0{TIME}"),
                "created with a plus before it": parameters_of(f"+{TIME}"),
                "created of 16 digits": parameters_of("1" * 16),
                "created without a value": without(f"created={TIME}", "created"),
                "keyid as a word": without('"k2"', "k2"),
                "tag as a word": without('"toolbridge"', "toolbridge"),
                "a nonce of 15 characters": parameters_of(nonce=f"{PROCESS}.{RANDOM[:15]}"),
                "a nonce of no text": parameters_of(nonce=""),
                "a nonce that is very long": parameters_of(nonce=f"{PROCESS}.{RANDOM * 20}"),
                "a space between parameters": without(";keyid", "; keyid"),
                "a parameter in capitals": without("keyid", "keyID"),
                "a text that does not end": good[:-1],
                "something behind the parameters": good + " more",
            }.items()
        ),
    ]


def several() -> list[Row]:
    """Several signatures in one request, and parts of one."""
    signed, base = sign(Request())
    tenant, ours, signature = signed
    other = sign(Request(), label="other")[0][1:]
    foreign = (
        (
            "Signature-Input",
            'p=("@method" "forwarded";sf;key="by");created=1;alg="ed25519";x;y=?1;z=:AA==:;f=-1.5;t=a/b',
        ),
        ("Signature", "p=:AAAA:"),
    )
    lines = tuple(
        (name, f"{mine},\t{theirs} , q={theirs[2:]}")
        for (name, mine), (_, theirs) in zip(signed[1:], foreign, strict=True)
    )
    return [
        row("another label", label="a*_-.9"),
        *(
            Row(name, Request(), given, base if not refused else "", refused)
            for name, refused, given in (
                ("a signature of a proxy before ours", "", (*foreign, *signed)),
                ("a signature of a proxy behind ours", "", (*signed, *foreign)),
                ("signatures of proxies in the same lines", "", (tenant, *lines)),
                ("two signatures of ours", "form", (*signed, *other)),
                ("our signature twice", "form", (*signed, ours, signature)),
                ("Signature twice", "form", (*signed, signature)),
                ("Signature-Input twice", "form", (*signed, ours)),
                ("a second signature under our label", "form", (*signed, ("Signature", "tb=:AAAA:"))),
                ("no signature at all", "absent", (tenant,)),
                ("only a signature of a proxy", "absent", (tenant, *foreign)),
                ("Signature-Input alone", "form", (tenant, ours)),
                ("Signature alone", "absent", (tenant, signature)),
                (
                    "Signature-Input that ends with a comma",
                    "form",
                    (tenant, (ours[0], ours[1] + ","), signature),
                ),
                (
                    "Signature-Input that begins with a comma",
                    "form",
                    (tenant, (ours[0], "," + ours[1]), signature),
                ),
                (
                    "Signature-Input of two lists without a comma",
                    "form",
                    (tenant, (ours[0], f"{ours[1]} {ours[1]}"), signature),
                ),
                ("a label in capitals", "form", (tenant, (ours[0], "T" + ours[1][1:]), signature)),
            )
        ),
    ]


def signatures() -> list[Row]:
    """A good `Signature-Input`, and other signatures."""
    (*others, (name, good)), _ = sign(Request())
    last = good[-3]
    alphabet = ascii_uppercase + ascii_lowercase + digits + "+/"
    other = f"{good[:-3]}{alphabet[alphabet.index(last) + 1]}=:"
    return [
        Row(f"a signature {how}", Request(), (*others, (name, text)), "", refused)
        for how, text, refused in (
            ("of zeros", f"tb=:{base64_of(bytes(32))}:", "mac"),
            ("of 31 bytes", f"tb=:{base64_of(bytes(31))}:", "form"),
            ("of 33 bytes", f"tb=:{base64_of(bytes(33))}:", "form"),
            ("of no bytes", "tb=::", "form"),
            ("without padding", f"{good[:-2]}:", "form"),
            ("with bits that count for nothing", other, "form"),
            ("with a sign that is not of base64", f"tb=:!{good[5:]}", "form"),
            ("in the alphabet of URLs", f"tb=:-_{good[6:]}", "form"),
            ("that is a text", good.replace(":", '"'), "form"),
            ("with a parameter", f"{good};a", "form"),
            ("without an end", good[:-1], "form"),
            ("of another label", f"tc{good[2:]}", "form"),
            ("of no text", "", "form"),
        )
    ]


STANDARD_INPUT = '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
STANDARD = {
    "about": "RFC 9421, appendix B.2.5",
    "secret": "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==",
    "method": "POST",
    "target": "/foo?param=Value&Pet=dog",
    "headers": [
        ("Host", "example.com"),
        ("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("Content-Type", "application/json"),
        ("Content-Length", "18"),
    ],
    "signature_input": f"sig-b25={STANDARD_INPUT}",
    "base": (
        '"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@authority": example.com\n"content-type": application/json\n'
        f'"@signature-params": {STANDARD_INPUT}'
    ),
    "signature": "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
}


def render() -> str:
    rows = [
        *(*targets(), *bodies(), *headers(), *alterations(), *times(), *keys()),
        *(*components(), *parameters(), *several(), *signatures()),
    ]
    about = {
        "about": "written by python -m tests.transport.signature_vectors, which says what the members are",
        "process": PROCESS,
        "tenant": "acme",
        "keys": [{"id": key, "secret": secret} for key, secret in KEYS.items()],
        "standard": STANDARD,
        "rows": [row.as_json() for row in rows],
    }
    return json.dumps(about, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(render())
