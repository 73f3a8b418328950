"""The API's description of itself, which calls read when it is not known yet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.harness.clients import settings_for, token
from tests.harness.recording import INFO, Recording
from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.client.call import COLLECTION, Call, Origin
from toolbridge_mcp.client.document import Document
from toolbridge_mcp.entities import NOTE
from toolbridge_mcp.errors import Unavailable
from toolbridge_mcp.http_clients import api_http
from toolbridge_mcp.identity import CallerToken
from toolbridge_mcp.outbound import ForwardedToken
from toolbridge_mcp.resilience import within
from toolbridge_mcp.transport import Signer

pytestmark = pytest.mark.anyio
DESCRIPTION = "/v1/sync/info"


class SlowToDescribe:
    """An API that holds its description back until it is told to go."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    async def respond(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != DESCRIPTION:
            return httpx.Response(200, json={"items": []})
        self.asked.set()
        await self.go.wait()
        return httpx.Response(200, json=INFO)


@asynccontextmanager
async def client_of(upstream: httpx.AsyncBaseTransport) -> AsyncIterator[ApiClient]:
    settings = settings_for("http://127.0.0.1:8081")
    outbound = ForwardedToken(lambda: CallerToken(token("ann")))
    signer = Signer.of(settings)
    async with ApiClient(lambda: api_http(settings, signer, outbound, upstream), signer) as client:
        yield client


async def listed(client: ApiClient, seconds: float) -> Document:
    with within(seconds):
        return await client.send(Call("GET", COLLECTION, NOTE), Origin("correlation"))


def paths(upstream: Recording) -> list[str]:
    return [request.url.path for request in upstream.requests]


async def test_calls_that_need_it_at_the_same_time_share_one_request() -> None:
    api = SlowToDescribe()
    upstream = Recording(httpx.MockTransport(api.respond))
    async with client_of(upstream) as client:
        calls = [asyncio.create_task(listed(client, 5)) for _ in range(5)]
        await api.asked.wait()
        api.go.set()
        await asyncio.gather(*calls)
        await listed(client, 5)
    assert paths(upstream).count(DESCRIPTION) == 1
    assert paths(upstream).count("/v1/notes") == 6


async def test_a_call_whose_time_is_up_leaves_the_request_to_the_others() -> None:
    api = SlowToDescribe()
    upstream = Recording(httpx.MockTransport(api.respond))
    async with client_of(upstream) as client:
        hurried, patient = asyncio.create_task(listed(client, 0.1)), asyncio.create_task(listed(client, 5))
        await api.asked.wait()
        with pytest.raises(Unavailable, match="nothing was done"):
            await hurried
        api.go.set()
        assert (await patient).data == {"items": []}
    assert paths(upstream) == [DESCRIPTION, "/v1/notes"]
