"""Whole answers, written at once: head and body in one write, past all that changes answers on their way."""

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from starlette.types import Scope, Send

from toolbridge_mcp.telemetry import Operation
from toolbridge_mcp.web.head import head_of
from toolbridge_mcp.web.streaming import respond
from toolbridge_mcp.web.wire import DRAINED_BYTES, timing_line

Lines = tuple[tuple[bytes, bytes], ...]


class Answer(NamedTuple):
    """`lines` are the headers that belong to this answer alone."""

    status: int
    lines: Lines
    body: bytes


class Answers:
    """Writes answers with `common` headers."""

    def __init__(self, common: Iterable[tuple[bytes, bytes]]) -> None:
        self._common = _joined(common)

    async def write(
        self, answer: Answer, scope: Scope, send: Send, operation: Operation | None = None
    ) -> None:
        """Writes the answer to a request at once, or through `send` if it is large, a page reads it, or the
        connection is busy. It says what is measured of the message, if `operation` is given."""
        body, lines = answer.body, answer.lines
        if operation:
            lines = (*lines, timing_line(operation))
        if len(body) <= DRAINED_BYTES and not head_of(scope).has(b"origin"):
            rest = b"%b%b\r\n%b" % (_joined(lines), self._common, body)
            if respond(scope, _status_line(answer.status), rest):
                return
        await send({"type": "http.response.start", "status": answer.status, "headers": list(lines)})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _joined(lines: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % line for line in lines)


@lru_cache
def _status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
