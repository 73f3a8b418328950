"""Callers of both doors: tokens and signatures, the REST API spoken directly, the tools over SSE.

Tokens and signatures are made here and not by the product, whose own code they test.
"""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

import httpx
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.types import CallToolResult, TextContent

from e2e.report import Failed, expect
from e2e.stack import Json, Stack

DIGESTS = {"HS256": "sha256", "HS512": "sha512"}
CALL_SECONDS = 30


def token(stack: Stack, subject: str, *, algorithm: str = "HS256", **changes: object) -> str:
    """A token for `subject`, good for an hour; a claim changed to None is left out."""
    claims = {
        "sub": subject,
        "iss": stack.issuer,
        "aud": stack.audience,
        "exp": int(time.time()) + 3600,
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    signed = f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(kept)}"
    if algorithm == "none":
        return f"{signed}."
    signature = hmac.digest(stack.jwt_secret.encode(), signed.encode(), DIGESTS[algorithm])
    return f"{signed}.{_base64(signature)}"


def _part(value: Mapping[str, object]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signature(stack: Stack, *, tenant: str | None = None, age: float = 0) -> dict[str, str]:
    """The tenant headers, signed `age` seconds ago."""
    name = tenant or stack.tenant
    timestamp = str(int((time.time() - age) * 1000))
    proof = hmac.digest(stack.tenant_secret.encode(), f"{name}:{timestamp}".encode(), "sha256")
    return {"X-TB-Tenant-ID": name, "X-TB-Timestamp": timestamp, "X-TB-Signature": proof.hex()}


class Rest:
    """The REST API as one user, without the gateway. Each request opens its own session."""

    def __init__(self, stack: Stack, bearer: str) -> None:
        self._stack = stack
        authorization = {"Authorization": f"Bearer {bearer}"}
        self._http = httpx.AsyncClient(
            base_url=stack.api, trust_env=False, headers=authorization, timeout=CALL_SECONDS
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def send(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        if_match: int | None = None,
        signed: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        headers = {**(signed or signature(self._stack)), "X-Sync-Session": "new"}
        if if_match is not None:
            headers["If-Match"] = str(if_match)
        return await self._http.request(method, f"/v1/{path}", json=body, headers=headers)

    async def json(self, method: str, path: str, body: Json | None = None) -> Json:
        """The answer to a request that must succeed."""
        answer = await self.send(method, path, body)
        expect(answer.is_success, f"{method} {path} answered {answer.status_code}")
        content: Json = answer.json()
        return content

    async def get(self, kind: str, uid: str) -> Json:
        return await self.json("GET", f"{kind}s/{uid}?includeDeleted=true")

    async def all_uids(self, kind: str, limit: int = 200) -> list[str]:
        uids: list[str] = []
        cursor = ""
        while True:
            page = await self.json("GET", f"{kind}s?includeDeleted=true&limit={limit}{cursor}")
            uids += [item["uid"] for item in page["items"]]
            if "nextCursor" not in page:
                return uids
            cursor = f"&cursor={page['nextCursor']}"


class Tools:
    """The tools as an AI client calls them. `succeeded` names those that did."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session
        self.succeeded: set[str] = set()

    async def result(self, name: str, arguments: Json) -> CallToolResult:
        return await self._session.call_tool(name, arguments, read_timeout_seconds=CALL_SECONDS)

    async def call(self, name: str, **arguments: object) -> Json:
        """The structured content of a call that must succeed; its text must say the same."""
        result = await self.result(name, arguments)
        if result.is_error:
            raise Failed(f"{name} failed: {text_of(result)}")
        content = result.structured_content
        expect(isinstance(content, dict), f"{name} gave no structured content")
        expect(json.loads(text_of(result)) == content, f"{name}: text and structured content differ")
        self.succeeded.add(name)
        answer: Json = content or {}
        return answer

    async def refusal(self, name: str, **arguments: object) -> str:
        """The text of a call that must fail."""
        result = await self.result(name, arguments)
        expect(result.is_error, f"{name} succeeded and should not")
        return text_of(result)

    async def names(self) -> list[str]:
        return [tool.name for tool in (await self._session.list_tools()).tools]


def text_of(result: CallToolResult) -> str:
    (block,) = result.content
    if not isinstance(block, TextContent):
        raise Failed("the content of a result is not text")
    return block.text


@asynccontextmanager
async def connected(gateway: str, bearer: str) -> AsyncIterator[Tools]:
    """An MCP session over SSE. The tools are listed first, as every client does."""
    headers = {"Authorization": f"Bearer {bearer}"}
    async with (
        sse_client(f"{gateway}/sse", headers=headers) as (read, write),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        await session.list_tools()
        yield Tools(session)


@asynccontextmanager
async def several(gateway: str, bearer: str, count: int) -> AsyncIterator[list[Tools]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connected(gateway, bearer)) for _ in range(count)]
