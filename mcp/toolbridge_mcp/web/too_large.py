"""A message that is too large, told on the stream where its sender waits for the answer.

The official Python client takes an HTTP status other than 2xx for the end of its sending: the call, and all
later ones of the session, would wait forever.
"""

import json
import re

from mcp.types import INVALID_REQUEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.web.streams import Stream

ACCEPTED, TOO_LARGE = 202, 413
SAYS = (
    "The message is too large; nothing was done. Send less, for example split the content into several items."
)

_REQUEST_ID = re.compile(
    rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*("(?:[^"\\]|\\.){0,200}"|-?\d{1,18})\s*,'
)
"""At the head only: further inside, an `id` may be part of the arguments."""


async def told_in_band(app: ASGIApp, stream: Stream, scope: Scope, receive: Receive, send: Send) -> None:
    """Runs `app`; where it finds a message too large, the stream gets the error and the sender 202. A message
    that does not begin with its id is left at 413."""
    head = b""

    async def remembering() -> Message:
        nonlocal head
        message = await receive()
        head = head or message.get("body", b"")
        return message

    async def answering(message: Message) -> None:
        if message.get("status") == TOO_LARGE:
            if not head:
                await remembering()
            if found := _REQUEST_ID.match(head):
                await stream.send(_event(found[1]))
                message = {**message, "status": ACCEPTED}
        await send(message)

    await app(scope, remembering, answering)


def _event(request_id: bytes) -> Message:
    error = json.dumps({"code": INVALID_REQUEST, "message": SAYS}).encode()
    data = b'{"jsonrpc":"2.0","id":' + request_id + b',"error":' + error + b"}"
    return {
        "type": "http.response.body",
        "body": b"event: message\r\ndata: " + data + b"\r\n\r\n",
        "more_body": True,
    }
