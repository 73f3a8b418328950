"""What every request passes first: whether it is for this gateway, and whether the page that sends it, if a
browser does, may use the gateway."""

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.metrics import count_refusal
from toolbridge_mcp.web.entry.address import Address
from toolbridge_mcp.web.entry.hosts import Hosts, MalformedHost
from toolbridge_mcp.web.entry.pages import Fields, Pages, is_preflight, preflight, readable
from toolbridge_mcp.web.head import Head, head_of
from toolbridge_mcp.web.refusals import refusal

EVERY_PAGE = "*"

_MALFORMED_HOST = refusal(400, "invalid_request", "Send one Host header: a name, and a port if needed.")
_FOREIGN_HOST = refusal(
    421,
    "misdirected_request",
    "This gateway has another name than the request's Host. Use the address that its operator gave you; "
    "the operator adds names to TOOLBRIDGE_ALLOWED_HOSTS.",
)
_FOREIGN_PAGE = refusal(
    403,
    "forbidden_origin",
    "Pages of this Origin may not use the gateway; its operator adds origins to TOOLBRIDGE_ALLOWED_ORIGINS.",
)


class AllowedCallers:
    """Checks Host (400, 421) and Origin (403), as every MCP server must, and lets pages read answers (CORS).

    Every answer has the headers of CORS, refusals too: without them a page cannot see why a request failed.
    """

    def __init__(self, address: Address, hosts: Sequence[str] = (), origins: Sequence[str] = ()) -> None:
        self._hosts = Hosts([*hosts, *([address.host] if address.host else [])])
        self._pages = Pages([*origins, *([address.origin] if address.origin else [])])

    def only(self, app: ASGIApp) -> ASGIApp:
        """`app` for requests to this gateway that no foreign page sends."""
        return _Guarded(app, self._hosts, self._pages, public=False)

    def from_every_page(self, app: ASGIApp) -> ASGIApp:
        """`app` for requests to this gateway; pages of every origin may read its answers."""
        return _Guarded(app, self._hosts, self._pages, public=True)


class _Guarded:
    def __init__(self, app: ASGIApp, hosts: Hosts, pages: Pages, *, public: bool) -> None:
        self._app = app
        self._for_pages = ServerErrorMiddleware(app)  # else a page could not read the answer to a failure
        self._hosts = hosts
        self._pages = pages
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = head_of(scope)
        refused = self._foreign_host(scope, head)
        if head.has(b"origin") or self._public:
            await self._for_a_page(refused, head, scope, receive, send)
        else:
            await (refused or self._app)(scope, receive, send)

    async def _for_a_page(
        self, refused: Response | None, head: Head, scope: Scope, receive: Receive, send: Send
    ) -> None:
        origins = head.all(b"origin")
        host = "" if refused else head.get(b"host")
        is_allowed = len(origins) == 1 and self._pages.allow(origins[0], scope["scheme"], host)
        if origins and not is_allowed and not self._public:
            refused = refused or _counted(_FOREIGN_PAGE, "foreign_page")
        reader = EVERY_PAGE if self._public else origins[0] if is_allowed else None
        answer = refused
        if reader is not None:
            send = _with_fields(send, readable(reader))
            if is_preflight(scope, head) or (self._public and scope["method"] == "OPTIONS"):
                answer = refused or Response(headers=preflight(reader, head, is_allowed=is_allowed))
        await (answer or self._for_pages)(scope, receive, send)

    def _foreign_host(self, scope: Scope, head: Head) -> Response | None:
        try:
            is_ours = self._hosts.allows(scope, head.all(b"host"))
        except MalformedHost:
            return _counted(_MALFORMED_HOST, "malformed_host")
        return None if is_ours else _counted(_FOREIGN_HOST, "foreign_host")


def _counted(answer: Response, reason: str) -> Response:
    count_refusal(reason)
    return answer


def _with_fields(send: Send, fields: Fields) -> Send:
    async def send_with_fields(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(fields)
            if fields["Access-Control-Allow-Origin"] != EVERY_PAGE:
                headers.add_vary_header("Origin")
        await send(message)

    return send_with_fields
