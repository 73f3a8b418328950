"""Reading an answer whole, within a limit."""

import httpx

from toolbridge_mcp.errors import AnswerTooLong, BadAnswer
from toolbridge_mcp.unread import current_answer

MAX_ANSWER_BYTES = 5 * 1024 * 1024
"""The API ends a page before 4 MiB, and the gateway takes no larger item."""

EDGES = "edges"
"""The request extension that asks for the start and the end of an answer that is too long. The response then
has an extension of this name too: the size of the whole answer."""

EDGE_BYTES = 16 * 1024

LACKS = "lacks"
"""The extension of a response without content: how many bytes of room there have to be for it."""

LARGE_BYTES = 32 * 1024

UNDECLARED_BYTES = 64 * 1024
"""What an answer that does not declare its length is taken for until it has been read."""

TEXT_COPIES = 3
"""How often the text of an answer is in memory until its client has taken the answer: as it is, in the
structure, and in the message."""

OBJECT_BYTES, VALUE_BYTES = 240, 64
"""What a JSON object and any other value occupy at least. Few bytes of JSON can make many of them."""


async def read_whole(response: httpx.Response, *, edges: bool = False) -> httpx.Response:
    """Returns the response with its content. Its connection is released, also when reading fails.

    A success that there is no room for has no content, but the extension `LACKS`. Raises `BadAnswer` for
    encoded content. Beyond `MAX_ANSWER_BYTES` it raises `AnswerTooLong`, or with `edges` returns the first
    and the last `EDGE_BYTES`.
    """
    content = b""
    try:
        size = lacks = _lacks(response, _declared(response) * TEXT_COPIES)
        if not lacks:
            content, size = await _content(_plain(response), edges)
            if len(content) > LARGE_BYTES and (lacks := _lacks(response, _weight(content))):
                content, size = b"", 0
    finally:
        await response.aclose()
    notes = {LACKS: lacks} if lacks else {} if size == len(content) else {EDGES: size}
    return httpx.Response(
        response.status_code,
        headers=response.headers,
        content=content,
        extensions={**response.extensions, **notes},
    )


def _declared(response: httpx.Response) -> int:
    """How many bytes an answer will have, as far as it is known."""
    length = response.headers.get("Content-Length", "")
    return min(int(length), MAX_ANSWER_BYTES) if length.isdecimal() else UNDECLARED_BYTES


def _lacks(response: httpx.Response, size: int) -> int:
    """`size` if there is no room for so many bytes, else 0."""
    answer = current_answer()
    return size if answer and response.is_success and not answer.takes(size) else 0


def _weight(content: bytes) -> int:
    """About how much memory the answer will occupy. The widest character decides the size of all."""
    width = 1 if content.isascii() else 4 if b"\xf0" in content else 2
    values = content.count(b",") + content.count(b"[")
    return len(content) * width * TEXT_COPIES + values * VALUE_BYTES + content.count(b"{") * OBJECT_BYTES


def _plain(response: httpx.Response) -> httpx.AsyncByteStream:
    """The stream of an answer that is not encoded. The gateway asks for `identity`, because a few bytes of
    another encoding can decode to gigabytes."""
    if isinstance(response.stream, httpx.AsyncByteStream) and "Content-Encoding" not in response.headers:
        return response.stream
    raise BadAnswer


async def _content(stream: httpx.AsyncByteStream, edges: bool) -> tuple[bytes, int]:
    """The content, or its start and its end, and the size of all of it."""
    start, chunks, size = b"", list[bytes](), 0
    async for chunk in stream:
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            if not edges:
                raise AnswerTooLong(facts={"limit": MAX_ANSWER_BYTES})
            content = b"".join(chunks)
            start, chunks = start or content[:EDGE_BYTES], [content[-EDGE_BYTES:]]
    return start + b"".join(chunks), size
