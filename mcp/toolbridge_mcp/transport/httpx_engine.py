"""An httpx transport as the engine: for tests, which put one in the place of real connections."""

import asyncio

import httpx

from toolbridge_mcp.errors import BadAnswer, NotReached
from toolbridge_mcp.transport.answers import Reading
from toolbridge_mcp.transport.deadline import UNTIL, seconds_left
from toolbridge_mcp.transport.failures import AnswerLost
from toolbridge_mcp.transport.messages import Request


class HttpxEngine:
    """Sends each request through an httpx transport, and says by its exceptions what `Pool` says."""

    def __init__(self, inner: httpx.AsyncBaseTransport, base_url: str) -> None:
        self._inner = inner
        self._base_url = httpx.URL(base_url)

    async def exchange(self, request: Request, reading: Reading) -> None:
        begun = False
        try:
            async with asyncio.timeout(seconds_left(request)):
                response = await self._inner.handle_async_request(self._in_httpx(request))
                begun = True
                await _read(response, reading)
        except httpx.ConnectError as error:
            raise NotReached from error
        except httpx.DecodingError as error:
            raise BadAnswer from error
        except (httpx.ReadTimeout, TimeoutError) as error:
            raise AnswerLost(late=True, begun=begun) from error
        except (httpx.TransportError, httpx.StreamError) as error:
            raise AnswerLost(late=False, begun=begun) from error

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _in_httpx(self, request: Request) -> httpx.Request:
        return httpx.Request(
            request.method,
            self._base_url.copy_with(raw_path=request.target.encode("ascii")),
            headers=dict(request.headers),
            content=request.content or None,
            extensions={} if request.until is None else {UNTIL: request.until},
        )


def _fields(response: httpx.Response) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in response.headers.raw]


async def _read(response: httpx.Response, reading: Reading) -> None:
    try:
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise BadAnswer
        if reading.begin(response.status_code, _fields(response)):
            async for chunk in response.stream:
                reading.feed(chunk)
    finally:
        await response.aclose()
