"""Transports that stand behind `TenantTransport` in tests."""

from collections.abc import Iterable

import httpx


class Recording(httpx.AsyncBaseTransport):
    """Passes requests on and remembers them."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()

    @property
    def calls(self) -> list[httpx.Request]:
        """The requests made for tool calls: all but the questions about the API itself."""
        return [request for request in self.requests if request.url.path not in {"/v1/sync/info", "/readyz"}]


Answer = httpx.Response | Exception
INFO = {"sessions": {"inBand": "new"}, "entities": {"notes": {"kind": "note"}}}


def failing_api(answers: Iterable[Answer], info: object = INFO) -> Recording:
    """An API that describes itself by `info` and then gives `answers` in turn, the last one ever again: for
    failures that the real one does not produce on demand."""
    remaining = list(answers)

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/sync/info":
            return httpx.Response(200, json=info)
        if request.url.path == "/readyz":
            return httpx.Response(200)
        answer = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    return Recording(httpx.MockTransport(respond))
