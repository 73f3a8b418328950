"""Plans for toolbridge-load, and what it reports."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.harness.by_hand import signed_tenant
from tests.harness.clients import META
from tests.harness.processes import TENANT_HEADER_SECRET, TENANT_ID

Call = dict[str, Any]

WORDS = "plain words of an ordinary note that nobody searches for " * 6
RARE = "quartz"
"""A word that few notes have, so that a search costs the same however many notes there are."""

NOTE = {"title": "A title", "content": WORDS, "tags": ["one", "two"]}
PATCH = {"title": "Patched {unique}"}
CREATED = {"title": "Created {unique}", "content": WORDS}

GET, MIX, LISTING = "get", "mix", "tools/list"
MIXED = ("create", "get", "list", "patch", "search")
"""A mix has the same number of each."""


def rest_call(operation: str, uid: str) -> Call:
    requests: dict[str, tuple[str, str, Any]] = {
        "get": ("GET", f"/v1/notes/{uid}", None),
        "create": ("POST", "/v1/notes", CREATED),
        "list": ("GET", "/v1/notes?limit=20", None),
        "patch": ("PATCH", f"/v1/notes/{uid}", PATCH),
        "search": ("GET", f"/v1/search?q={RARE}&limit=20", None),
    }
    method, path, body = requests[operation]
    return {"name": operation, "method": method, "path": path, **({"body": body} if body else {})}


def our_call(operation: str, uid: str) -> tuple[str, dict[str, Any]]:
    """The tool of the gateway, and its arguments."""
    tools: dict[str, tuple[str, dict[str, Any]]] = {
        "get": ("get_note", {"uid": uid}),
        "create": ("create_note", CREATED),
        "list": ("list_notes", {"limit": 20}),
        "patch": ("patch_note", {"uid": uid, "updates": PATCH}),
        "search": ("search", {"query": RARE, "limit": 20}),
    }
    return tools[operation]


def plain_call(operation: str, uid: str) -> tuple[str, dict[str, Any]]:
    """The tool that FastMCP makes of the same operation of the API, by whose name it goes. Its createNote
    drops every field that the document does not list, so a batch of one creates the note."""
    tools: dict[str, tuple[str, dict[str, Any]]] = {
        "get": ("getNote", {"uid": uid}),
        "create": ("batch", {"operations": [{"op": "create", "kind": "note", "payload": CREATED}]}),
        "list": ("listNotes", {"limit": 20}),
        "patch": ("patchNote", {"uid": uid, "body": PATCH}),
        "search": ("search", {"q": RARE, "limit": 20}),
    }
    name, arguments = tools[operation]
    return name, {**arguments, "X-Sync-Session": "new"}


@dataclass(frozen=True)
class Session:
    """Who calls, and the item of theirs that is read and patched."""

    bearer: str
    uid: str


@dataclass(frozen=True)
class Target:
    """A server under load."""

    name: str
    url: str
    way: str
    """How calls travel: rest, sse, session or stateless, as toolbridge-load names them."""

    sessions: Sequence[Session]
    tools: Any = our_call
    watch: Mapping[str, int] = field(default_factory=dict)
    """Process ids of which the processor time is measured."""

    def calls(self, load: str, uid: str) -> list[Call]:
        operations = MIXED if load == MIX else (load,)
        return [self._call(operation, uid) for operation in operations]

    def _call(self, operation: str, uid: str) -> Call:
        if self.way == "rest":
            return rest_call(operation, uid)
        meta = {"_meta": META} if self.way == "stateless" else {}
        if operation == LISTING:
            return {"method": LISTING, "body": meta} if meta else {"method": LISTING}
        name, arguments = self.tools(operation, uid)
        return {"name": name, "method": "tools/call", "body": {"name": name, "arguments": arguments, **meta}}

    def headers(self, session: Session) -> dict[str, str]:
        authorization = {"Authorization": f"Bearer {session.bearer}"}
        if self.way == "rest":
            authorization |= {"X-Sync-Session": "new", **signed_tenant(TENANT_HEADER_SECRET, TENANT_ID)}
        return authorization

    def plan(self, load: str, sessions: int, seconds: float, warmup: float) -> dict[str, Any]:
        return {
            "url": self.url,
            "way": self.way,
            "run": uuid4().hex[:8],
            "seconds": seconds,
            "warmup": warmup,
            "watch": dict(self.watch),
            "sessions": [
                {"headers": self.headers(session), "calls": self.calls(load, session.uid)}
                for session in self.sessions[:sessions]
            ],
        }


def run(program: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """What toolbridge-load reports of the plan, which takes longer if no call ends in its time."""
    while True:
        done = subprocess.run([program], input=json.dumps(plan), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{plan['url']}: {done.stderr.strip()}")
        report: dict[str, Any] = json.loads(done.stdout)
        if report["calls"]:
            return report
        if report["errors"]:
            raise RuntimeError(f"{plan['url']}: every call failed: {report['examples']}")
        plan = {**plan, "seconds": plan["seconds"] * 4}
