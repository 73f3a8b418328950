"""Messages that the SDK's parsers do not take, although they look like JSON: their senders learn why.

JavaScript writes half of a character, as is left of a text that was cut, as half of a surrogate pair. The SDK
answers such a message with a status and no id: over SSE the call waits forever.
"""

from mcp.types import INVALID_PARAMS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.library_seams import UNREADABLE_ANSWERS
from toolbridge_mcp.web.entry.address import MESSAGES_PATH, route_path
from toolbridge_mcp.web.envelope import NotAMessage, RequestId, envelope_of
from toolbridge_mcp.web.refused import BAD_REQUEST, Refused

ON_STREAM = 422
"""The door answers on the stream where it may, but for 400."""

EDGE_BYTES = 1024
SAYS = (
    "The arguments do not fit: a text is not valid Unicode, such as half of an emoji, a number has too many "
    "digits, or the nesting is too deep. Nothing was done. Correct them and call again."
)


class ReadableMessages:
    """Middleware behind the door, which delivers messages whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises `Refused` for a message that was not taken."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        over_sse = route_path(scope) == MESSAGES_PATH
        post = _Post(receive, send)
        await self._app(scope, post.receive, post.send)
        if post.is_unreadable:
            request_id = post.request_id()
            status = ON_STREAM if over_sse and request_id is not None else BAD_REQUEST
            raise Refused("unreadable", status, SAYS, code=INVALID_PARAMS, request_id=request_id)


class _Post:
    __slots__ = ("_edges", "_receive", "_send", "_start", "is_unreadable")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._edges = b""
        self._start: Message | None = None
        self.is_unreadable = False

    async def receive(self) -> Message:
        message = await self._receive()
        if body := message.get("body"):
            self._edges = body if len(body) < 2 * EDGE_BYTES else body[:EDGE_BYTES] + body[-EDGE_BYTES:]
        return message

    async def send(self, message: Message) -> None:
        """Keeps an answer back that says that the message was not taken."""
        if message.get("status") == BAD_REQUEST:
            self._start = message
            return
        if self._start:
            self.is_unreadable = any(text in message.get("body", b"") for text in UNREADABLE_ANSWERS)
            if not self.is_unreadable:
                await self._send(self._start)
            self._start = None
        if not self.is_unreadable:
            await self._send(message)

    def request_id(self) -> RequestId | None:
        """The id, if the message names it where the official SDKs do."""
        try:
            return envelope_of(self._edges).request_id
        except NotAMessage:
            return None
