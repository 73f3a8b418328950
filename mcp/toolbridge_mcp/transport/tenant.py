"""The way to the API: the one place that every request passes, whoever makes it."""

import time
from collections.abc import Mapping
from time import perf_counter
from typing import Protocol, Self

import httpx

from toolbridge_mcp.settings import Settings
from toolbridge_mcp.transport.answers import Reading
from toolbridge_mcp.transport.deadline import UNTIL
from toolbridge_mcp.transport.httpx_engine import HttpxEngine
from toolbridge_mcp.transport.messages import Request, Response
from toolbridge_mcp.transport.pool import Pool
from toolbridge_mcp.transport.signer import Signer
from toolbridge_mcp.transport.signing import unsign
from toolbridge_mcp.unread import NoRoom, current_answer

UNAUTHORIZED = 401
PROCESS = "X-TB-Process"
"""The header by which the API says which of its processes has to be named."""


class Scheme(Protocol):
    """How requests are signed. `Signer` is the one of the product."""

    process: str

    def headers(self, request: Request) -> Mapping[str, str]: ...

    def learn(self, process: str, known: str) -> bool: ...


class Engine(Protocol):
    """What carries a request to the API and its answer back. `Pool` says what it raises."""

    async def exchange(self, request: Request, reading: Reading) -> None: ...

    async def aclose(self) -> None: ...


class TenantTransport(httpx.AsyncBaseTransport):
    """Signs each request for the tenant, and talks to one host only.

    The headers of `signer` replace any of the same name. When the API refuses a signature for another of its
    processes, as after its restart, the request is signed and sent once more: nothing was done.

    Responses are read whole, within the request's deadline if it has one. There are two doors to it: `send`,
    on the way of a call, and for those who use httpx `handle_async_request`. Through that, a request to any
    host but that of `base_url` is a `ValueError`: signature and token belong to the API alone.

    Raises `NotReached` when nothing was sent, `AnswerLost` when something was sent and no whole answer came,
    and `BadAnswer` when the answer cannot be one of the API's.
    """

    def __init__(self, engine: Engine, *, base_url: str, signer: Scheme) -> None:
        url = httpx.URL(base_url)
        self._engine = engine
        self._origin = _origin(url)
        self._signer = signer
        self.host = url.netloc.decode()
        """The value of the header `Host`."""

    @classmethod
    def of(cls, settings: Settings, signer: Signer, engine: httpx.AsyncBaseTransport | None = None) -> Self:
        """The transport to the API that the settings name. `engine` is for tests, in place of real
        connections."""
        url = settings.go_api_base_url
        carrier = HttpxEngine(engine, url) if engine else Pool.of(url, settings.max_calls)
        return cls(carrier, base_url=url, signer=signer)

    async def send(self, request: Request) -> Response:
        """The answer to the request, whose headers are signed in place."""
        known = self._signer.process
        response = await self._send_once(request)
        if response.status == UNAUTHORIZED and self._signer.learn(response.header(PROCESS), known):
            return await self._send_once(request)
        return response

    async def _send_once(self, request: Request) -> Response:
        if request.resends:
            unsign(request)
        answer = current_answer()
        span = answer.operation.begin_request(request) if answer else None
        began_at = perf_counter()
        request.headers.update(self._signer.headers(request))
        signed_at = perf_counter()
        reading = Reading(edges=request.edges, room=answer)
        try:
            await self._engine.exchange(request, reading)
        except BaseException as error:
            if span:
                span.failed(type(error))
            raise
        finally:
            request.resends += 1
            if answer:
                answer.operation.requested(signed_at - began_at, perf_counter() - signed_at)
        if span:
            span.answered(reading.status)
        return reading.response()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if _origin(request.url) != self._origin:
            raise ValueError("the gateway sends requests to the configured API only")
        passed = await _out_of_httpx(request)
        unsign(passed)
        return _in_httpx(await self.send(passed))

    async def aclose(self) -> None:
        await self._engine.aclose()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _out_of_httpx(request: httpx.Request) -> Request:
    content = await request.aread()
    if "Transfer-Encoding" in request.headers:
        del request.headers["Transfer-Encoding"]
        request.headers["Content-Length"] = str(len(content))
    limits: Mapping[str, float | None] = request.extensions.get("timeout", {})
    to_connect = [seconds for name in ("connect", "pool") if (seconds := limits.get(name)) is not None]
    to_read = limits.get("read")
    return Request(
        request.method,
        request.url.raw_path.decode("ascii"),
        request.headers,
        content,
        until=request.extensions.get(UNTIL, None if to_read is None else time.monotonic() + to_read),
        connect_seconds=min(to_connect, default=None),
    )


def _in_httpx(response: Response) -> httpx.Response:
    if response.lacks:
        raise NoRoom(response.lacks)
    return httpx.Response(response.status, headers=list(response.fields), content=response.content)
