"""One connection to the API: HTTP/1.1, one request at a time."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

from toolbridge_mcp.errors import BadAnswer, TimedOut
from toolbridge_mcp.transport.answers import Reading
from toolbridge_mcp.transport.failures import AnswerLost
from toolbridge_mcp.transport.messages import Fields, Request

MAX_FIELDS = 256
MAX_OVERHEAD = 64 * 1024
"""How many bytes may come in a row that are no content: fields, trailers, extensions of a chunk. What the
last read brings is not counted."""

PIECE_BYTES = 64 * 1024
"""A body above this size is sent in pieces, each when the one before has left."""

_LENGTHS = frozenset({b"content-length", b"transfer-encoding"})


class Connection(asyncio.Protocol):
    """A connection that is open. It never sends a request a second time.

    After `exchange`, `is_reusable` says whether it can carry another request. `when_lost` is called with it
    when it is closed, whoever closed it.
    """

    _transport: asyncio.Transport
    _parser: HttpResponseParser
    _reading: Reading

    def __init__(self, when_lost: Callable[["Connection"], None]) -> None:
        self._when_lost = when_lost
        self._done: asyncio.Future[None] | None = None
        """Done when the answer of the exchange at hand is complete, or when there will be none."""
        self._drained: asyncio.Future[None] | None = None
        """Done when there is room for more to send; None while there is."""
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.idle_since = 0.0
        self._reset()

    def _reset(self) -> None:
        self._is_head_request = False
        self._fields: list[tuple[bytes, bytes]] = []
        self._begun = False
        self._ends_with_connection = False
        self._keeps_alive = False
        self._sent = False
        self._overhead = 0
        """Bytes that came since the last byte of content."""

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    @property
    def is_reusable(self) -> bool:
        return (
            self._keeps_alive
            and self._sent
            and not self._transport.is_closing()
            and not self._transport.get_write_buffer_size()
        )

    async def exchange(self, request: Request, head: bytes, reading: Reading) -> None:
        """Sends the request, whose line and fields are `head`, and reads its answer into `reading`.

        Raises `AnswerLost` when no whole answer comes in time, `BadAnswer` when it is not HTTP, and what
        `reading` raises. Raises `TimedOut` if the deadline has passed before anything was sent. When it
        fails or is cancelled, it closes the connection.
        """
        loop = asyncio.get_running_loop()
        left = None if request.until is None else request.until - time.monotonic()
        if left is not None and left <= 0:
            raise TimedOut
        self._reset()
        self._is_head_request = request.method == "HEAD"
        self._reading = reading
        done = self._done = loop.create_future()
        timer = None if left is None else loop.call_later(left, self._expire)
        try:
            if len(request.content) <= PIECE_BYTES:
                self._transport.write(head + request.content)
                self._sent = True
            else:
                await self._send_pieces(head, request.content, done)
            await done
        except BaseException:
            self._transport.abort()
            if done.done() and not done.cancelled():
                done.exception()  # asyncio logs an exception that nobody has read
            raise
        finally:
            self._done = None
            del self._reading, done  # a failed future, its exception and this frame would hold each other
            if timer is not None:
                timer.cancel()

    def close(self) -> None:
        """Closes it at once, whatever is under way."""
        self._transport.abort()

    async def _send_pieces(self, head: bytes, content: bytes, done: "asyncio.Future[None]") -> None:
        """Sends a large body only as fast as the API takes it, and stops when the answer comes first."""
        self._transport.write(head)
        view = memoryview(content)
        for start in range(0, len(content), PIECE_BYTES):
            if self._drained is not None:
                await self._drained
            if done.done():
                return
            self._transport.write(view[start : start + PIECE_BYTES])
        self._sent = True

    def _expire(self) -> None:
        self._fail(AnswerLost(late=True, begun=self._begun))

    def _finish(self) -> None:
        """The answer is complete."""
        if self._done is not None and not self._done.done():
            self._done.set_result(None)
        self._may_send()
        if not self._keeps_alive:
            self._transport.abort()

    def _fail(self, error: BaseException) -> None:
        """There will be no answer. Nothing that comes later can be attributed to a request."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(error)
        self._keeps_alive = False
        self._may_send()
        self._transport.abort()

    def _may_send(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = HttpResponseParser(self)

    def pause_writing(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        self._may_send()

    def data_received(self, data: bytes) -> None:
        if self._done is None or self._done.done():
            self._transport.abort()  # nobody asked for this
            return
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserCallbackError as error:
            self._fail(error.__context__ or BadAnswer())
        except (HttpParserError, HttpParserUpgrade):
            self._fail(BadAnswer())
        if self._overhead > MAX_OVERHEAD and not self._done.done():
            self._fail(BadAnswer())

    def eof_received(self) -> None:
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._end()
        else:
            self._fail(AnswerLost(late=False, begun=self._begun))
        del self._parser  # it refers back to this object
        self.lost.set_result(None)
        self._when_lost(self)

    def _end(self) -> None:
        """The API sends nothing more."""
        if self._begun and self._ends_with_connection:
            self._finish()
        else:
            self._fail(AnswerLost(late=False, begun=self._begun))

    # What the parser calls

    def on_message_begin(self) -> None:
        if self._done is None or self._done.done():
            raise BadAnswer  # more than one answer

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._begun:  # those behind the content are trailers
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._fields.clear()  # the answer itself follows
            return
        if len(self._fields) > MAX_FIELDS:
            raise BadAnswer
        self._begun = True
        self._keeps_alive = self._parser.should_keep_alive()
        self._ends_with_connection = not self._keeps_alive and not _declares_its_end(self._fields)
        if not self._reading.begin(status, self._fields) or self._is_head_request:
            self._keeps_alive = False
            self._finish()

    def on_body(self, chunk: bytes) -> None:
        self._overhead = 0
        if self._done is not None and not self._done.done():
            self._reading.feed(chunk)

    def on_message_complete(self) -> None:
        if self._begun:
            self._finish()


def _declares_its_end(fields: Fields) -> bool:
    """Whether the content ends before the connection does."""
    return any(name in _LENGTHS for name, _ in fields)
