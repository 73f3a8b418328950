"""The requests of people and programs that have no token yet: their limits, and what serves them."""

import asyncio
from collections.abc import Callable, Iterable

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.login.limits import Limit, PublicLimit, TooMany
from toolbridge_mcp.login.proxy.clients import caller
from toolbridge_mcp.login.proxy.trouble import ProviderUnavailable
from toolbridge_mcp.web.ledger import caller_at
from toolbridge_mcp.web.refusals import RETRY_AFTER_SECONDS, refusal

BODY_BYTES = 16 * 1024
BODY_SECONDS = 10.0


def page_limit() -> PublicLimit:
    """For the pages, each of which may leave a file behind for a quarter of an hour."""
    return PublicLimit((120, 60), (1_200, 600))


class Bounded:
    """An application for strangers: at a limited rate, and with small bodies that come at once.

    `app` is None while it cannot be made.
    """

    def __init__(self, app: Callable[[], ASGIApp | None], limit: Limit) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = scope["client"][0] if scope.get("client") else ""
        answer: ASGIApp | None
        try:
            self._limit.take(caller_at(address))
            body = await _body(scope, receive)
            answer = self._app() or unavailable()
        except TooMany as error:
            answer, body = too_many(error), b""
        except TimeoutError:
            answer, body = refusal(408, "invalid_request", "The request did not come in time."), b""
        except ClientDisconnect:
            return
        if body is None:
            answer, body = refusal(413, "invalid_request", f"Send at most {BODY_BYTES} bytes."), b""
        token = caller.set(address)
        try:
            await answer(scope, _once(body, receive), self._counting(send, address))
        finally:
            caller.reset(token)

    def _counting(self, send: Send, address: str) -> Send:
        """Lets the limit know of a request that is refused: somebody may be guessing."""

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (400, 401, 403):
                self._limit.failed(caller_at(address))
            await send(message)

        return counting


def application(routes: Iterable[Route]) -> Starlette:
    """The routes of the proxy. FastMCP looks for the application that serves them."""
    return Starlette(routes=list(routes), exception_handlers={ProviderUnavailable: _unavailable})


def unavailable() -> Response:
    says = "The identity provider does not answer; try again."
    answer = refusal(503, "temporarily_unavailable", says)
    answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


def too_many(error: TooMany) -> Response:
    answer = refusal(429, "temporarily_unavailable", "Too many requests come from here; try again later.")
    answer.headers["Retry-After"] = str(error.wait_seconds)
    return answer


async def _unavailable(_: Request, __: Exception) -> Response:
    return unavailable()


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """The body of a request, None if it is too large. Raises `TimeoutError` and `ClientDisconnect`."""
    content = bytearray()
    async with asyncio.timeout(BODY_SECONDS):
        async for piece in Request(scope, receive).stream():
            content += piece
            if len(content) > BODY_BYTES:
                return None
    return bytes(content)


def _once(body: bytes, receive: Receive) -> Receive:
    """Gives out the body that was read, and then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def given() -> Message:
        return waiting.pop() if waiting else await receive()

    return given
