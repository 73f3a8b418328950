"""The headers of every answer."""

from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.web.entry.address import Address

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
ONE_YEAR = "max-age=31536000"


def trimmed(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers without whitespace around their values, which is no part of them (RFC 9110, section 5.5).
    The server's parser leaves it at the end of a value."""
    return [(name, value.strip(b" \t")) for name, value in headers]


class SecurityHeadersMiddleware:
    """Adds `SECURITY_HEADERS` to every answer that has none of its own; under https also HSTS (RFC 6797)."""

    def __init__(self, app: ASGIApp, address: Address) -> None:
        self._app = app
        self._headers = SECURITY_HEADERS | (
            {"Strict-Transport-Security": ONE_YEAR} if address.is_https else {}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
