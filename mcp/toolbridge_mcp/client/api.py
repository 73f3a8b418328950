"""One method per verb of the API, with recovery and typed errors."""

import asyncio
import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import httpx
from pydantic import ValidationError

from toolbridge_mcp.client.first_generation import adapted
from toolbridge_mcp.client.models import Call, Document, JsonObject, Resource, ServerInfo
from toolbridge_mcp.client.sessions import session_headers
from toolbridge_mcp.client.upstream import READY_SECONDS, Upstream, consequence_of
from toolbridge_mcp.errors import (
    BadAnswer,
    InvalidArguments,
    SessionRefused,
    TimedOut,
    ToolBridgeError,
    Unavailable,
)
from toolbridge_mcp.metrics import count_retry
from toolbridge_mcp.resilience import Retries, State, current_deadline, within
from toolbridge_mcp.single_flight import SingleFlight
from toolbridge_mcp.transport import RETRY_SECONDS

PAGE_BYTES = 250_000
"""Payloads of one page: quoted as text and repeated as structure, a page stays below 1 MiB."""


class ApiClient:
    """The REST API on behalf of the caller of the moment.

    To be entered before use: it holds one HTTP client from entering to leaving. Every method needs a deadline
    around it, keeps it, and raises a `ToolBridgeError` when the API refuses, fails or is not there.
    """

    def __init__(self, open_http: Callable[[], httpx.AsyncClient]) -> None:
        self._upstream = Upstream(open_http)
        self._info: ServerInfo | None = None
        self._readings: SingleFlight[ServerInfo] = SingleFlight()

    async def __aenter__(self) -> Self:
        await self._upstream.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._readings.aclose()
        await self._upstream.__aexit__(kind, error, trace)

    async def list(
        self,
        resource: Resource,
        *,
        limit: int,
        cursor: str | None = None,
        include_deleted: bool = False,
        filters: Mapping[str, str] | None = None,
    ) -> Document:
        """A page of items, least recently changed first, with `nextCursor` if there is another.

        It ends before `limit` where it would get too large for an AI client. `filters` are query
        parameters of the API's lists.
        """
        query = {"limit": str(limit), "maxBytes": str(PAGE_BYTES), **_deleted_too(include_deleted)}
        if cursor is not None:
            query["cursor"] = cursor
        return await self._send(Call("GET", resource, query=query, filters=filters or {}))

    async def get(self, resource: Resource, uid: UUID, *, include_deleted: bool = False) -> Document:
        return await self._send(Call("GET", resource, uid, query=_deleted_too(include_deleted)))

    async def create(self, resource: Resource, payload: JsonObject) -> Document:
        return await self._send(Call("POST", resource, body=payload))

    async def replace(
        self, resource: Resource, uid: UUID, payload: JsonObject, if_match: int | None
    ) -> Document:
        """Replaces the payload; an item whose parent is not named keeps the one it has."""
        return await self._send(Call("PUT", resource, uid, body=payload, if_match=if_match))

    async def patch(
        self, resource: Resource, uid: UUID, changes: JsonObject, if_match: int | None
    ) -> Document:
        return await self._send(Call("PATCH", resource, uid, body=changes, if_match=if_match))

    async def delete(self, resource: Resource, uid: UUID, if_match: int | None) -> Document:
        """Deletes the item and returns its tombstone."""
        return await self._send(Call("DELETE", resource, uid, if_match=if_match))

    async def archive(self, resource: Resource, uid: UUID, if_match: int | None) -> Document:
        return await self._send(Call("POST", resource, uid, "archive", if_match=if_match))

    async def process(
        self, resource: Resource, uid: UUID, action: str, metadata: JsonObject | None, if_match: int | None
    ) -> Document:
        body = {"action": action} if metadata is None else {"action": action, "metadata": metadata}
        return await self._send(Call("POST", resource, uid, "process", body=body, if_match=if_match))

    async def info(self) -> ServerInfo:
        """What the API last said about itself. Calls that need it at the same time share one request."""
        if self._info is not None:
            return self._info
        try:
            async with asyncio.timeout(current_deadline().left):
                return await self._readings.run(self.read_info)
        except TimeoutError as error:
            raise Unavailable(facts={"retry_after": RETRY_SECONDS}) from error

    async def read_info(self) -> ServerInfo:
        """What the API says of itself now. Raises `Unavailable` when it does not answer."""
        try:
            with within(READY_SECONDS):
                answer = await self._upstream.send(self._upstream.build("GET", "/v1/sync/info"))
        except TimedOut as error:
            raise Unavailable(facts=error.facts) from error
        try:
            self._info = ServerInfo.model_validate_json(answer.content)
        except ValidationError as error:
            raise BadAnswer from error
        return self._info

    async def check_ready(self) -> None:
        """Returns when the API can serve, raises a `ToolBridgeError` when it cannot."""
        await self._upstream.check_ready()

    @property
    def is_cut_off(self) -> bool:
        """Whether calls are refused for now because the API did not answer the last ones."""
        return self._upstream.breaker.state is not State.CLOSED

    async def _send(self, call: Call) -> Document:
        """One call in a fresh session; repeated while that is safe and may help."""
        correlation_id = uuid4().hex
        deadline, retries = current_deadline(), Retries(writes=call.writes)
        while True:
            try:
                return await self._attempt(call, correlation_id)
            except ToolBridgeError as error:
                safely = self._info is not None and self._info.repeats_safely
                if isinstance(error, SessionRefused):
                    self._info = None
                pause = retries.pause(error, deadline.left, repeats_safely=safely)
                count_retry(type(error).__name__)
            await asyncio.sleep(pause)

    async def _attempt(self, call: Call, correlation_id: str) -> Document:
        info = await self.info()

        async def exchange(call: Call) -> Document:
            return await self._exchange(call, info, correlation_id)

        if info.first_generation:
            call = await adapted(call, exchange)
        return await exchange(call)

    async def _exchange(self, call: Call, info: ServerInfo, correlation_id: str) -> Document:
        """One call in a session of its own. The correlation id is also the key under which the API carries a
        write out once, however often it is sent."""
        headers = {"X-Correlation-ID": correlation_id}

        async def open_session() -> httpx.Response:
            request = self._upstream.build("POST", "/v1/sync/sessions", headers=headers)
            return await self._upstream.send(request, resource=call.resource)

        session = await session_headers(info, open_session)
        request = self._build(call, {**headers, **session})
        answer = await self._upstream.send(request, writes=call.writes, resource=call.resource)
        try:
            return Document.parse(answer.content)
        except ValueError as error:
            raise BadAnswer(correlation_id=correlation_id, facts=consequence_of(call.writes)) from error

    def _build(self, call: Call, headers: dict[str, str]) -> httpx.Request:
        if call.writes:
            headers["Idempotency-Key"] = headers["X-Correlation-ID"]
        if call.if_match is not None:
            headers["If-Match"] = str(call.if_match)
        content = None
        if call.body is not None:
            content = _encode(call.body)
            headers["Content-Type"] = "application/json"
        return self._upstream.build(
            call.method,
            call.path,
            params={**call.query, **call.filters} or None,
            content=content,
            headers=headers,
        )


def _deleted_too(include_deleted: bool) -> dict[str, str]:
    return {"includeDeleted": "true"} if include_deleted else {}


def _encode(body: JsonObject) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:
        problem = "a number is not finite, a text is not valid Unicode, or the nesting is too deep."
        raise InvalidArguments(facts={"problems": problem}) from error
