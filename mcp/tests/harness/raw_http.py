"""Requests that no HTTP library sends: the bytes of a head, over a socket."""

import asyncio
from dataclasses import dataclass

import httpx

from tests.harness.clients import CALL_SECONDS


@dataclass(frozen=True)
class RawAnswer:
    status: int
    headers: httpx.Headers
    body: bytes


async def raw_request(port: int, *lines: str, at: str = "127.0.0.1") -> RawAnswer:
    """Sends the lines as the head of one request, and reads the answer until the server closes."""
    async with asyncio.timeout(CALL_SECONDS):
        reader, writer = await asyncio.open_connection(at, port)
        writer.write("".join(f"{line}\r\n" for line in (*lines, "Connection: close", "")).encode("latin-1"))
        whole = await reader.read()
        writer.close()
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    pairs = [field.split(": ", 1) for field in fields]
    return RawAnswer(int(first.split()[1]), httpx.Headers([(name, value) for name, value in pairs]), body)
