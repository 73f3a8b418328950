"""Messages of a session as they are posted."""

from typing import Self

from starlette.types import Message, Receive, Scope

from toolbridge_mcp.identity import sender_of
from toolbridge_mcp.telemetry import Operation
from toolbridge_mcp.telemetry.trace_context import TRACEPARENT, TRACESTATE, TraceContext, trace_context
from toolbridge_mcp.web.envelope import INVALID, Envelope, RequestId
from toolbridge_mcp.web.head import Head, head_of
from toolbridge_mcp.web.refused import BAD_REQUEST, Refused

ENVELOPE = "toolbridge.envelope"
"""The key of a message of ASGI under which the door leaves what it found out about its body."""

_PARENT, _STATE = TRACEPARENT.encode(), TRACESTATE.encode()


class PostedMessage:
    """A posted message, which has been checked: it comes in one piece, unless its client has left."""

    def __init__(self, first: Message, receive: Receive) -> None:
        self._first: Message | None = first
        self._receive = receive
        self.body: bytes = first.get("body", b"")
        envelope: Envelope | None = first.get(ENVELOPE)
        self.request_id: RequestId | None = envelope.request_id if envelope and envelope.method else None
        """The id; None if the message is no request."""
        self.method = envelope.method if envelope else None

    @classmethod
    async def read(cls, receive: Receive) -> Self:
        return cls(await receive(), receive)

    def operation(self, scope: Scope, transport: str, session_id: str = "") -> Operation:
        """What is measured of the message, which came with the request of `scope`."""
        head = head_of(scope)
        return Operation(
            self.method,
            sender=sender_of(scope),
            transport=transport,
            arrived_at=head.arrived_at,
            verified_at=head.verified_at,
            bytes_in=len(self.body),
            context=_context(head),
            request_id=self.request_id,
            session_id=session_id,
        )

    async def receive(self) -> Message:
        """The message, and then what follows it."""
        first, self._first = self._first, None
        return first or await self._receive()


def _context(head: Head) -> TraceContext | None:
    """The trace that a request names, if it names one."""
    parent = head.raw(_PARENT)
    return None if parent is None else trace_context(parent.decode("latin-1"), head.all(_STATE))


def id_in_flight() -> Refused:
    """The error for a request whose id another one has. It names no id: that would be the other one's."""
    says = "A request with this id is under way in the session; nothing was done. Use each id once."
    return Refused("id_in_flight", BAD_REQUEST, says, code=INVALID)
