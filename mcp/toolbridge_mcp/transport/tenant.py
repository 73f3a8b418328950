"""The custom httpx transport between the gateway and the API."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx

from toolbridge_mcp.errors import AnswerTooLong, BadAnswer, NotReached, TimedOut
from toolbridge_mcp.transport.signing import tenant_headers

RETRY_SECONDS = 2

UNTIL = "until"
"""The extension of a request that says, by `time.monotonic`, when its time is up."""

MAX_ANSWER_BYTES = 5 * 1024 * 1024
"""A page of the API ends before 4 MiB, and what comes in through the gateway is below that too."""


class AnswerLost(Exception):
    """The request went out and no whole answer came back, so what it did is unknown.

    `late` tells that its time was up, `begun` that the head of an answer had come.
    """

    def __init__(self, *, late: bool, begun: bool) -> None:
        super().__init__("the answer did not come in time" if late else "the connection broke")
        self.late = late
        self.begun = begun


class TenantTransport(httpx.AsyncBaseTransport):
    """Signs each request for the tenant, adds the token of the moment, and talks to one host only.

    Answers come back read whole, before the moment in the extension `UNTIL` if the request has it. A request
    for another host than `base_url`'s is a `ValueError`: signature and token belong to the API alone.

    Raises `NotReached` when the API was not reached, `AnswerLost` when it was but did not answer, `BadAnswer`
    for what is no answer of it, and `TimedOut` when the time was up before anything was sent.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        base_url: str,
        tenant_id: str,
        secret: bytes,
        bearer_token: Callable[[], Awaitable[str | None]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._inner = inner
        self._origin = _origin(httpx.URL(base_url))
        self._tenant_id = tenant_id
        self._secret = secret
        self._bearer_token = bearer_token
        self._now = now

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if _origin(request.url) != self._origin:
            raise ValueError("the gateway sends requests to the configured API only")
        sent, response = False, None
        try:
            async with asyncio.timeout(_seconds_left(request)):
                await self._identify(request)
                self._sign(request)
                sent = True
                response = await self._inner.handle_async_request(request)
                await _read(response)
        except httpx.ConnectError as error:
            raise NotReached(facts={"retry_after": RETRY_SECONDS}) from error
        except httpx.DecodingError as error:
            raise BadAnswer from error
        except (TimeoutError, httpx.TransportError, httpx.StreamError) as error:
            if not sent:
                raise TimedOut from error
            late = isinstance(error, TimeoutError | httpx.ReadTimeout)
            raise AnswerLost(late=late, begun=response is not None) from error
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _sign(self, request: httpx.Request) -> None:
        request.headers.update(tenant_headers(self._secret, self._tenant_id, int(self._now() * 1000)))

    async def _identify(self, request: httpx.Request) -> None:
        request.headers.pop("Authorization", None)
        token = await self._bearer_token()
        if token:
            request.headers["Authorization"] = f"Bearer {token}"


def _seconds_left(request: httpx.Request) -> float | None:
    until: float | None = request.extensions.get(UNTIL)
    return None if until is None else until - time.monotonic()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _read(response: httpx.Response) -> None:
    """Reads the answer whole. However that ends, its connection is not left behind."""
    try:
        response.stream = _Bounded(_plain(response))
        await response.aread()
    except BaseException:
        await response.aclose()
        raise


def _plain(response: httpx.Response) -> httpx.AsyncByteStream:
    """The answer's bytes. Nothing but identity was asked for: a few bytes of another encoding can unfold to
    gigabytes."""
    if isinstance(response.stream, httpx.AsyncByteStream) and "Content-Encoding" not in response.headers:
        return response.stream
    raise BadAnswer


class _Bounded(httpx.AsyncByteStream):
    """The stream of an answer, as long as that keeps to the limit."""

    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ANSWER_BYTES
        async for chunk in self._inner:
            left -= len(chunk)
            if left < 0:
                raise AnswerTooLong(facts={"limit": MAX_ANSWER_BYTES})
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
