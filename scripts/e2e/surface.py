"""The 40 tools: what a client is told of them, and that each of them works."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from e2e.callers import Tools, connected, token
from e2e.report import Failed, expect
from e2e.stack import Json, Stack
from e2e.workbench import KINDS, NEW_FIELDS, Workbench, actions

VERBS = ("list", "get", "create", "update", "patch", "delete", "archive", "process")
TOOLS = {f"{verb}_{kind}{'s' if verb == 'list' else ''}" for verb in VERBS for kind in KINDS}
MOST_BYTES = 24_000


class RawSession:
    """An SSE session without a client library, for what a library hides."""

    def __init__(self, http: httpx.AsyncClient, lines: AsyncIterator[str], endpoint: str) -> None:
        self._http = http
        self._lines = lines
        self._endpoint = endpoint

    async def post(self, message: Json, bearer: str | None = None) -> httpx.Response:
        """Sends one message, as another user if `bearer` is given."""
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else None
        return await self._http.post(self._endpoint, json={"jsonrpc": "2.0", **message}, headers=headers)

    async def ask(self, message: Json) -> str:
        """The answer as it came over the wire."""
        answer = await self.post(message)
        expect(answer.is_success, f"a message was answered with {answer.status_code}")
        return await data_of_next(self._lines)


async def data_of_next(lines: AsyncIterator[str]) -> str:
    async for line in lines:
        if line.startswith("data: "):
            return line.removeprefix("data: ")
    raise Failed("the stream ended")


@asynccontextmanager
async def raw_session(stack: Stack, bearer: str) -> AsyncIterator[RawSession]:
    headers = {"Authorization": f"Bearer {bearer}"}
    async with (
        httpx.AsyncClient(base_url=stack.gateway, trust_env=False, headers=headers, timeout=30) as http,
        http.stream("GET", "/sse") as stream,
    ):
        lines = stream.aiter_lines()
        session = RawSession(http, lines, await data_of_next(lines))
        client = {"name": "e2e", "version": "1"}
        params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
        await session.ask({"id": 1, "method": "initialize", "params": params})
        await session.post({"method": "notifications/initialized"})
        yield session


async def the_list_is_complete_and_small(stack: Stack) -> str:
    async with raw_session(stack, token(stack, "reader")) as session:
        answer = await session.ask({"id": 2, "method": "tools/list"})
    tools = json.loads(answer)["result"]["tools"]
    names = {tool["name"] for tool in tools}
    expect(len(tools) == len(TOOLS) and names == TOOLS, f"{len(tools)} tools; {sorted(names ^ TOOLS)} differ")
    annotated = sum(bool(tool.get("annotations")) for tool in tools)
    expect(annotated == len(TOOLS), f"only {annotated} tools have annotations")
    size = _bytes_of_result(answer)
    expect(size <= MOST_BYTES, f"the result has {size} bytes, more than {MOST_BYTES}")
    return f"{len(tools)} tools, {annotated} with annotations, {size} bytes"


def _bytes_of_result(answer: str) -> int:
    start = answer.index('"result":') + len('"result":')
    _, end = json.JSONDecoder().raw_decode(answer, start)
    return len(answer[start:end].encode())


async def all_tools_succeed(gateway: str, bearer: str) -> str:
    async with connected(gateway, bearer) as tools:
        bench = Workbench(tools, [])
        parent: Json = {}
        for kind in KINDS:
            parent |= await _each_verb(bench, tools, kind, parent)
        missing = sorted(set(await tools.names()) - tools.succeeded)
        expect(not missing, f"not called: {missing}")
        expect(tools.succeeded == TOOLS, "other tools than the 40 were called")
        return f"{len(tools.succeeded)} of {len(TOOLS)}"


PARENTS = {"comment": ("parent_type", "parent_uid"), "chat_message": ("chat_uid",)}


async def _each_verb(bench: Workbench, tools: Tools, kind: str, known: Json) -> Json:
    """Returns the arguments by which an item of this kind is named as a parent."""
    named = {name: known[name] for name in PARENTS.get(kind, ())}
    kept = await bench.create(kind, **NEW_FIELDS[kind], **named)
    item = await bench.create(kind, **NEW_FIELDS[kind], **named)
    await bench.replace(item, if_match=1, **NEW_FIELDS[kind])
    await bench.patch(item, {"tags": ["a"]})
    for action in actions(kind):
        await bench.process(item, action)
    await bench.archive(item)
    item.compare(await tools.call(f"get_{kind}", uid=item.uid))
    listed = await tools.call(f"list_{kind}s", limit=1000)
    expect({kept.uid, item.uid} <= {one["uid"] for one in listed["items"]}, f"list_{kind}s lacks an item")
    await bench.delete(item)
    item.compare(await tools.call(f"get_{kind}", uid=item.uid, include_deleted=True))
    if kind == "chat":
        return {"chat_uid": kept.uid}
    return {"parent_type": kind, "parent_uid": kept.uid} if kind in {"note", "task"} else {}
