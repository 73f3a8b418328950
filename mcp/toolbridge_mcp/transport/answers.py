"""Reading an answer whole, within a limit."""

import httpx

from toolbridge_mcp.errors import AnswerTooLong, BadAnswer

MAX_ANSWER_BYTES = 5 * 1024 * 1024
"""The API ends a page before 4 MiB, and the gateway takes no larger item."""

EDGES = "edges"
"""The request extension that asks for the start and the end of an answer that is too long. The response then
has an extension of this name too: the size of the whole answer."""

EDGE_BYTES = 16 * 1024


async def read_whole(response: httpx.Response, *, edges: bool = False) -> httpx.Response:
    """Returns the response with its content. Its connection is released, also when reading fails.

    Raises `BadAnswer` for encoded content. Beyond `MAX_ANSWER_BYTES` it raises `AnswerTooLong`, or with
    `edges` returns the first and the last `EDGE_BYTES`.
    """
    try:
        content, size = await _content(_plain(response), edges)
    finally:
        await response.aclose()
    cut = {} if size == len(content) else {EDGES: size}
    return httpx.Response(
        response.status_code,
        headers=response.headers,
        content=content,
        extensions={**response.extensions, **cut},
    )


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
