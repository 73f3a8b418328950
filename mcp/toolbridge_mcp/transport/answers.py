"""Reading an answer whole, within a limit."""

from toolbridge_mcp.errors import AnswerTooLong, BadAnswer
from toolbridge_mcp.transport.messages import Fields, Response
from toolbridge_mcp.unread import Answer

MAX_ANSWER_BYTES = 5 * 1024 * 1024
"""The API ends a page before 4 MiB, and the gateway takes no larger item."""

EDGE_BYTES = 16 * 1024

LARGE_BYTES = 32 * 1024

LONGEST_LENGTH = 20
"""Digits of a declared length. Python refuses to read numbers of some thousand digits."""

UNDECLARED_BYTES = 64 * 1024
"""What an answer that does not declare its length is taken for until it has been read."""

TEXT_COPIES = 3
"""How often the text of an answer is in memory until its client has taken the answer: as it is, in the
structure, and in the message."""

OBJECT_BYTES, VALUE_BYTES = 240, 64
"""What a JSON object and any other value occupy at least. Few bytes of JSON can make many of them."""


class Reading:
    """Takes one answer as it comes, and keeps what there is room for.

    A success that there is no room for is not read: its `lacks` says how many bytes it needs. Beyond
    `MAX_ANSWER_BYTES` an answer is `AnswerTooLong`, or with `edges` its first and last `EDGE_BYTES` are kept.
    """

    __slots__ = ("_content", "_edges", "_fields", "_lacks", "_room", "_size", "_start", "_status")

    def __init__(self, *, edges: bool = False, room: Answer | None = None) -> None:
        """`room` is the answer to the client that this one becomes a part of, where anybody counts those."""
        self._edges = edges
        self._room = room
        self._status = 0
        self._fields: Fields = ()
        self._content = bytearray()  # an answer may come in millions of chunks
        self._start = b""
        self._size = 0
        self._lacks = 0

    @property
    def status(self) -> int:
        """0 before the head of the answer has come."""
        return self._status

    def begin(self, status: int, fields: Fields) -> bool:
        """Takes the head, and returns whether the content is wanted. Raises `BadAnswer` if it is encoded: the
        gateway asks for `identity`, because a few bytes of another encoding can decode to gigabytes."""
        self._status, self._fields = status, fields
        found = dict(fields)
        length = found.get(b"content-length", b"")
        known = length.isdigit() and len(length) <= LONGEST_LENGTH
        declared = min(int(length), MAX_ANSWER_BYTES) if known else UNDECLARED_BYTES
        self._lacks = self._missing(declared * TEXT_COPIES)
        if self._lacks:
            return False
        if b"content-encoding" in found or found.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise BadAnswer
        return True

    def feed(self, chunk: bytes) -> None:
        """Takes a part of the content. Raises `AnswerTooLong`."""
        self._content += chunk
        self._size += len(chunk)
        if self._size > MAX_ANSWER_BYTES:
            if not self._edges:
                raise AnswerTooLong(facts={"limit": MAX_ANSWER_BYTES})
            self._start = self._start or bytes(self._content[:EDGE_BYTES])
            del self._content[:-EDGE_BYTES]

    def response(self) -> Response:
        """The answer, once all of it has come."""
        if self._lacks:
            return Response(self._status, self._fields, b"", lacks=self._lacks)
        content = self._start + bytes(self._content)
        if len(content) > LARGE_BYTES and (lacks := self._missing(_weight(content))):
            return Response(self._status, self._fields, b"", lacks=lacks)
        whole = self._size if self._size != len(content) else 0
        return Response(self._status, self._fields, content, whole_size=whole)

    def _missing(self, size: int) -> int:
        """`size` if there is no room for so many bytes, else 0."""
        if self._room is None or not 200 <= self._status < 300 or self._room.takes(size):
            return 0
        return size


def _weight(content: bytes) -> int:
    """About how much memory the answer will occupy. The widest character decides the size of all."""
    width = 1 if content.isascii() else 4 if b"\xf0" in content else 2
    values = content.count(b",") + content.count(b"[")
    return len(content) * width * TEXT_COPIES + values * VALUE_BYTES + content.count(b"{") * OBJECT_BYTES
