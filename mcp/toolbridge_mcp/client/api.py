"""One method per verb of the API, with recovery and typed errors."""

import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import httpx
from pydantic import ValidationError
from pydantic_core import from_json

from toolbridge_mcp.client.first_generation import adapted
from toolbridge_mcp.client.models import Call, Document, JsonObject, Resource, ServerInfo, facts_of
from toolbridge_mcp.client.sessions import session_headers
from toolbridge_mcp.errors import (
    BadAnswer,
    EpochChanged,
    InvalidArguments,
    OutcomeUnknown,
    SessionRefused,
    ToolBridgeError,
    Unavailable,
    error_class,
)
from toolbridge_mcp.transport import RETRY_SECONDS, AnswerLost

MAX_MESSAGE = 500
PAGE_BYTES = 250_000
"""Payloads of one page: quoted as text and repeated as structure, a page stays below 1 MiB."""

READY_TIMEOUT = httpx.Timeout(2)


class ApiClient:
    """The REST API on behalf of the caller of the moment.

    To be entered before use: it holds one HTTP client from entering to leaving. Every method raises a
    `ToolBridgeError` when the API refuses, fails or is not there.
    """

    _http: httpx.AsyncClient

    def __init__(self, open_http: Callable[[], httpx.AsyncClient]) -> None:
        self._open_http = open_http
        self._info: ServerInfo | None = None

    async def __aenter__(self) -> Self:
        self._http = self._open_http()
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

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
        """What the API said of itself when it was asked last."""
        if self._info is None:
            self._info = await self.read_info()
        return self._info

    async def read_info(self) -> ServerInfo:
        """What the API says of itself now. Raises `Unavailable` when it does not answer."""
        request = self._http.build_request("GET", "/v1/sync/info", timeout=READY_TIMEOUT)
        answer = await self._request(request, Unavailable)
        try:
            self._info = ServerInfo.model_validate_json(answer.content)
        except ValidationError as error:
            raise BadAnswer from error
        return self._info

    async def check_ready(self) -> None:
        """Returns when the API can serve. Raises `Unavailable` or `ApiFailed` when it cannot.

        The first generation has no `/readyz`; there, answering at all must do.
        """
        request = self._http.build_request("GET", "/readyz", timeout=READY_TIMEOUT)
        await self._request(request, Unavailable, also_fine=frozenset({404}))

    async def _send(self, call: Call) -> Document:
        """One call in a fresh session; once more when that is safe and may help."""
        correlation_id = uuid4().hex
        try:
            return await self._attempt(call, correlation_id)
        except SessionRefused:
            self._info = None
        except EpochChanged:
            if call.writes:
                raise
        except OutcomeUnknown:
            if not (await self.info()).repeats_safely:
                raise
        return await self._attempt(call, correlation_id)

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

        async def send(request: httpx.Request) -> httpx.Response:
            request.headers.update(headers)
            return await self._request(request, Unavailable, call.resource)

        session = await session_headers(info, self._http, send)
        lost = OutcomeUnknown if call.writes else Unavailable
        answer = await self._request(self._build(call, {**headers, **session}), lost, call.resource)
        try:
            return Document.parse(answer.content)
        except ValueError as error:
            raise BadAnswer(correlation_id=correlation_id) from error

    def _build(self, call: Call, headers: dict[str, str]) -> httpx.Request:
        if call.writes:
            headers["Idempotency-Key"] = headers["X-Correlation-ID"]
        if call.if_match is not None:
            headers["If-Match"] = str(call.if_match)
        content = None
        if call.body is not None:
            content = _encode(call.body)
            headers["Content-Type"] = "application/json"
        return self._http.build_request(
            call.method,
            call.path,
            params={**call.query, **call.filters} or None,
            content=content,
            headers=headers,
        )

    async def _request(
        self,
        request: httpx.Request,
        lost: type[ToolBridgeError],
        resource: Resource | None = None,
        also_fine: frozenset[int] = frozenset(),
    ) -> httpx.Response:
        """Sends once. `lost` is what it means if the answer does not come."""
        try:
            answer = await self._http.send(request)
        except AnswerLost as error:
            facts = {**facts_of(resource), "retry_after": RETRY_SECONDS}
            raise lost(correlation_id=_correlation_id(request), facts=facts) from error
        if answer.is_success or answer.status_code in also_fine:
            return answer
        raise _refusal(answer, resource)


def _deleted_too(include_deleted: bool) -> dict[str, str]:
    return {"includeDeleted": "true"} if include_deleted else {}


def _encode(body: JsonObject) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:
        problem = "a number is not finite, a text is not valid Unicode, or the nesting is too deep."
        raise InvalidArguments(facts={"problems": problem}) from error


def _refusal(answer: httpx.Response, resource: Resource | None) -> ToolBridgeError:
    """The error that a non-2xx answer means. A failure's own words are kept from the caller: they may
    tell of the inside."""
    body = _error_body(answer)
    code = body.get("code", body.get("error", ""))
    message = str(body.get("error", "")) if answer.status_code < 500 else ""
    if message == code:
        message = ""
    return error_class(answer.status_code, str(code))(
        message[:MAX_MESSAGE].rstrip("."),
        correlation_id=answer.headers.get("X-Correlation-ID") or _correlation_id(answer.request),
        facts={**facts_of(resource), "retry_after": _seconds(answer.headers.get("Retry-After", ""))},
    )


def _error_body(answer: httpx.Response) -> Mapping[str, object]:
    try:
        body = from_json(answer.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _correlation_id(request: httpx.Request) -> str:
    return str(request.headers.get("X-Correlation-ID", ""))


def _seconds(retry_after: str) -> int:
    """The header's seconds; its other form, a date, is of no use to a model (RFC 9110, section 10.2.3)."""
    return int(retry_after) if retry_after.isascii() and retry_after.isdecimal() else RETRY_SECONDS
