"""The real API, which does not say that it has some features: one between the first and the present."""

import json
from collections.abc import Collection

import httpx

from tests.harness.wire import connections


class LesserApi(httpx.AsyncBaseTransport):
    """The connection to the API. `lacks` are the features that its description leaves out."""

    def __init__(self, lacks: Collection[str]) -> None:
        self.lacks = set(lacks)
        self.descriptions = 0
        """How often the API was asked for its description."""

        self._inner = connections()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if request.url.path != "/v1/sync/info":
            return answer
        self.descriptions += 1
        info = json.loads(await answer.aread())
        info["features"] = [name for name in info["features"] if name not in self.lacks]
        return httpx.Response(answer.status_code, json=info)

    async def aclose(self) -> None:
        await self._inner.aclose()
