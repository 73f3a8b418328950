"""Messages that are too large: the error goes to the stream on which the sender waits for the answer.

The official Python client stops sending after an HTTP status other than 2xx: the call, and all later ones of
the session, would wait forever.
"""

import json

from mcp.types import INVALID_REQUEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.library_seams import TOO_LARGE, request_id_at_start
from toolbridge_mcp.web.sessions.streams import Stream

ACCEPTED = 202
SAYS = (
    "The message is too large; nothing was done. Send less, for example split the content into several items."
)


class PostedMessage:
    """One message of an SSE session, between its sender and FastMCP.

    FastMCP answers 413 to a message that is too large. If the message begins with its id, the stream gets an
    error for that id, and the sender 202.
    """

    __slots__ = ("_receive", "_send", "_start", "_stream")

    def __init__(self, stream: Stream, receive: Receive, send: Send) -> None:
        self._stream = stream
        self._receive = receive
        self._send = send
        self._start = b""
        """The first bytes of the body."""

    async def pass_to(self, app: ASGIApp, scope: Scope) -> None:
        await app(scope, self.receive, self.send)

    async def receive(self) -> Message:
        message = await self._receive()
        self._start = self._start or message.get("body", b"")
        return message

    async def send(self, message: Message) -> None:
        if message.get("status") == TOO_LARGE and await self._send_error():
            message = {**message, "status": ACCEPTED}
        await self._send(message)

    async def _send_error(self) -> bool:
        """Whether the error has been sent to the stream."""
        if not self._start:
            await self.receive()
        request_id = request_id_at_start(self._start)
        if request_id is None:
            return False
        await self._stream.send(_error_event(request_id))
        return True


def _error_event(request_id: bytes) -> Message:
    error = json.dumps({"code": INVALID_REQUEST, "message": SAYS}).encode()
    data = b'{"jsonrpc":"2.0","id":' + request_id + b',"error":' + error + b"}"
    return {
        "type": "http.response.body",
        "body": b"event: message\r\ndata: " + data + b"\r\n\r\n",
        "more_body": True,
    }
