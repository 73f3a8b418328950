"""The headers of every answer."""

from collections.abc import Sequence

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.web.entry.address import Address
from toolbridge_mcp.web.streaming import has_responded

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FAILED = PlainTextResponse("Internal Server Error", 500)
ONE_YEAR = "max-age=31536000"


def security_headers(address: Address) -> list[tuple[bytes, bytes]]:
    """`SECURITY_HEADERS` as ASGI has them; under https also HSTS (RFC 6797)."""
    headers = SECURITY_HEADERS | ({"Strict-Transport-Security": ONE_YEAR} if address.is_https else {})
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


class SecurityHeadersMiddleware:
    """Adds `lines` to every answer that has none of its own, and answers 500 where the application fails: the
    server's own answer would lack them."""

    def __init__(self, app: ASGIApp, lines: Sequence[tuple[bytes, bytes]]) -> None:
        self._app = app
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = False

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                nonlocal has_started
                has_started = True
                given = message["headers"]
                names = {name.lower() for name, _ in given}
                added = [line for line in self._lines if line[0] not in names]
                message = {**message, "headers": [*given, *added]}
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            if not has_started and not has_responded(scope):
                await _FAILED(scope, receive, send_with_headers)
            raise
