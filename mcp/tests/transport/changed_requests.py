"""`python -m tests.transport.changed_requests API COUNT`: no request is accepted that was changed on its way.

Random requests are signed by the gateway's own signer and sent to the real API over sockets. Each is first
sent with one byte changed, for every part of it, or with a part of another good request in its place. Then it
is sent as it was signed, and is accepted, so that nothing but the change was the reason to refuse it before.
"""

import random
import string
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from tests.harness.clients import token
from tests.harness.processes import TENANT_ID, Process, api_process, running
from tests.harness.raw_wire import Answer, Wire, bytes_of, signed_bytes, signer_for
from tests.harness.table import head, row, say
from toolbridge_mcp.keyring import Keyring, parse
from toolbridge_mcp.transport import Request, Signer
from toolbridge_mcp.transport.signing import CONTENT_DIGEST, SIGNATURE, SIGNATURE_INPUT, TENANT

KEYS = f"k1:2026-01-31:{'first-secret-' * 3} k2:2026-01-30:{'second-secret-' * 3}"
UNLIMITED = {f"RATE_LIMIT_{what}": "off" for what in ("READS", "WRITES", "SESSIONS")}
ENOUGH = {"QUOTA_ITEMS": "100000000", "QUOTA_BYTES": "1000000000000"}
LETTERS = string.ascii_letters + string.digits
TEXTS = ("Milk", "a&b=c", "東京 🔑", "é\u0301", '"quoted" \\ and / slashes', "x" * 3_000, "")
OTHER_METHOD = {"GET": "DELETE", "DELETE": "GET", "PUT": "PATCH", "PATCH": "PUT", "POST": "GET"}

ACCEPTED, TENANT_REFUSED, TOKEN_REFUSED = "accepted", "signature refused", "token refused"
NO_ROUTE, NO_HTTP = "no such route", "no HTTP"
OUTCOMES = (TENANT_REFUSED, TOKEN_REFUSED, NO_ROUTE, NO_HTTP, ACCEPTED)


def api_of(binary: Path, folder: Path) -> Process:
    return api_process(
        binary,
        folder,
        TENANT_HEADER_KEYS=KEYS,
        TENANT_SIGNATURES="v2",
        LOG_LEVEL="error",
        **UNLIMITED,
        **ENOUGH,
    )


@dataclass
class Counts:
    right: int = 0
    changed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Requests by what was changed and what became of them."""

    @property
    def parts(self) -> list[str]:
        return list(dict.fromkeys(part for part, _ in self.changed))

    @property
    def accepted(self) -> int:
        return sum(count for (_, outcome), count in self.changed.items() if outcome == ACCEPTED)


class World:
    """Who makes the requests: one user with two tokens and two sessions."""

    def __init__(self, api: Process, chance: random.Random) -> None:
        self.chance = chance
        self.signer = signer_for(api.port, Keyring(parse(KEYS)))
        self.wire = Wire(api.port)
        self.tokens = [token("ann", jti=str(number)) for number in range(2)]
        self.sessions = [self._opened() for _ in range(2)]
        self.uids = [self._created() for _ in range(3)]

    def _send(self, request: Request) -> Answer:
        return self.wire.send(signed_bytes(self.signer, request))

    def _opened(self) -> Mapping[str, str]:
        session = self._send(Request("POST", "/v1/sync/sessions", self._headers({}, b""))).json
        return {"X-Sync-Session": session["id"], "X-Sync-Epoch": str(session["epoch"])}

    def _created(self) -> str:
        content = b'{"title":"t","content":"c"}'
        headers = self._headers(self.sessions[0], content)
        return str(self._send(Request("POST", "/v1/notes", headers, content)).json["uid"])

    def _headers(self, session: Mapping[str, str], content: bytes) -> dict[str, str]:
        return {
            "Host": "127.0.0.1",
            "Authorization": f"Bearer {self.tokens[0]}",
            "X-Correlation-ID": uuid4().hex,
            "X-TB-Tool": "a_tool",
            "X-TB-Client": "a client/1",
            "X-Request-Timeout-Ms": str(self.chance.randrange(5_000, 30_000)),
            "Content-Length": str(len(content)),
            **session,
        }

    def request(self) -> Request:
        """Any of those that tools make."""
        chance = self.chance
        method = chance.choice(["GET", "GET", "POST", "PUT", "PATCH", "DELETE"])
        path = "/v1/notes" if method == "POST" else f"/v1/notes/{chance.choice([*self.uids, uuid4()])}"
        if method == "GET" and chance.random() < 0.5:
            path = "/v1/notes"
        query = [
            f"limit={chance.randrange(1, 50)}",
            f"tag={quote(chance.choice(TEXTS[:5]))}",
            "includeDeleted=true",
            "tag=b",
        ]
        chance.shuffle(query)
        target = f"{path}?{'&'.join(query)}" if method == "GET" else f"{path}?return=minimal"
        text = chance.choice(TEXTS).replace("\\", "\\\\").replace('"', '\\"')
        has_content = method in {"POST", "PUT", "PATCH"}
        content = f'{{"title":"t{chance.random()}","content":"{text}"}}'.encode() if has_content else b""
        headers = self._headers(self.sessions[0], content)
        if method != "GET":
            headers["Idempotency-Key"] = uuid4().hex
        if method in {"PUT", "PATCH"}:
            headers["If-Match"] = str(chance.randrange(1_000_000, 10_000_000))
        if has_content:
            headers["Content-Type"] = "application/json"
        return Request(method, target, headers, content)


Change = Callable[[World, Request], bool]
"""Changes a part of a signed request. Returns whether the request has that part."""


def one_byte(chance: random.Random, text: str, letters: str = LETTERS) -> str:
    """The text with another letter or digit in a random place. What was no letter stays what it was, so that
    the request is still one."""
    places = [place for place, sign in enumerate(text) if sign in LETTERS]
    place = chance.choice(places)
    other = chance.choice(letters.replace(text[place], ""))
    return f"{text[:place]}{other}{text[place + 1 :]}"


def of_method(world: World, request: Request) -> bool:
    request.method = one_byte(world.chance, request.method, string.ascii_uppercase)
    return True


def of_path(world: World, request: Request) -> bool:
    path, mark, query = request.target.partition("?")
    request.target = f"{one_byte(world.chance, path)}{mark}{query}"
    return True


def of_query(world: World, request: Request) -> bool:
    path, _, query = request.target.partition("?")
    request.target = f"{path}?{one_byte(world.chance, query)}"
    return True


def of_body(world: World, request: Request) -> bool:
    if not request.content:
        return False
    place = request.content.index(b"title") + world.chance.randrange(5)
    other = bytes([request.content[place] ^ 1])
    request.content = request.content[:place] + other + request.content[place + 1 :]
    return True


def of_header(name: str) -> Change:
    def change(world: World, request: Request) -> bool:
        if name in request.headers:
            request.headers[name] = one_byte(world.chance, request.headers[name])
        return name in request.headers

    return change


def of_token(world: World, request: Request) -> bool:
    scheme, _, bearer = request.headers["Authorization"].partition(" ")
    request.headers["Authorization"] = f"{scheme} {one_byte(world.chance, bearer)}"
    return True


def of_parameter(before: str, after: str) -> Change:
    """A byte of what stands between these two texts in `Signature-Input`."""

    def change(world: World, request: Request) -> bool:
        text = request.headers[SIGNATURE_INPUT]
        start = text.index(before) + len(before)
        end = text.index(after, start)
        request.headers[SIGNATURE_INPUT] = (
            f"{text[:start]}{one_byte(world.chance, text[start:end])}{text[end:]}"
        )
        return True

    return change


def of_time(world: World, request: Request) -> bool:
    """The time of another second, near enough to be good."""
    text = request.headers[SIGNATURE_INPUT]
    start = text.index(";created=") + len(";created=")
    end = text.index(";", start)
    other = f"{int(text[start:end]) + world.chance.choice([-1, 1, 10])}"
    request.headers[SIGNATURE_INPUT] = f"{text[:start]}{other}{text[end:]}"
    return True


def of_proof(world: World, request: Request) -> bool:
    label, _, proof = request.headers[SIGNATURE].partition("=:")
    request.headers[SIGNATURE] = f"{label}=:{one_byte(world.chance, proof)}"
    return True


def another_method(_: World, request: Request) -> bool:
    request.method = OTHER_METHOD[request.method]
    return True


def another_token(world: World, request: Request) -> bool:
    request.headers["Authorization"] = f"Bearer {world.tokens[1]}"
    return True


def another_session(world: World, request: Request) -> bool:
    request.headers.update(world.sessions[1])
    return True


def another(name: str, value: Callable[[], str]) -> Change:
    def change(_: World, request: Request) -> bool:
        has = name in request.headers
        request.headers[name] = value()
        return has

    return change


def another_key(_: World, request: Request) -> bool:
    text = request.headers[SIGNATURE_INPUT]
    request.headers[SIGNATURE_INPUT] = text.replace('keyid="k1"', 'keyid="k2"')
    return True


def without(name: str) -> Change:
    def change(_: World, request: Request) -> bool:
        return request.headers.pop(name, None) is not None

    return change


CHANGES: Mapping[str, Change] = {
    "method": of_method,
    "path": of_path,
    "query": of_query,
    "token": of_token,
    "tenant": of_header(TENANT),
    "session": of_header("X-Sync-Session"),
    "epoch": of_header("X-Sync-Epoch"),
    "idempotency key": of_header("Idempotency-Key"),
    "correlation id": of_header("X-Correlation-ID"),
    "condition": of_header("If-Match"),
    "tool": of_header("X-TB-Tool"),
    "client": of_header("X-TB-Client"),
    "deadline": of_header("X-Request-Timeout-Ms"),
    "digest": of_header(CONTENT_DIGEST),
    "time": of_time,
    "process": of_parameter('nonce="', "."),
    "nonce": of_parameter(".", '"'),
    "key id": of_parameter('keyid="', '"'),
    "signature": of_proof,
    "another method": another_method,
    "another token of the user": another_token,
    "another session of the user": another_session,
    "another idempotency key": another("Idempotency-Key", lambda: uuid4().hex),
    "another correlation id": another("X-Correlation-ID", lambda: uuid4().hex),
    "another condition": another("If-Match", lambda: "1"),
    "another key id": another_key,
    "without the condition": without("If-Match"),
    "without the idempotency key": without("Idempotency-Key"),
    "without the digest": without(CONTENT_DIGEST),
    "with a header that was not there": another("X-Debug-Sub", lambda: "ben"),
}


def copy_of(request: Request) -> Request:
    return Request(request.method, request.target, dict(request.headers), request.content)


def outcome_of(answer: Answer) -> str:
    if answer.status == 401:
        return TENANT_REFUSED if answer.code == "invalid_tenant" else TOKEN_REFUSED
    if answer.code in {"route_not_found", "method_not_allowed"}:
        return NO_ROUTE
    return NO_HTTP if answer.status == 400 and not answer.json else ACCEPTED


def changed_copies(world: World, request: Request) -> Iterator[tuple[str, Request]]:
    for part, change in CHANGES.items():
        copy = copy_of(request)
        before = bytes_of(copy)
        if change(world, copy) or part == "with a header that was not there":
            assert bytes_of(copy) != before, part
            yield part, copy


def run(api: Process, count: int, seed: int) -> Counts:
    """Sends so many requests, with all their changes."""
    world, counts = World(api, random.Random(seed)), Counts()
    for _ in range(count):
        request = world.request()
        signed_bytes(world.signer, request)
        for part, copy in changed_copies(world, request):
            counts.changed[part, outcome_of(world.wire.send(bytes_of(copy)))] += 1
        answer = world.wire.send(bytes_of(request))
        assert outcome_of(answer) == ACCEPTED, f"{answer.status} {answer.code} {answer.reason}"
        counts.right += 1
        _change_body(world, world.signer, counts)
    world.wire.close()
    return counts


def _change_body(world: World, signer: Signer, counts: Counts) -> None:
    """The API knows the body of a request only when it has taken the nonce. So this is another request."""
    request = world.request()
    if request.content:
        signed_bytes(signer, request)
        of_body(world, request)
        counts.changed["body", outcome_of(world.wire.send(bytes_of(request)))] += 1


def show(counts: Counts) -> None:
    say(f"{counts.right} requests as they were signed: all accepted\n")
    head("changed", "requests", *OUTCOMES, numbers_from=1)
    for part in [*counts.parts, ""]:
        numbers = [
            sum(count for (of, what), count in counts.changed.items() if what == outcome and part in ("", of))
            for outcome in OUTCOMES
        ]
        row(part or "all", sum(numbers), *numbers)


def main() -> None:
    binary, count = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1_000_000)
    say(f"tenant {TENANT_ID}, seed {seed}")
    with tempfile.TemporaryDirectory() as folder, running(api_of(binary, Path(folder))) as api:
        counts = run(api, count, seed)
    show(counts)
    sys.exit(int(counts.accepted > 0))


if __name__ == "__main__":
    main()
