"""What an answer needs on its way to the client, whatever FastMCP made of it."""

from starlette.types import Message, Scope, Send

from toolbridge_mcp.library_seams import SESSION_HEADER
from toolbridge_mcp.telemetry import Operation, server_timing
from toolbridge_mcp.web.head import head_of

SEPARATORS = (
    (b"\xe2\x80\xa8", rb"\u2028"),
    (b"\xe2\x80\xa9", rb"\u2029"),
    (b"\xc2\x85", rb"\u0085"),
)
"""The characters that Python's `splitlines` takes for the end of a line, and JSON does not: each in UTF-8 and
as JSON can also write it. JSON has no other way than that for U+000B, U+000C and U+001C to U+001E."""

DRAINED_BYTES = 64 * 1024
"""As much as the server keeps of an answer before it waits."""

_SESSION_HEADER = SESSION_HEADER.encode()
_LENGTH_HEADER = b"content-length"
_TIMING_HEADER = b"server-timing"


def without_separators(body: bytes) -> bytes:
    """The same JSON without the characters in `SEPARATORS`. Old clients split events at them, and then never
    see the answer."""
    if not body.isascii():
        for separator, escape in SEPARATORS:
            if separator[-1] in body and separator in body:  # one byte is found in a third of the time
                body = body.replace(separator, escape)
    return body


def without_session_id(start: Message) -> Message:
    """The start of an answer that opens no session. Clients remember every session id that they see, also
    that of a session that has ended."""
    headers = [(name, value) for name, value in start["headers"] if name.lower() != _SESSION_HEADER]
    return {**start, "headers": headers}


def timing_line(operation: Operation) -> tuple[bytes, bytes]:
    """The header of an answer that says where the time of its message went (W3C Server Timing)."""
    return _TIMING_HEADER, server_timing(operation)


def timed_refusal(start: Message, scope: Scope) -> Message:
    """The start of an answer with that header, if it has none: the request of `scope` was refused before
    anything was measured of its message."""
    if any(name == _TIMING_HEADER for name, _ in start["headers"]):
        return start
    head = head_of(scope)
    refused = Operation(arrived_at=head.arrived_at, verified_at=head.verified_at)
    refused.answered()
    return {**start, "headers": [*start["headers"], timing_line(refused)]}


async def send_and_drain(send: Send, message: Message) -> None:
    """Returns when the socket has taken all but the last `DRAINED_BYTES` of the message.

    The server takes a message without waiting, and keeps what the socket does not take; only its next message
    waits.
    """
    if len(message.get("body", b"")) > DRAINED_BYTES:
        await send({**message, "more_body": True})
        message = {"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)}
    await send(message)


class JsonAnswer:
    """Sends an answer of FastMCP that has one body. `send` returns when the socket has taken it."""

    __slots__ = ("_operation", "_send", "_session_id", "_start")

    def __init__(self, send: Send, session_id: str | None = None, operation: Operation | None = None) -> None:
        """`session_id` is that of the session that the answer opens, if it opens one; `operation` is what is
        measured of the message that it answers."""
        self._send = send
        self._session_id = session_id
        self._operation = operation
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        sent = message.get("body", b"")
        body = without_separators(sent)
        if self._operation:
            self._operation.answered(len(body))
            self._operation.finish()
        if self._start:
            await self._send(self._head(self._start, len(body) - len(sent)))
            self._start = None
        await send_and_drain(self._send, {**message, "body": body})

    def _head(self, start: Message, growth: int) -> Message:
        """`start` for a body that has grown by so many bytes."""
        start = without_session_id(start)
        if growth:
            start["headers"] = [
                (name, b"%d" % (int(value) + growth) if name == _LENGTH_HEADER else value)
                for name, value in start["headers"]
            ]
        if self._session_id:
            start["headers"].append((_SESSION_HEADER, self._session_id.encode()))
        if self._operation:
            start["headers"].append(timing_line(self._operation))
        return start
