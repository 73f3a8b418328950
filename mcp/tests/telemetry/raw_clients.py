"""Clients of each transport that send a message as it is given, headers included."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.harness.clients import CALL_SECONDS, HELLO, META
from tests.harness.published import Json

NEWEST = "2026-07-28"
NO_HEADERS: Mapping[str, str] = {}


class RawClient:
    """Sends messages to `path`. The answer to one is that of its POST."""

    def __init__(self, http: httpx.AsyncClient, path: str) -> None:
        self._http = http
        self._path = path

    async def __call__(
        self, method: str, params: Json, headers: Mapping[str, str] = NO_HEADERS, request_id: object = 7
    ) -> dict[str, Any]:
        """The answer to a request."""
        posted = await self.post({"id": request_id, "method": method, "params": params}, headers)
        answer: dict[str, Any] = posted.json()
        return answer

    @property
    def session(self) -> Mapping[str, str]:
        """The header that names its session, if it is in one of Streamable HTTP."""
        return {name: value for name, value in self._http.headers.items() if name == "mcp-session-id"}

    async def notify(self, method: str, params: Json) -> None:
        await self.post({"method": method, "params": params})

    async def post(self, message: Json, headers: Mapping[str, str] = NO_HEADERS) -> httpx.Response:
        return await self._http.post(self._path, json={"jsonrpc": "2.0", **message}, headers=headers)


class _OnStream(RawClient):
    """The answers come on a stream."""

    def __init__(self, http: httpx.AsyncClient, path: str, lines: AsyncIterator[str]) -> None:
        super().__init__(http, path)
        self._lines = lines

    async def __call__(
        self, method: str, params: Json, headers: Mapping[str, str] = NO_HEADERS, request_id: object = 7
    ) -> dict[str, Any]:
        posted = await self.post({"id": request_id, "method": method, "params": params}, headers)
        assert posted.status_code == 202, posted.text
        answer: dict[str, Any] = json.loads(await _next_data(self._lines))
        return answer


class _Alone(RawClient):
    """Each message says all that has to be known of its client."""

    async def __call__(
        self, method: str, params: Json, headers: Mapping[str, str] = NO_HEADERS, request_id: object = 7
    ) -> dict[str, Any]:
        name = params.get("name") or params.get("uri")
        said = {"mcp-protocol-version": NEWEST, "mcp-method": method, **({"mcp-name": name} if name else {})}
        params = {**params, "_meta": {**META, **params.get("_meta", {})}}
        return await super().__call__(method, params, {**said, **headers}, request_id)


async def _next_data(lines: AsyncIterator[str]) -> str:
    async for line in lines:
        if line.startswith("data: "):
            return line.removeprefix("data: ")
    raise AssertionError("the stream ended")


@asynccontextmanager
async def _http(url: str, bearer: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(
        base_url=url, trust_env=False, headers=headers, timeout=CALL_SECONDS
    ) as http:
        yield http


@asynccontextmanager
async def sse(url: str, bearer: str) -> AsyncIterator[RawClient]:
    """A session over SSE."""
    async with _http(url, bearer) as http, http.stream("GET", "/sse") as stream:
        lines = stream.aiter_lines()
        client = _OnStream(http, await _next_data(lines), lines)
        await client.post(HELLO)
        await _next_data(lines)
        await client.notify("notifications/initialized", {})
        yield client


@asynccontextmanager
async def session(url: str, bearer: str) -> AsyncIterator[RawClient]:
    """A session of Streamable HTTP."""
    async with _http(url, bearer) as http:
        client = RawClient(http, "/mcp")
        opened = await client.post(HELLO)
        http.headers["mcp-session-id"] = opened.headers["mcp-session-id"]
        await client.notify("notifications/initialized", {})
        yield client


@asynccontextmanager
async def alone(url: str, bearer: str) -> AsyncIterator[RawClient]:
    """Messages of the newest revision, which has no sessions."""
    async with _http(url, bearer) as http:
        yield _Alone(http, "/mcp")


TRANSPORTS = {"sse": sse, "session": session, "alone": alone}
