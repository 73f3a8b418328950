"""Random calls of several users of several tenants at once, with tokens refreshed and mixed up on purpose.

Everything that a user receives is searched for data of another: for the marks in every field of every item,
for uids, and for answers to requests of somebody else. Every list is compared with what the user wrote.
"""

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from tests.harness.authorization_server import AuthorizationServer
from tests.harness.clients import arguments_for, whole
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.tools.operations import OPERATIONS

REVISION = "2026-07-28"
CLIENT = {"name": "isolation", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": REVISION,
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": CLIENT}
ACCEPT = {"Accept": "application/json, text/event-stream"}
KINDS = ("note", "task", "chat")
MARK = re.compile(r"mark-of-([a-z]+-[a-z]+)-")
UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ID = re.compile(r"Correlation id: \S+")
SECONDS = 30


@dataclass(frozen=True)
class Tenant:
    name: str
    url: str
    audience: str


@dataclass
class Record:
    """The number of each kind of call, the owner of each item, and everything that went wrong."""

    calls: Counter[str] = field(default_factory=Counter)
    owners: dict[str, str] = field(default_factory=dict)
    bytes_seen: int = 0
    violations: list[str] = field(default_factory=list)

    def check(self, reader: str, text: str) -> None:
        """Nothing that `reader` received may belong to another."""
        self.bytes_seen += len(text)
        for owner in MARK.findall(text):
            self.expect(owner == reader, f"{reader} saw a mark of {owner}")
        for uid in UID.findall(text):
            owner = self.owners.get(uid, reader)
            self.expect(owner == reader, f"{reader} saw a uid of {owner}")

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.violations.append(otherwise)


class Person:
    """A user of one tenant, with a token that changes now and then."""

    def __init__(self, tenant: Tenant, name: str, authority: AuthorizationServer, record: Record) -> None:
        self.tenant = tenant
        self.name = name
        self.key = f"{tenant.name}-{name}"
        self.record = record
        self._authority = authority
        self.refresh()

    def refresh(self) -> None:
        self.bearer = self.new_token()

    def new_token(self, expires_in: int = 3600) -> str:
        return self._authority.sign(self.name, self.tenant.audience, expires_in=expires_in)

    def mark(self) -> str:
        return f"mark-of-{self.key}-{uuid4().hex}"


class Line:
    """A person's connections: an SSE session, a session of Streamable HTTP, and calls without a session."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        limits = httpx.Limits(max_connections=None)
        self.http = await self._open.enter_async_context(
            httpx.AsyncClient(
                base_url=self.person.tenant.url, trust_env=False, timeout=SECONDS, limits=limits
            )
        )
        headers = {"Authorization": f"Bearer {self.person.bearer}"}
        source = await self._open.enter_async_context(
            self.http.stream("GET", "/sse", headers=headers, timeout=None)
        )
        lines = source.aiter_lines()
        data = (line.removeprefix("data: ") async for line in lines if line.startswith("data: "))
        self.messages = await anext(data)
        self._reader = asyncio.create_task(self._read(data))
        await self.over_sse("initialize", HELLO, self.person.bearer)
        opened = await self._post("/mcp", {"method": "initialize", "params": HELLO, "id": "hello"})
        self.session = opened.headers["Mcp-Session-Id"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._open.aclose()

    async def _read(self, data: Any) -> None:
        """Every event on the stream must answer a request of this person."""
        async for text in data:
            self.person.record.check(self.person.key, text)
            message = json.loads(text)
            waiting = self._answers.pop(str(message.get("id")), None)
            self.person.record.expect(
                waiting is not None, f"{self.person.key} got a message nobody asked for: {message.get('id')}"
            )
            if waiting and not waiting.done():
                waiting.set_result(message)

    async def post_sse(self, message: dict[str, Any], bearer: str, messages: str | None = None) -> int:
        """Posts to this line's session, or to another; returns the status."""
        answer = await self.http.post(
            messages or self.messages,
            json={"jsonrpc": "2.0", **message},
            headers={"Authorization": f"Bearer {bearer}"},
        )
        self.person.record.check(self.person.key, answer.text)
        return answer.status_code

    async def over_sse(self, method: str, params: dict[str, Any], bearer: str) -> dict[str, Any]:
        name = f"{self.person.key}-{uuid4().hex}"
        answer = self._answers[name] = asyncio.get_running_loop().create_future()
        status = await self.post_sse({"id": name, "method": method, "params": params}, bearer)
        assert status == 202, status
        return await asyncio.wait_for(answer, SECONDS)

    async def _post(self, path: str, message: dict[str, Any], **headers: str) -> httpx.Response:
        sent = {**ACCEPT, "Authorization": f"Bearer {self.person.bearer}", **headers}
        answer = await self.http.post(path, json={"jsonrpc": "2.0", **message}, headers=sent)
        self.person.record.check(self.person.key, answer.text)
        return answer

    async def over_http(
        self, name: str, arguments: dict[str, Any], session: str | None, **headers: str
    ) -> httpx.Response:
        """One call over /mcp; without a session it is of the stateless revision."""
        params: dict[str, Any] = {"name": name, "arguments": arguments}
        if session is None:
            params["_meta"] = META
            headers |= {"MCP-Protocol-Version": REVISION, "Mcp-Method": "tools/call", "Mcp-Name": name}
        else:
            headers["Mcp-Session-Id"] = session
        message = {"id": uuid4().hex, "method": "tools/call", "params": params}
        return await self._post("/mcp", message, **headers)

    async def call(self, name: str, **arguments: Any) -> tuple[dict[str, Any] | None, str]:
        """The structured content and the text of a call over a way taken at random."""
        arguments = {**whole(name), **arguments}
        way = random.choice(("sse", "session", "stateless"))
        self.person.record.calls[way] += 1
        if way == "sse":
            params = {"name": name, "arguments": arguments}
            message = await self.over_sse("tools/call", params, self.person.bearer)
        else:
            answer = await self.over_http(name, arguments, self.session if way == "session" else None)
            message = _message_of(answer)
        result = message["result"]
        text = result["content"][0]["text"]
        return (None if result.get("isError") else result["structuredContent"]), text


def _message_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, (answer.status_code, answer.text)
    text = answer.text
    if answer.headers["Content-Type"].startswith("text/event-stream"):
        (text,) = (line[6:] for line in text.splitlines() if line.startswith("data: "))
    message: dict[str, Any] = json.loads(text)
    return message


class Worker:
    """One person's calls on one kind of item, one after another, so that the outcome of each is known."""

    def __init__(self, line: Line, kind: str, others: list[Line]) -> None:
        self.line, self.kind, self.others = line, kind, others
        self.person, self.record = line.person, line.person.record
        self.mine: dict[str, int] = {}
        """Uid and version of each item of this kind that there is."""

    async def step(self) -> None:
        own = [self.create, self.get, self.change, self.delete, self.list, self.refresh]
        mixed_up = [
            self.ask_for_anothers,
            self.post_on_anothers_stream,
            self.use_anothers_session,
            self.show_anothers_token,
            self.use_at_another_tenant,
            self.come_with_an_expired_token,
        ]
        steps: list[Callable[[], Awaitable[None]]] = [*own, *mixed_up]
        step = random.choices(steps, [4, 4, 4, 1, 4, 1, 3, 1, 1, 1, 1, 1])[0]
        self.record.calls[step.__name__.replace("_", " ")] += 1
        await step()

    def _fields(self) -> dict[str, Any]:
        mark = self.person.mark()
        return {"title": mark, "content": mark, "tags": [mark]} if self.kind == "note" else {"title": mark}

    async def create(self) -> None:
        item, text = await self.line.call(f"create_{self.kind}", **self._fields())
        if item is None:
            self.record.expect(False, f"{self.person.key} could not create: {text}")
            return
        self.record.owners[item["uid"]] = self.person.key
        self.mine[item["uid"]] = item["version"]

    async def get(self) -> None:
        if not self.mine:
            await self.create()
            return
        uid, version = random.choice(list(self.mine.items()))
        item, text = await self.line.call(f"get_{self.kind}", uid=uid)
        self.record.expect(
            item is not None and item["version"] == version, f"{self.person.key} lost {uid}: {text[:200]}"
        )

    async def change(self) -> None:
        if not self.mine:
            await self.create()
            return
        uid = random.choice(list(self.mine))
        item, text = await self.line.call(
            f"patch_{self.kind}", uid=uid, updates={"title": self.person.mark()}, if_match=self.mine[uid]
        )
        if item is None:
            self.record.expect(False, f"another changed an item of {self.person.key}: {text}")
            return
        self.mine[uid] = item["version"]

    async def delete(self) -> None:
        if not self.mine:
            await self.create()
            return
        uid = random.choice(list(self.mine))
        item, text = await self.line.call(f"delete_{self.kind}", uid=uid, if_match=self.mine[uid])
        self.record.expect(item is not None, f"another changed an item of {self.person.key}: {text}")
        del self.mine[uid]

    async def list(self) -> None:
        """The list must be exactly what this worker made: one item more or less would belong to another."""
        found: dict[str, int] = {}
        cursor: dict[str, str] = {}
        while True:
            page, text = await self.line.call(f"list_{self.kind}s", limit=100, **cursor)
            if page is None:
                self.record.expect(False, f"{self.person.key} could not list: {text}")
                return
            found |= {item["uid"]: item["version"] for item in page["items"]}
            if not page.get("nextCursor"):
                break
            cursor = {"cursor": page["nextCursor"]}
        self.record.expect(found == self.mine, f"{self.person.key} found other {self.kind}s than made")

    async def refresh(self) -> None:
        self.person.refresh()
        await self.get()

    async def ask_for_anothers(self) -> None:
        """Whatever is tried, the answer must be that of an item that does not exist."""
        theirs = [uid for uid, owner in self.record.owners.items() if owner != self.person.key]
        uid = random.choice(theirs) if theirs else str(uuid4())
        operation = random.choice([operation for operation in OPERATIONS if operation.on_item])
        (entity,) = (entity for entity in ENTITIES if entity.kind == self.kind)
        tool, arguments = operation.tool_name(entity), arguments_for(operation, entity, uid)
        if not operation.writes:
            arguments["include_deleted"] = random.choice((True, False))
        item, said = await self.line.call(tool, **arguments)
        _, of_none = await self.line.call(tool, **{**arguments, "uid": str(uuid4())})
        self.record.expect(item is None, f"{self.person.key} could call {tool} on what is another's")
        self.record.expect(
            ID.sub("", said) == ID.sub("", of_none), f"{self.person.key} was told of another's: {said}"
        )

    async def post_on_anothers_stream(self) -> None:
        """The other's stream stays silent, which its reader checks."""
        other = random.choice(self.others)
        message = {"id": f"from-{self.person.key}", "method": "tools/list", "params": {}}
        line = self.line if other.person.tenant == self.person.tenant else other
        status = await line.post_sse(message, self.person.bearer, other.messages)
        self.record.expect(status in {401, 404}, f"a POST on another's stream got {status}")

    async def use_anothers_session(self) -> None:
        other = random.choice(self.others)
        answer = await self.line.over_http(f"list_{self.kind}s", {}, other.session)
        self.record.expect(answer.status_code == 404, f"another's session got {answer.status_code}")

    async def show_anothers_token(self) -> None:
        """Posts to its own session with the token of another user of the tenant."""
        neighbour = next(line for line in self.others if line.person.tenant == self.person.tenant)
        message = {"id": "with-another-token", "method": "tools/list", "params": {}}
        status = await self.line.post_sse(message, neighbour.person.bearer)
        self.record.expect(status == 404, f"another's token on a session got {status}")

    async def use_at_another_tenant(self) -> None:
        other = next(line for line in self.others if line.person.tenant != self.person.tenant)
        answer = await other.over_http(
            f"list_{self.kind}s", {}, None, Authorization=f"Bearer {self.person.bearer}"
        )
        self.record.expect(answer.status_code == 401, f"another tenant answered {answer.status_code}")

    async def come_with_an_expired_token(self) -> None:
        stale = self.person.new_token(expires_in=-1)
        message = {"id": "stale", "method": "tools/list", "params": {}}
        status = await self.line.post_sse(message, stale)
        self.record.expect(status == 401, f"an expired token got {status}")
        await self.get()


async def storm(tenants: list[Tenant], authority: AuthorizationServer, steps: int) -> Record:
    """`steps` random steps of two users in each tenant, one step of each of their kinds at a time."""
    record = Record()
    async with AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(Line(Person(tenant, name, authority, record)))
            for tenant in tenants
            for name in ("ann", "bob")
        ]
        workers = [
            Worker(line, kind, [other for other in lines if other is not line])
            for line in lines
            for kind in KINDS
        ]
        left = iter(range(steps))

        async def work(worker: Worker) -> None:
            for _ in left:
                await worker.step()
            await worker.list()

        await asyncio.gather(*(work(worker) for worker in workers))
    return record
