"""One connection of a client: what it may leave open, and offers of other protocols, which are ignored."""

import asyncio
import re
from collections.abc import Hashable, Sequence
from functools import lru_cache, partial
from ipaddress import ip_address, ip_network
from typing import Any

from toolbridge_mcp.library_seams import RequestParser, UvicornConnection
from toolbridge_mcp.metrics import LOOPBACK, count_refusal
from toolbridge_mcp.web.ledger import Lack, Room, caller_at
from toolbridge_mcp.web.streaming import is_stream, set_abort, set_respond

HEAD_SECONDS = 15
"""How long a connection may take to complete the headers of a request, which comes before authentication, and
for a body that nobody reads any more."""

READING_SECONDS = 30
"""How long a client may take to read what has been written, before more is written or the answer is over.
Streams have limits of their own."""

MAX_HEAD_BYTES = 64 * 1024
"""How large the headers of a request may be."""

MAX_HEADERS = 200

MAX_PIPELINED = 16
"""Requests that may wait for the answer to the one before them."""

MAX_PIECES = 20_000
"""Pieces in which a body may come: chunks of one byte each cost a thousand times what they carry."""

MAX_FRAMING_BYTES = 256 * 1024
"""Bytes that may come with a body and are no part of it: the sizes and extensions of chunks, and trailers."""

MAX_HALF_HEADS_BYTES = 16 * 1024 * 1024
MAX_HALF_HEADS_BYTES_EACH = 4 * 1024 * 1024
"""Bytes of incomplete heads, of all callers and of one address."""

RESERVED = 16
"""Connections that this machine, with its health checks, may have above the limit."""

FRAMING = (b"content-length", b"transfer-encoding")
"""The headers that say where a body ends."""

_WHOLE_ADDRESS = re.compile(rb"[a-zA-Z][a-zA-Z0-9+.-]*://([^/?#]*)")
"""The start of a request target that names the host, too (RFC 9112, section 3.2.2)."""

SAYS = b"Too many connections are open here; close some, or try again in a moment."
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\nretry-after: 5\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(SAYS), SAYS)
)


class Connections:
    """All connections of the process: at most `most`, and `most_each` from one address.

    Above that a new one takes the place of the one that has been without a request longest, of the same
    address or of all. Connections of `proxies` carry requests of many clients, so only `most` is for them.
    """

    def __init__(self, most: int, most_each: int, proxies: Sequence[str] = ()) -> None:
        self._networks = [ip_network(proxy) for proxy in proxies]
        self.room = Room(most, most_each)
        self.half_heads = Room(MAX_HALF_HEADS_BYTES, MAX_HALF_HEADS_BYTES_EACH)
        self._idle: dict[Connection, None] = {}
        """Those without a request, longest first."""
        self._is_proxy = lru_cache(10_000)(self._in_networks)

    def caller(self, connection: "Connection", host: str) -> Hashable:
        """Who is charged for a connection: an address, or the connection itself if a proxy opened it."""
        return connection if self._is_proxy(host) else caller_at(host)

    def admit(self, connection: "Connection", caller: Hashable, host: str) -> bool:
        """Counts a new connection; False if there is no room for it."""
        lack = self.room.lacks(caller)
        if lack and not (self._make_room(caller, lack) or self._is_reserved(caller, host)):
            return False
        self.room.add(caller)
        self.begin_idle(connection)
        return True

    def remove(self, connection: "Connection", caller: Hashable) -> None:
        self.room.remove(caller)
        self.end_idle(connection)

    def begin_idle(self, connection: "Connection") -> None:
        self._idle[connection] = None

    def end_idle(self, connection: "Connection") -> None:
        self._idle.pop(connection, None)

    def _make_room(self, caller: Hashable, lack: Lack) -> bool:
        """Whether an idle connection could be closed."""
        for idle in self._idle:
            if lack is Lack.SHARED or idle.caller == caller:
                count_refusal("idle_connection")
                idle.give_way()
                return self.room.lacks(caller) is None
        return False

    def _is_reserved(self, caller: Hashable, host: str) -> bool:
        """Whether there is a place left that is kept for this machine, with its health checks."""
        room = self.room
        has_place = room.of(caller) < room.most_each + RESERVED and room.total < room.most + RESERVED
        return has_place and host in LOOPBACK

    def _in_networks(self, host: str) -> bool:
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


class Connection(UvicornConnection):
    """uvicorn's connection, with a timer whenever no response is under way, and limits on what a client may
    send ahead."""

    def __init__(self, *given: Any, connections: Connections, **more: Any) -> None:
        super().__init__(*given, **more)
        self.parser = RequestParser(self)
        self.caller: Hashable = None
        """Who is charged for this connection."""
        self._connections = connections
        self._is_counted = False
        self._unanswered = 0
        """Requests whose answers are not complete."""
        self._in_head = self._in_body = self._is_continuing = False
        self._half_head = 0
        """Bytes of an incomplete head."""
        self._pieces = 0
        self._framing = 0
        """Bytes since the last complete head that are no part of a body."""
        self._served: Any = None
        """uvicorn's cycle of the request that is being served, or was served last."""
        self._sending_timer: asyncio.TimerHandle | None = None
        """Runs while the client has to send something."""
        self._reading_timer: asyncio.TimerHandle | None = None
        """Runs while the client has to read something."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        host = self.client[0] if self.client else ""
        self.caller = self._connections.caller(self, host)
        self._is_counted = self._connections.admit(self, self.caller, host)
        if self._is_counted:
            self._expect_data()
        else:
            count_refusal("connections")
            self.transport.write(REFUSAL)
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._framing += len(data)
        super().data_received(data)
        if self._in_body and self._framing > MAX_FRAMING_BYTES:
            count_refusal("framing")
            self._cut()
            return
        if self._in_head:
            self._count_half_head(len(data))
        if self._in_head or not self._unanswered:
            self._expect_data()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_no_data()
        self._expect_no_reading()
        self._forget_half_head()
        self._leave()
        self._stop_serving()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        count_refusal("no_http")
        self._stop_serving()
        super().send_400_response(msg)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_no_data()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # nothing reads trailers (RFC 9110, section 6.5.1)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._is_continuing:
            return
        if len(self.headers) > MAX_HEADERS or len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many headers, or too many requests at once")
        if self.parser.get_method() == b"CONNECT":  # it asks for another protocol by itself
            raise ValueError("no proxy")
        self._forget_half_head()
        self._expect_no_data()
        if self._has_read():
            self._expect_no_reading()
        self._connections.end_idle(self)
        self._in_body, self._pieces, self._framing = True, 0, 0
        self._unanswered += 1
        self._prefer_host_of_target()
        set_abort(self.scope, self._cut)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._framing -= len(body)
        self._pieces += 1
        if self._pieces > MAX_PIECES:
            raise ValueError("a body in too many pieces")
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():  # the body is still to come
            return
        self._in_body = False
        if not self._unanswered:  # the answer came before the end of the body; the connection is idle now
            self._expect_no_data()
            self._expect_data(self.timeout_keep_alive)
        super().on_message_complete()

    def continue_in_http(self, rest: bytes) -> None:
        """Serves a request whose head offers another protocol as if it did not (RFC 9110, section 7.8). Its
        parser has stopped after the head; a new one reads the body and what follows, which is `rest`."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        framing = b"".join(b"%s: %s\r\n" % header for header in self.headers if header[0] in FRAMING)
        self.parser = RequestParser(self)
        self._is_continuing = True
        self.parser.feed_data(b"%s / HTTP/%s\r\n%s\r\n" % (method, version, framing))
        self._is_continuing = False
        self.parser.feed_data(rest)

    def on_response_complete(self) -> None:
        self._unanswered -= 1
        super().on_response_complete()
        if not self._has_read():
            self._expect_no_reading()
            self._expect_reading()
        if self._unanswered or self.transport.is_closing():
            return
        self._connections.begin_idle(self)
        if self._in_head or self._in_body:
            self._expect_data()

    def pause_writing(self) -> None:
        super().pause_writing()
        if not is_stream(self.cycle.scope):
            self._expect_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._expect_no_reading()

    def give_way(self) -> None:
        """Closes the connection at once."""
        self._leave()
        self._cut()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._served = cycle
        set_respond(cycle.scope, partial(self._respond, cycle))
        super()._start_asgi_task(cycle, app)

    def _respond(self, cycle: Any, start: bytes, rest: bytes) -> bool:
        """Writes a whole response at once; False if uvicorn has to, which writes the head by itself."""
        if cycle.response_started or cycle.disconnected or not cycle.keep_alive or self.flow.write_paused:
            return False
        own = b"".join(b"%b: %b\r\n" % line for line in cycle.default_headers)
        self.transport.write(b"%b%b%b" % (start, own, rest))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self.on_response_complete()
        return True

    def _cut(self) -> None:
        """Closes the connection at once."""
        self._stop_serving()
        self.transport.abort()

    def _stop_serving(self) -> None:
        """Says to whoever serves a request that nobody reads the response. uvicorn says it of the request
        that came last, and once the connection has closed; until then a write fails."""
        cycle = self._served
        if cycle and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()

    def _leave(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self._connections.remove(self, self.caller)

    def _prefer_host_of_target(self) -> None:
        """A host in the request's target counts in place of the Host header (RFC 9112, section 3.2.2)."""
        found = _WHOLE_ADDRESS.match(self.url)
        if found:
            self.headers[:] = [(name, found[1] if name == b"host" else value) for name, value in self.headers]

    def _count_half_head(self, size: int) -> None:
        heads = self._connections.half_heads
        if heads.lacks(self.caller, size):
            count_refusal("half_heads")
            self._cut()
            return
        heads.add(self.caller, size)
        self._half_head += size
        if self._half_head > MAX_HEAD_BYTES:
            self.send_400_response("The request's headers are too large.")

    def _forget_half_head(self) -> None:
        if self._half_head:
            self._connections.half_heads.remove(self.caller, self._half_head)
            self._half_head = 0

    def _expect_data(self, seconds: float | None = None) -> None:
        """Within so many seconds, or `HEAD_SECONDS`."""
        if self._sending_timer is None and not self.transport.is_closing():
            within = HEAD_SECONDS if seconds is None else seconds
            self._sending_timer = self.loop.call_later(within, self._end, "slow_head")

    def _expect_no_data(self) -> None:
        if self._sending_timer is not None:
            self._sending_timer.cancel()
            self._sending_timer = None

    def _has_read(self) -> bool:
        """Whether everything written is with the system. Nobody reports when the last bytes get there."""
        return not self.transport.get_write_buffer_size()

    def _expect_reading(self) -> None:
        if self._reading_timer is None:
            self._reading_timer = self.loop.call_later(READING_SECONDS, self._end_unread)

    def _expect_no_reading(self) -> None:
        if self._reading_timer is not None:
            self._reading_timer.cancel()
            self._reading_timer = None

    def _end_unread(self) -> None:
        self._reading_timer = None
        if not self._has_read():
            self._end("unread_answer")

    def _end(self, reason: str) -> None:
        count_refusal(reason)
        self._cut()
