"""Callers: tokens, the REST API spoken directly, and MCP clients."""

import json
import time
from collections.abc import AsyncIterator, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from fastmcp import Client, FastMCP
from fastmcp.client.transports import SSETransport, StreamableHttpTransport
from fastmcp.server.auth import AccessToken
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.types import CallToolResult, TextContent

from tests.harness.by_hand import Whole, signed_tenant, signed_token
from tests.harness.log_search import confide_secrets, confide_texts
from tests.harness.processes import JWT_HS256_SECRET, START_SECONDS, TENANT_HEADER_SECRET, TENANT_ID
from tests.harness.published import sample_value
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.entities.schema import published_schema
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.tools.operations import OPERATIONS, Operation
from toolbridge_mcp.tools.results import SMALL_BYTES

WRITING = {operation.verb for operation in OPERATIONS if operation.writes}

CALL_SECONDS = START_SECONDS
"""The longest that a client waits for a connection or an answer."""

CLIENT = {"name": "by hand", "version": "1"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT},
}
"""The first message of a session."""

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
"""What every request of revision 2026-07-28 says of itself."""


def sample(entity: Entity) -> dict[str, Any]:
    """Arguments of a new item with every declared field, its parent aside."""
    properties = published_schema(entity.fields)["properties"]
    own = properties.keys() - set(entity.parent.fields if entity.parent else ())
    return {name: sample_value(name, properties[name]) for name in properties if name in own}


def required_fields(entity: Entity) -> dict[str, Any]:
    """The least that replaces an item: its required fields, its parent aside."""
    required = published_schema(entity.fields)["required"]
    return {name: value for name, value in sample(entity).items() if name in required}


def arguments_for(operation: Operation, entity: Entity, uid: str) -> dict[str, Any]:
    """The least that the operation needs on the item `uid`, or for a new one, its parent aside."""
    schema = published_schema(operation.arguments(entity))
    parent = entity.parent.fields if entity.parent else ()
    needed = [name for name in schema.get("required", ()) if name != "uid" and name not in parent]
    given = {name: sample_value(name, schema["properties"][name]) for name in needed}
    return {"uid": uid, **given} if operation.on_item else given


def settings_for(api_url: str, **changes: Any) -> Settings:
    confide_secrets({name: value for name, value in changes.items() if isinstance(value, str)})
    return Settings(
        **{
            "TENANT_ID": TENANT_ID,
            "TENANT_HEADER_SECRET": TENANT_HEADER_SECRET,
            "JWT_HS256_SECRET": JWT_HS256_SECRET,
            "go_api_base_url": api_url,
            "api_wait_seconds": 0,
            **changes,
        }
    )


def token(sub: str | None, *, alg: str = "HS256", secret: str = JWT_HS256_SECRET, **claims: Any) -> str:
    """A token for `sub`, good for an hour; a claim of None is left out."""
    return signed_token(secret, {"sub": sub, "exp": int(time.time()) + 3600, **claims}, alg)


class Signed(httpx.Auth):
    """Signs requests for a tenant, unless they have a signature: in version 1, and as a whole where an API
    has said that it takes nothing else. `key_id` is the key's, if it is not the first that the API names."""

    requires_request_body = True
    requires_response_body = True

    def __init__(self, secret: str, tenant: str, key_id: str | None = None) -> None:
        self._secret = secret
        self._tenant = tenant
        self._key_id = key_id
        self._whole: dict[str, Whole] = {}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        if not {"x-tb-signature", "signature"}.isdisjoint(request.headers):
            yield request
            return
        whole = self._whole.get(request.url.netloc.decode())
        answer = yield self._sign(request, whole)
        if answer.status_code != httpx.codes.UNAUTHORIZED or not _wants_another(answer):
            return
        told = yield httpx.Request("GET", request.url.join("/v1/sync/info"))
        takes = told.json()["signatures"]
        key_id = self._key_id or takes["keys"][0]
        whole = Whole(self._secret, self._tenant, takes["process"], key_id)
        self._whole[request.url.netloc.decode()] = whole
        yield self._sign(request, whole)

    def _sign(self, request: httpx.Request, whole: Whole | None) -> httpx.Request:
        for name in ("X-TB-Timestamp", "X-TB-Signature"):
            request.headers.pop(name, None)
        if whole is None:
            request.headers.update(signed_tenant(self._secret, self._tenant))
        else:
            target = request.url.raw_path.decode()
            request.headers.update(
                whole.headers(request.method, target, dict(request.headers), request.content)
            )
        return request


def _wants_another(answer: httpx.Response) -> bool:
    """Whether a signature of another version, or for another process, may do."""
    try:
        return answer.json()["details"]["reason"] in {"version", "process"}
    except (ValueError, KeyError, TypeError):
        return False


signed = Signed(TENANT_HEADER_SECRET, TENANT_ID)
"""As the tests' tenant."""


class Rest:
    """The REST API as one user, without the gateway."""

    def __init__(self, url: str, bearer: str) -> None:
        authorization = {"Authorization": f"Bearer {bearer}"}
        self._http = httpx.AsyncClient(
            base_url=url, trust_env=False, headers=authorization, auth=signed, timeout=CALL_SECONDS
        )

    async def __call__(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        confide_texts(kwargs.get("json"))
        headers = {"X-Sync-Session": "new", **kwargs.pop("headers", {})}
        return await self._http.request(method, path, headers=headers, **kwargs)

    async def create(self, entity: Entity, payload: dict[str, Any]) -> dict[str, Any]:
        answer = await self("POST", f"/v1/{entity.plural}", json=payload)
        assert answer.status_code == 201, answer.text
        item: dict[str, Any] = answer.json()
        return item

    async def get(self, entity: Entity, uid: str) -> dict[str, Any]:
        return await self.json("GET", f"/v1/{entity.plural}/{uid}?includeDeleted=true")

    async def json(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        """The answer to a request that must succeed."""
        answer = await self(method, path, **kwargs)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        content: dict[str, Any] = answer.json()
        return content

    async def all_uids(self, plural: str, limit: int = 200) -> list[str]:
        """The uids of everything that the user has of one kind, tombstones included."""
        uids: list[str] = []
        cursor = ""
        while True:
            page = await self.json("GET", f"/v1/{plural}?includeDeleted=true&limit={limit}{cursor}")
            uids += [item["uid"] for item in page["items"]]
            if "nextCursor" not in page:
                return uids
            cursor = f"&cursor={page['nextCursor']}"

    async def aclose(self) -> None:
        await self._http.aclose()


async def note_in_older_api(url: str, bearer: str, size: int) -> str:
    """The uid of a note of this size, which an API of the first generation gets without the gateway."""
    authorization = {"Authorization": f"Bearer {bearer}"}
    async with httpx.AsyncClient(
        base_url=url, trust_env=False, headers=authorization, auth=signed, timeout=CALL_SECONDS
    ) as http:
        session = (await http.post("/v1/sync/sessions")).json()
        headers = {"X-Sync-Session": session["id"], "X-Sync-Epoch": str(session["epoch"])}
        payload = {"title": "large", "content": "x" * size, "nested": [{"a": [1, 2]}] * 100}
        answer = await http.post("/v1/notes", json=payload, headers=headers)
        assert answer.status_code == 201, answer.text
    return str(answer.json()["uid"])


class Tools:
    """The tools as an AI client calls them."""

    def __init__(self, client: "Client[Any]") -> None:
        self.client = client
        self.succeeded: set[str] = set()
        """The names of the tools of which a call succeeded."""

    async def result(self, name: str, **arguments: Any) -> CallToolResult:
        confide_texts(arguments)
        result: CallToolResult = await self.client.call_tool_mcp(name, arguments)
        return result

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The JSON of a call that must succeed: of its first text, and the same as structure if there is one.
        A text that is large, or has hidden characters, comes alone.

        Of the tools that show an item or a page only on request, it is the item or the page.
        """
        result = await self.result(name, **{**whole(name), **arguments})
        assert not result.is_error, text_of(result)
        first = result.content[0]
        assert isinstance(first, TextContent)
        content: dict[str, Any] = json.loads(first.text)
        if result.structured_content is None:
            assert len(first.text) > SMALL_BYTES or "\\u" in first.text
        else:
            assert result.structured_content == content
        self.succeeded.add(name)
        return content

    async def text(self, name: str, **arguments: Any) -> str:
        """The text of a call that must succeed, and answers with a text only."""
        result = await self.result(name, **arguments)
        assert not result.is_error, text_of(result)
        assert result.structured_content is None
        self.succeeded.add(name)
        return text_of(result)

    async def refusal(self, name: str, **arguments: Any) -> str:
        """The text of a call that must fail."""
        result = await self.result(name, **arguments)
        assert result.is_error, text_of(result)
        return text_of(result)

    async def pages(self, name: str, **arguments: Any) -> list[list[dict[str, Any]]]:
        """The items of each page of a list, to its end."""
        pages: list[list[dict[str, Any]]] = []
        cursor: dict[str, Any] = {}
        while True:
            page = await self.call(name, **arguments, **cursor)
            pages.append(page["items"])
            if "nextCursor" not in page:
                return pages
            cursor = {"cursor": page["nextCursor"]}

    async def parent_of(self, entity: Entity) -> dict[str, str]:
        """Arguments that name a new parent for an item of `entity`; empty if it needs none."""
        if entity.parent is None:
            return {}
        kind = entity.parent.kinds[0]
        (parent_entity,) = (other for other in ENTITIES if other.kind == kind)
        parent = await self.call(f"create_{kind}", **sample(parent_entity))
        typed = {entity.parent.type: kind} if entity.parent.type else {}
        return {**typed, entity.parent.uid: parent["uid"]}

    async def create(self, entity: Entity, **fields: Any) -> dict[str, Any]:
        arguments = {**sample(entity), **(await self.parent_of(entity)), **fields}
        return await self.call(f"create_{entity.kind}", **arguments)


def whole(name: str) -> dict[str, Any]:
    """The arguments with which a tool shows whole items."""
    verb = name.partition("_")[0]
    if verb == "list":
        return {"view": "full", "limit": 100, "max_tokens": 100_000}
    return {"return_item": True} if verb in WRITING else {}


async def use_every_tool(tools: Tools) -> int:
    """Calls every tool, which must succeed, and returns how many there are."""
    names = set()
    for entity in ENTITIES:
        parent = await tools.parent_of(entity)
        item = await tools.create(entity, **parent)
        for operation in sorted(OPERATIONS, key=lambda operation: operation.method == "DELETE"):
            arguments = arguments_for(operation, entity, item["uid"])
            if operation.conditional:
                arguments["if_match"] = item["version"]
            elif operation.writes:
                arguments |= parent
            answer = await tools.call(operation.tool_name(entity), **arguments)
            item = answer if operation.conditional else item
            names.add(operation.tool_name(entity))
    return len(names)


def text_of(result: CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


@asynccontextmanager
async def in_memory(server: FastMCP, bearer: str) -> AsyncIterator[Tools]:
    """The server's tools without a socket, as the holder of `bearer`."""
    user = AuthenticatedUser(
        AccessToken(token=bearer, client_id="tests", subject=bearer, scopes=["read", "write"])
    )
    reset = auth_context_var.set(user)
    try:
        async with Client(server) as client:
            yield Tools(client)
    finally:
        auth_context_var.reset(reset)


@asynccontextmanager
async def over_http(url: str, bearer: str, query: str = "", mode: str = "auto") -> AsyncIterator[Tools]:
    """The tools of a running gateway over Streamable HTTP, in the newest revision that both sides speak, or
    with `mode="legacy"` in a session."""
    transport = StreamableHttpTransport(f"{url}/mcp{query}", headers={"Authorization": f"Bearer {bearer}"})
    async with Client(transport, timeout=CALL_SECONDS, mode=mode) as client:
        yield Tools(client)


@asynccontextmanager
async def over_sse(url: str, bearer: str, query: str = "") -> AsyncIterator[Tools]:
    """The tools of a running gateway, over its real socket."""
    transport = SSETransport(f"{url}/sse{query}", headers={"Authorization": f"Bearer {bearer}"})
    async with Client(transport, timeout=CALL_SECONDS) as client:
        yield Tools(client)


@asynccontextmanager
async def several_over_sse(url: str, bearer: str, count: int) -> AsyncIterator[list[Tools]]:
    """Sessions of one user, beside each other."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(over_sse(url, bearer)) for _ in range(count)]
