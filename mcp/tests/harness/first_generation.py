"""A stand-in for the API of the first generation, as a program: `python -m tests.harness.first_generation`.

It answers as that API was measured to: bodies, statuses, content types and headers, its errors and its
oddities included. Its data is in memory. Nothing here is imported from the product.
"""

import base64
import hmac
import json
import os
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, NoReturn
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

from tests.harness.processes import GATEWAY_FOLDER, SECRETS, Process, free_port

Json = dict[str, Any]

WORDS = {
    "notes": "note",
    "tasks": "task",
    "comments": "comment",
    "chats": "chat",
    "chat_messages": "chat message",
}
ACTIONS: Mapping[str, Mapping[str, Json]] = {
    "notes": {
        "pin": {"pinned": True},
        "unpin": {"pinned": False},
        "archive": {"status": "archived"},
        "unarchive": {"status": "active"},
    },
    "tasks": {
        "start": {"status": "in_progress"},
        "complete": {"status": "completed"},
        "reopen": {"status": "open"},
    },
    "comments": {"resolve": {"status": "resolved"}, "reopen": {"status": "open"}},
    "chats": {"resolve": {"status": "resolved"}, "reopen": {"status": "active"}},
    "chat_messages": {"mark_read": {"read": True}, "mark_delivered": {"delivered": True}},
}
INFO = {
    "apiVersion": "1.1",
    "entities": {plural: {"maxLimit": 1000, "push": True, "pull": True} for plural in WORDS},
    "locking": {"supported": True, "mode": "session"},
    "minClientVersion": "0.1.0",
    "rateLimit": {"windowSeconds": 60, "maxRequests": 600, "burst": 120},
    "hints": {"recommendedBatch": 500, "backoffMsOn429": 1500},
}
SESSION_MINUTES = 30
SKEW_SECONDS = 300


def first_generation(folder: Path, **settings: str) -> Process:
    """The stand-in as a process that is not started yet.

    `SESSIONS_PER_SECOND` and `SESSION_BURST` limit a user's new sessions, `REQUESTS_PER_SECOND` (10) and
    `REQUEST_BURST` (120) the requests for items. `CLOCK_SECONDS` sets its clock ahead. `NEWEST=yes` is that
    API's newest version: its DELETE shows the whole item, and it wants one tenant's id (`TENANT_ID`) and no
    signature. Without `TENANT_HEADER_SECRET` no tenant is checked.
    """
    port = free_port()
    command = [sys.executable, "-m", "tests.harness.first_generation"]
    environment = {**SECRETS, "PORT": str(port), **settings}
    log = folder / "first-generation.log"
    return Process(command, environment, port, log, GATEWAY_FOLDER, ready_path="/healthz")


class Answer(Exception):
    """An answer that ends the handling of a request, or the one that it comes to."""

    def __init__(self, status: int, content: object = None, **headers: str) -> None:
        super().__init__(status)
        self.status, self.content = status, content
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def body(self) -> bytes:
        if self.content is None:
            return b""
        if isinstance(self.content, str):
            return f"{self.content}\n".encode() if self.status >= 400 else self.content.encode()
        text = json.dumps(self.content, ensure_ascii=False, separators=(",", ":"))
        for sign in "<>&\u2028\u2029":
            text = text.replace(sign, f"\\u{ord(sign):04x}")
        return f"{text}\n".encode()

    def content_type(self) -> str | None:
        if self.content is None:
            return None
        return "text/plain; charset=utf-8" if isinstance(self.content, str) else "application/json"


@dataclass
class Item:
    payload: Json
    version: int
    updated: int
    deleted: int | None = None

    def shown(self, uid: str) -> Json:
        deletion = {} if self.deleted is None else {"deletedAt": timestamp(self.deleted)}
        updated = timestamp(self.updated)
        return {
            "uid": uid, "version": self.version, "updatedAt": updated, **deletion, "payload": self.payload
        }  # fmt: skip


@dataclass
class Bucket:
    """A token bucket."""

    rate: float
    burst: float
    left: float = field(init=False)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.left = self.burst

    def take(self) -> int:
        """Seconds to wait, 0 if there was a token."""
        now = time.monotonic()
        self.left, self.at = min(self.burst, self.left + (now - self.at) * self.rate), now
        if self.left >= 1:
            self.left -= 1
            return 0
        return max(1, int((1 - self.left) / self.rate))


@dataclass
class Owner:
    """What one user has."""

    id: str = field(default_factory=lambda: str(uuid4()))
    epoch: int = 1
    wiped: Json = field(default_factory=dict)
    items: dict[str, dict[str, Item]] = field(default_factory=lambda: defaultdict(dict))
    buckets: dict[str, Bucket] = field(default_factory=dict)


class Session(NamedTuple):
    owner: Owner
    created: float


class Request(NamedTuple):
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    correlation: str

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")


class Api:
    """All of the API. `answer` raises `Answer`."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._jwt_secret = settings["JWT_HS256_SECRET"].encode()
        self._tenant_secret = settings.get("TENANT_HEADER_SECRET", "").encode()
        self._newest = settings.get("NEWEST") == "yes"
        self._tenant = settings.get("TENANT_ID", "")
        self._ahead = float(settings.get("CLOCK_SECONDS", "0"))
        limited = "SESSIONS_PER_SECOND" in settings
        rate = float(settings.get("SESSIONS_PER_SECOND", "1"))
        self._session_limit = (rate, float(settings.get("SESSION_BURST", "1"))) if limited else None
        self._request_limit = (
            float(settings.get("REQUESTS_PER_SECOND", "10")),
            float(settings.get("REQUEST_BURST", "120")),
        )
        self._owners: dict[str, Owner] = {}
        self._sessions: dict[str, Session] = {}

    def now(self) -> float:
        return time.time() + self._ahead

    def answer(self, request: Request) -> None:
        handle = self._route(request)
        handle()

    # Routing: 404 and 405 need no token.

    def _route(self, request: Request) -> Callable[[], None]:
        parts = request.path.strip("/").split("/")
        handlers: dict[str, Callable[[], None]] = {}
        match parts if not request.path.endswith("/") else []:
            case ["healthz"]:
                handlers = {"GET": lambda: reply(200, "ok")}
            case ["v1", "sync", "info"]:
                handlers = {"GET": lambda: reply(200, {**INFO, "serverTime": nanoseconds(self.now())})}
            case ["v1", "sync", "sessions"]:
                handlers = {"POST": lambda: self._open(request)}
            case ["v1", "sync", "sessions", name]:
                handlers = {verb: lambda: self._one_session(request, name) for verb in ("GET", "DELETE")}
            case ["v1", "sync", "state"]:
                handlers = {"GET": lambda: self._state(request)}
            case ["v1", "sync", "wipe"]:
                handlers = {"POST": lambda: self._wipe(request)}
            case ["v1", "sync", kind, "push"] if kind in WORDS:
                handlers = {"POST": lambda: self._push(self._caller(request, "sync"), kind, request)}
            case ["v1", "sync", kind, "pull"] if kind in WORDS:
                handlers = {"GET": lambda: self._pull(self._caller(request, "sync"), kind, request)}
            case ["v1", kind] if kind in WORDS:
                handlers = {
                    "GET": lambda: self._list(self._caller(request, "items"), kind, request),
                    "POST": lambda: self._create(self._caller(request, "items"), kind, request),
                }
            case ["v1", kind, uid] if kind in WORDS:
                handlers = {
                    verb: lambda: self._item(self._caller(request, "items"), kind, uid, request)
                    for verb in ("GET", "PUT", "PATCH", "DELETE")
                }
            case ["v1", kind, uid, "archive" | "process"] if kind in WORDS:
                handlers = {"POST": lambda: self._item(self._caller(request, "items"), kind, uid, request)}
        if not handlers:
            raise Answer(404, "404 page not found")
        if request.method not in handlers:
            raise Answer(405, Allow=", ".join(handlers))
        return handlers[request.method]

    # Who calls

    def _user(self, request: Request) -> Owner:
        subject = self._subject(request.header("Authorization"))
        self._check_tenant(request)
        return self._owners.setdefault(subject, Owner())

    def _subject(self, authorization: str) -> str:
        try:
            scheme, token = authorization.split(" ")
            signed, signature = token.rsplit(".", 1)
            head, claims = (json.loads(unpadded(part)) for part in signed.split("."))
            digest = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[head["alg"]]
            proof = hmac.digest(self._jwt_secret, signed.encode(), digest)
            now = self.now()
            good = scheme == "Bearer" and hmac.compare_digest(proof, unpadded(signature))
            if good and claims.get("exp", now + 1) > now and claims.get("nbf", 0) <= now and claims["sub"]:
                return str(claims["sub"])
        except (ValueError, KeyError):
            pass
        raise Answer(401, "unauthorized")

    def _check_tenant(self, request: Request) -> None:
        tenant = request.header("X-TB-Tenant-ID")
        if self._newest:
            if not tenant:
                raise Answer(401, "Unauthorized: missing tenant header")
            if tenant != self._tenant:
                raise Answer(403, "Unauthorized: not authorized for requested tenant")
            return
        if not self._tenant_secret:
            return
        timestamp, signature = request.header("X-TB-Timestamp"), request.header("X-TB-Signature")
        proof = hmac.digest(self._tenant_secret, f"{tenant}:{timestamp}".encode(), "sha256").hex()
        fresh = re.fullmatch(r"[+-]?\d+", timestamp) and abs(int(timestamp) / 1000 - self.now()) <= 300
        if not (tenant and fresh and hmac.compare_digest(proof, signature)):
            raise Answer(401, "Unauthorized: invalid tenant headers")

    def _caller(self, request: Request, bucket: str | None) -> Owner:
        owner = self._user(request)
        name = request.header("X-Sync-Session")
        if not name:
            self._refuse(
                request, 428,
                "X-Sync-Session header required. Please call POST /v1/sync/sessions to begin a session.",
            )  # fmt: skip
        session = self._session(name)
        if session is None:
            self._refuse(
                request, 428,
                "Invalid or expired sync session. "
                "Please call POST /v1/sync/sessions to begin a new session.",
            )  # fmt: skip
        elif session.owner is not owner:
            self._refuse(request, 403, "Session does not belong to authenticated user.")
        if bucket is None:
            return owner
        self._limit(request, owner, bucket, *self._request_limit)
        epoch = request.header("X-Sync-Epoch")
        if not epoch.isdecimal() or int(epoch) < owner.epoch:
            body = {"error": "epoch_mismatch", "epoch": owner.epoch}
            correlation = request.header("X-Correlation-ID")
            raise Answer(
                409, {**body, "correlation_id": correlation},
                X_Sync_Epoch=str(owner.epoch), X_Correlation_ID=correlation,
            )  # fmt: skip
        return owner

    def _limit(self, request: Request, owner: Owner, name: str, rate: float, burst: float) -> None:
        wait = owner.buckets.setdefault(name, Bucket(rate, burst)).take()
        if not wait:
            return
        headers = {
            "X-RateLimit-Limit": str(int(rate * 60)),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(time.time() + burst / rate)),
            "X-RateLimit-Burst": str(int(burst)),
            "Retry-After": str(wait),
        }
        text = f"Rate limit exceeded. Please retry after {wait} seconds."
        raise Answer(429, {"error": text, "correlation_id": request.correlation}, **headers)

    def _refuse(self, request: Request, status: int, text: str) -> NoReturn:
        raise Answer(status, {"error": text, "correlation_id": request.correlation})

    # Sessions and the account

    def _session(self, name: str) -> Session | None:
        session = self._sessions.get(name)
        return session if session and self.now() < session.created + SESSION_MINUTES * 60 else None

    def _open(self, request: Request) -> None:
        owner = self._user(request)
        if self._session_limit:
            self._limit(request, owner, "sessions", *self._session_limit)
        name = str(uuid4())
        self._sessions[name] = Session(owner, self.now())
        raise Answer(201, self._session_document(name), X_Sync_Epoch=str(owner.epoch))

    def _session_document(self, name: str) -> Json:
        owner, created = self._sessions[name]
        return {
            "id": name,
            "userId": owner.id,
            "createdAt": nanoseconds(created),
            "expiresAt": nanoseconds(created + SESSION_MINUTES * 60),
            "epoch": owner.epoch,
        }

    def _one_session(self, request: Request, name: str) -> None:
        owner = self._user(request)
        session = self._session(name)
        if session is None:
            raise Answer(404, "session not found or expired")
        if session.owner is not owner:
            raise Answer(403, "forbidden")
        if request.method == "GET":
            raise Answer(200, self._session_document(name))
        del self._sessions[name]
        raise Answer(204)

    def _state(self, request: Request) -> None:
        owner = self._caller(request, None)
        raise Answer(200, {"epoch": owner.epoch, **owner.wiped})

    def _wipe(self, request: Request) -> None:
        owner = self._caller(request, None)
        body = self._object(request, "invalid request body")
        if body.get("confirm") != "WIPE":
            self._refuse(request, 400, 'confirmation required: must send {"confirm":"WIPE"}')
        counts = {word.replace(" ", "_"): len(owner.items[kind]) for kind, word in WORDS.items()}
        owner.items.clear()
        owner.epoch += 1
        owner.wiped = {"lastWipeAt": nanoseconds(self.now()), "lastWipeBy": owner.id}
        for name in [name for name, session in self._sessions.items() if session.owner is owner]:
            del self._sessions[name]
        raise Answer(200, {"epoch": owner.epoch, "deleted": counts})

    # Items

    def _object(self, request: Request, text: str = "invalid JSON") -> Json:
        try:
            body, _ = json.JSONDecoder(parse_int=float_of).raw_decode(request.body.decode().lstrip())
        except ValueError:
            body = None if request.body.strip() == b"null" else 0
        if body is None and request.method != "PATCH":
            raise Answer(500)
        if not isinstance(body, dict | None):
            self._refuse(request, 400, text)
        return body or {}

    def _list(self, owner: Owner, kind: str, request: Request) -> None:
        every = request.query.get("includeDeleted") == "true"
        rows = self._page(owner, kind, request, every)
        answer: Json = {"items": [item.shown(uid) for uid, item in rows]}
        raise Answer(200, {**answer, **next_cursor(rows)})

    def _page(self, owner: Owner, kind: str, request: Request, every: bool) -> list[tuple[str, Item]]:
        after = cursor_of(request.query.get("cursor", ""))
        try:
            limit = int(request.query.get("limit", ""))
        except ValueError:
            limit = 0
        limit = min(limit, 1000) if limit > 0 else 500
        rows = sorted(owner.items[kind].items(), key=lambda row: (row[1].updated, row[0]))
        shown = (row for row in rows if every or row[1].deleted is None)
        return [row for row in shown if after is None or (row[1].updated, row[0]) > after][:limit]

    def _create(self, owner: Owner, kind: str, request: Request) -> None:
        payload = self._object(request)
        uid = uid_of(payload.get("uid")) or str(uuid4())
        stored = owner.items[kind].get(uid)
        self._check_domain(owner, kind, request, payload, "create")
        payload.setdefault("uid", uid)
        raise Answer(201, self._store(owner, kind, uid, payload, stored).shown(uid))

    def _item(self, owner: Owner, kind: str, given: str, request: Request) -> None:
        verb = request.path.rsplit("/", 1)[1] if request.method == "POST" else request.method
        uid = uid_of(given)
        if uid is None:
            self._refuse(request, 400, "invalid UID")
        asked = self._object(request) if verb == "process" else {}
        stored = owner.items[kind].get(uid)
        if stored is None:
            self._refuse(request, 404, f"{WORDS[kind]} not found")
        every = verb == "GET" and request.query.get("includeDeleted") == "true"
        if stored.deleted is not None and not every:
            already = " already" if verb == "DELETE" else ""
            text = f"{WORDS[kind]}{already} deleted"
            raise Answer(410, {"error": text, "deletedAt": timestamp(stored.deleted)})
        if verb == "GET":
            raise Answer(200, stored.shown(uid))
        if verb == "DELETE":
            item = self._store(owner, kind, uid, stored.payload, stored, deletes=True)
            shown = item.shown(uid)
            if not self._newest:
                del shown["payload"]
            raise Answer(200, shown)
        payload = self._changed(kind, verb, stored, request, asked)
        if request.method in {"PUT", "PATCH"}:
            self._check_version(request, stored)
        words = {"PUT": "update", "PATCH": "patch"}
        self._check_domain(owner, kind, request, payload, words.get(verb, verb))
        raise Answer(200, self._store(owner, kind, uid, {**payload, "uid": uid}, stored).shown(uid))

    def _changed(self, kind: str, verb: str, stored: Item, request: Request, asked: Json) -> Json:
        """The payload after the change."""
        if verb == "PUT":
            return self._object(request)
        if verb == "PATCH":
            return {**stored.payload, **self._object(request)}
        if verb == "archive":
            archived = {"archived": True} if kind in {"chats", "chat_messages"} else {"status": "archived"}
            return {**stored.payload, **archived}
        if not isinstance(asked.get("metadata", {}), dict):
            self._refuse(request, 400, "invalid JSON")
        action = str(asked.get("action", ""))
        if action not in ACTIONS[kind]:
            self._refuse(request, 400, f"invalid action: {action}")
        return {**stored.payload, **ACTIONS[kind][action]}

    def _check_version(self, request: Request, stored: Item) -> None:
        found = re.fullmatch(r'"?([+-]?\d+)"?', request.header("If-Match"))
        if found and int(found[1]) != stored.version:
            text = f"version mismatch: version mismatch: expected {int(found[1])}, actual {stored.version}"
            self._refuse(request, 412, text)

    def _check_domain(self, owner: Owner, kind: str, request: Request, payload: Json, verb: str) -> None:
        if self._parent_problem(owner, kind, payload) or "\\u0000" in json.dumps(payload):
            self._refuse(request, 500, f"failed to {verb} {WORDS[kind]}")

    def _parent_problem(self, owner: Owner, kind: str, payload: Json) -> str:
        if kind == "comments":
            if not isinstance(payload.get("parentType"), str):
                return "missing parentType"
            word, key = payload["parentType"], "parentUid"
        elif kind == "chat_messages":
            word, key = "chat", "chatUid"
        else:
            return ""
        if not isinstance(payload.get(key), str):
            return f"missing {key}"
        uid = uid_of(payload[key])
        if uid is None:
            return "invalid parentUid" if key == "parentUid" else f"invalid chatUid: {payload[key]}"
        if kind == "comments" and word not in {"note", "task"}:
            return f"invalid parent_type: {word} (must be 'note' or 'task')"
        parent = owner.items[f"{word}s"].get(uid)
        return "" if parent and parent.deleted is None else f"parent {word} not found: {payload[key]}"

    def _store(
        self, owner: Owner, kind: str, uid: str, payload: Json, stored: Item | None, deletes: bool = False
    ) -> Item:
        now = int(self.now() * 1000)
        updated = max(now, stored.updated + 1) if stored else now
        version = stored.version + 1 if stored else 1
        deletion = {"deletedAt": timestamp(updated)} if deletes else {}
        sync = {"version": version, "isDeleted": deletes, **deletion}
        kept = {**payload, "updatedTs": timestamp(updated), "sync": sync}
        owner.items[kind][uid] = item = Item(kept, version, updated, updated if deletes else None)
        return item

    # Delta sync

    def _push(self, owner: Owner, kind: str, request: Request) -> None:
        refused = {"uid": "", "version": 0, "updatedAt": ""}
        try:
            body = json.loads(request.body, parse_int=float_of)
            items = (body or {}).get("items") or []
            if not all(isinstance(item, dict | None) for item in items):
                raise ValueError("items must be objects")
        except (ValueError, AttributeError):
            raise Answer(400, [{**refused, "error": "invalid json"}]) from None
        if "\\u0000" in json.dumps(items):
            raise Answer(500, [{**refused, "error": "commit failed"}])
        raise Answer(200, [self._pushed(owner, kind, item or {}) for item in items])

    def _pushed(self, owner: Owner, kind: str, payload: Json) -> Json:
        uid = uid_of(payload.get("uid"))
        refused = {"uid": "", "version": 0, "updatedAt": ""}
        if uid is None:
            return {**refused, "error": "missing or invalid uid"}
        sync = payload["sync"] if isinstance(payload.get("sync"), dict) else {}
        times = (millis(payload.get(key)) for key in ("updatedTs", "updatedAt", "updateTime"))
        updated = next((at for at in times if at is not None), int(self.now() * 1000))
        deletes = sync.get("isDeleted") is True
        problem = self._parent_problem(owner, kind, payload)
        if problem.startswith("missing") or (problem.startswith("invalid") and "parent_type" not in problem):
            return {**refused, "error": problem}
        if problem and not (deletes and "not found" in problem):
            return {"uid": uid, "version": 1, "updatedAt": timestamp(updated), "error": problem}
        stored = owner.items[kind].get(uid)
        if stored is None or updated > stored.updated:
            version = stored.version + 1 if stored else max(1, int(sync.get("version") or 1))
            deleted = (millis(sync.get("deletedAt")) or updated) if deletes else None
            owner.items[kind][uid] = stored = Item(payload, version, updated, deleted)
        return {"uid": uid, "version": stored.version, "updatedAt": timestamp(stored.updated)}

    def _pull(self, owner: Owner, kind: str, request: Request) -> None:
        rows = self._page(owner, kind, request, every=True)
        upserts = [item.payload for _, item in rows if item.deleted is None]
        deletes = [
            {"uid": uid, "deletedAt": timestamp(item.deleted)}
            for uid, item in rows
            if item.deleted is not None
        ]
        raise Answer(200, {"upserts": upserts, "deletes": deletes, **next_cursor(rows)})


def reply(status: int, content: object) -> None:
    raise Answer(status, content)


def float_of(digits: str) -> float | int:
    """Numbers pass through a double."""
    number = float(digits)
    return int(number) if abs(number) < 2**53 else number


def uid_of(value: object) -> str | None:
    try:
        uid = UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return str(uid) if uid and uid.int else None


def timestamp(millis_: int) -> str:
    """RFC 3339 with at most milliseconds, trailing zeros dropped."""
    seconds, rest = divmod(millis_, 1000)
    fraction = f".{rest:03d}".rstrip("0") if rest else ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f"{fraction}Z"


def nanoseconds(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"


def millis(value: object) -> int | None:
    """RFC 3339 or decimal milliseconds, in a string."""
    if not isinstance(value, str):
        return None
    if re.fullmatch(r"-?\d+", value):
        return int(value)
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return round(at.timestamp() * 1000) if at.tzinfo else None


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cursor_of(text: str) -> tuple[int, str] | None:
    """One that cannot be read counts as none."""
    try:
        at, uid = unpadded(text).decode().split("|") if "=" not in text else ("", "")
        return int(at), str(UUID(uid))
    except ValueError:
        return None


def next_cursor(rows: list[tuple[str, Item]]) -> Json:
    if not rows:
        return {}
    uid, item = rows[-1]
    return {"nextCursor": base64.urlsafe_b64encode(f"{item.updated}|{uid}".encode()).decode().rstrip("=")}


def handler_of(api: Api) -> type[BaseHTTPRequestHandler]:
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            address = urlsplit(self.path)
            correlation = self.headers.get("X-Correlation-ID") or str(uuid4())
            request = Request(
                self.command,
                address.path,
                {name: values[0] for name, values in parse_qs(address.query).items()},
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length),
                correlation,
            )
            with lock:
                try:
                    api.answer(request)
                    raise RuntimeError("every handler answers")
                except Answer as given:
                    answer = given
                sys.stdout.write(f"{request.method} {request.path} {answer.status} {correlation}\n")
                sys.stdout.flush()
            self._send(answer, correlation)

        def _send(self, answer: Answer, correlation: str) -> None:
            body = answer.body()
            headers: dict[str, str] = {"X-Correlation-ID": correlation, **answer.headers}
            if kind := answer.content_type():
                headers["Content-Type"] = kind
            if isinstance(answer.content, str):
                headers["X-Content-Type-Options"] = "nosniff"
            if answer.status != 204:
                headers["Content-Length"] = str(len(body))
            self.send_response_only(answer.status)
            self.send_header("Date", formatdate(api.now(), usegmt=True))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
        setattr(Handler, f"do_{verb}", Handler._handle)
    return Handler


def requests_of(log: Path) -> Iterator[tuple[str, str, int, str]]:
    """Method, path, status and correlation id of every request that a stand-in has logged."""
    for line in log.read_text().splitlines():
        method, path, status, correlation = line.split(" ", 3)
        yield method, path, int(status), correlation


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), handler_of(Api(os.environ)))
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
