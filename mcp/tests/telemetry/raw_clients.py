"""Clients of each transport that send a message as it is given, headers included."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import httpx

from tests.harness.clients import CALL_SECONDS, HELLO, META
from tests.harness.published import Json

INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
NEWEST = "2026-07-28"
NO_HEADERS: Mapping[str, str] = {}


class RawClient(Protocol):
    """Sends one message, and returns the answer to it."""

    async def __call__(
        self, method: str, params: Json, headers: Mapping[str, str] = NO_HEADERS, request_id: object = 7
    ) -> dict[str, Any]: ...


def message(method: str, params: Json, request_id: object) -> Json:
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


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
        endpoint = await _next_data(lines)

        async def send(
            method: str, params: Json, headers: Mapping[str, str] = NO_HEADERS, request_id: object = 7
        ) -> dict[str, Any]:
            posted = await http.post(endpoint, json=message(method, params, request_id), headers=headers)
            assert posted.status_code == 202, posted.text
            answer: dict[str, Any] = json.loads(await _next_data(lines))
            return answer

        await http.post(endpoint, json=HELLO)
        await _next_data(lines)
        await http.post(endpoint, json=INITIALIZED)
        yield send


async def _next_data(lines: AsyncIterator[str]) -> str:
    async for line in lines:
        if line.startswith("data: "):
            return line.removeprefix("data: ")
    raise AssertionError("the stream ended")


@asynccontextmanager
async def session(url: str, bearer: str) -> AsyncIterator[RawClient]:
    """A session of Streamable HTTP."""
    async with _http(url, bearer) as http:
        opened = await http.post("/mcp", json=HELLO)
        http.headers["mcp-session-id"] = opened.headers["mcp-session-id"]
        await http.post("/mcp", json=INITIALIZED)

        async def send(
            method: str, params: Json, headers: Mapping[str, str] = NO_HEADERS, request_id: object = 7
        ) -> dict[str, Any]:
            posted = await http.post("/mcp", json=message(method, params, request_id), headers=headers)
            answer: dict[str, Any] = posted.json()
            return answer

        yield send


@asynccontextmanager
async def alone(url: str, bearer: str) -> AsyncIterator[RawClient]:
    """Messages of the newest revision, which has no sessions."""
    async with _http(url, bearer) as http:

        async def send(
            method: str, params: Json, headers: Mapping[str, str] = NO_HEADERS, request_id: object = 7
        ) -> dict[str, Any]:
            named = {"mcp-name": params.get("name") or params.get("uri")}
            usual = {
                "mcp-protocol-version": NEWEST,
                "mcp-method": method,
                **{k: v for k, v in named.items() if v},
            }
            params = {**params, "_meta": {**META, **params.get("_meta", {})}}
            body = message(method, params, request_id)
            posted = await http.post("/mcp", json=body, headers={**usual, **headers})
            answer: dict[str, Any] = posted.json()
            return answer

        yield send


TRANSPORTS = {"sse": sse, "session": session, "alone": alone}
