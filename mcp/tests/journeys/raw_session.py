"""An SSE session without a client library, for the parts that a library hides."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.harness.clients import CALL_SECONDS, HELLO
from tests.harness.published import Json


class RawSession:
    """Posts messages, and reads their answers as they come over the wire."""

    def __init__(self, http: httpx.AsyncClient, lines: AsyncIterator[str], endpoint: str) -> None:
        self._http = http
        self._lines = lines
        self._endpoint = endpoint

    async def post(self, message: Json, bearer: str | None = None) -> httpx.Response:
        """Sends one message, as another user if `bearer` is given."""
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else None
        return await self._http.post(self._endpoint, json={"jsonrpc": "2.0", **message}, headers=headers)

    async def request(self, message: Json) -> str:
        """The JSON of the answer, byte for byte."""
        answer = await self.post(message)
        assert answer.is_success, answer.status_code
        return await _next_data(self._lines)


async def _next_data(lines: AsyncIterator[str]) -> str:
    async for line in lines:
        if line.startswith("data: "):
            return line.removeprefix("data: ")
    raise AssertionError("the stream ended")


@asynccontextmanager
async def raw_session(url: str, bearer: str) -> AsyncIterator[RawSession]:
    headers = {"Authorization": f"Bearer {bearer}"}
    async with (
        httpx.AsyncClient(base_url=url, trust_env=False, headers=headers, timeout=CALL_SECONDS) as http,
        http.stream("GET", "/sse") as stream,
    ):
        lines = stream.aiter_lines()
        session = RawSession(http, lines, await _next_data(lines))
        await session.request(HELLO)
        await session.post({"method": "notifications/initialized"})
        yield session
