"""The headers of every answer, and the hosts and browser pages that are let in."""

from collections.abc import Iterable, Sequence

from fastmcp.server.http import HostOriginGuardMiddleware
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.web.entry.address import Address

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
ONE_YEAR = "max-age=31536000"
LOOPBACK_PAGE = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
READABLE = ["Mcp-Session-Id", "Mcp-Protocol-Version", "Retry-After", "WWW-Authenticate"]
"""The headers that a browser page may read."""


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


class AllowedCallers:
    """Checks Host (421) and Origin (403), as every MCP server must.

    Allowed hosts are the names of this machine, the public URL's and the given ones. Browser pages of a given
    origin may read the answers (CORS); without a public URL, pages of this machine may too.
    """

    def __init__(self, address: Address, hosts: Sequence[str] = (), origins: Sequence[str] = ()) -> None:
        self._address = address
        self._hosts = hosts
        self._origins = origins

    def only(self, app: ASGIApp) -> ASGIApp:
        """`app` for allowed callers only."""
        address = self._address
        guarded = HostOriginGuardMiddleware(
            app,
            allowed_hosts=[*self._hosts, *([address.host] if address.host else [])],
            allowed_origins=[*self._origins, *([address.origin] if address.origin else [])],
            mode="strict",
        )
        return CORSMiddleware(
            guarded,
            allow_origins=self._origins,
            allow_origin_regex=None if address.public_url else LOOPBACK_PAGE,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=READABLE,
        )
