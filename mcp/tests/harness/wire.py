"""The gateway's own engine as an httpx transport, for tests that look at requests on their way to it."""

import time

import httpx

from toolbridge_mcp.transport import UNTIL, Pool, Request
from toolbridge_mcp.transport.answers import Reading


class _Unlimited(Reading):
    def feed(self, chunk: bytes) -> None:
        self._content += chunk
        self._size += len(chunk)


class Wire(httpx.AsyncBaseTransport):
    """Passes requests on, each as it is, to the host that it names."""

    def __init__(self, calls: int = 500) -> None:
        self._calls = calls
        self._pools: dict[str, Pool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url.copy_with(raw_path=b"/"))
        pool = self._pools.setdefault(url, Pool.of(url, self._calls))
        until = request.extensions.get(UNTIL, time.monotonic() + 30)
        content = await request.aread()
        target = request.url.raw_path.decode()
        passed = Request(request.method, target, request.headers, content, until=until)
        reading = _Unlimited()
        await pool.exchange(passed, reading)
        answer = reading.response()
        return httpx.Response(answer.status, headers=list(answer.fields), content=answer.content)

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()


def connections() -> Wire:
    """Real connections to whatever host a request names."""
    return Wire()
