"""An SSE session by hand, each of whose messages has a token of its own."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import httpx

from tests.harness.clients import HELLO
from tests.harness.processes import Process


class Stream:
    """Its stream, and the address its messages go to."""

    def __init__(self, http: httpx.AsyncClient, data: AsyncIterator[str], messages: str) -> None:
        self.http, self.data, self.messages = http, data, messages

    async def post(self, message: dict[str, Any], bearer: str) -> int:
        headers = {"Authorization": f"Bearer {bearer}"}
        answer = await self.http.post(self.messages, json={"jsonrpc": "2.0", **message}, headers=headers)
        return answer.status_code

    async def answer(self) -> dict[str, Any]:
        with anyio.fail_after(5):
            message: dict[str, Any] = json.loads(await anext(self.data))
        return message


async def with_stream(gateway: Process, bearer: str, use: Callable[[Stream], Awaitable[None]]) -> None:
    """Runs `use` with an initialized session of the holder of `bearer`."""
    async with (
        httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http,
        http.stream("GET", "/sse", headers={"Authorization": f"Bearer {bearer}"}) as source,
    ):
        lines = source.aiter_lines()
        data = (line.removeprefix("data: ") async for line in lines if line.startswith("data: "))
        stream = Stream(http, data, await anext(data))
        assert await stream.post(HELLO, bearer) == 202
        await stream.answer()
        await stream.post({"method": "notifications/initialized"}, bearer)
        await use(stream)
