"""Reading an answer whole, within a limit."""

import httpx

from toolbridge_mcp.errors import AnswerTooLong, BadAnswer

MAX_ANSWER_BYTES = 5 * 1024 * 1024
"""The API ends a page before 4 MiB, and the gateway takes no larger item."""


async def read_whole(response: httpx.Response) -> httpx.Response:
    """Returns the response with its content. Its connection is released, also when reading fails.

    Raises `AnswerTooLong` beyond `MAX_ANSWER_BYTES`, and `BadAnswer` for encoded content.
    """
    try:
        content = await _content(_plain(response))
    finally:
        await response.aclose()
    return httpx.Response(
        response.status_code, headers=response.headers, content=content, extensions=response.extensions
    )


def _plain(response: httpx.Response) -> httpx.AsyncByteStream:
    """The stream of an answer that is not encoded. The gateway asks for `identity`, because a few bytes of
    another encoding can decode to gigabytes."""
    if isinstance(response.stream, httpx.AsyncByteStream) and "Content-Encoding" not in response.headers:
        return response.stream
    raise BadAnswer


async def _content(stream: httpx.AsyncByteStream) -> bytes:
    chunks, left = [], MAX_ANSWER_BYTES
    async for chunk in stream:
        left -= len(chunk)
        if left < 0:
            raise AnswerTooLong(facts={"limit": MAX_ANSWER_BYTES})
        chunks.append(chunk)
    return b"".join(chunks)
