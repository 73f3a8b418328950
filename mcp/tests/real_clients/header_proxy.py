"""A proxy that adds a header, for test programs that cannot send any. Every other byte passes as it is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

END_OF_HEAD = b"\r\n\r\n"
PIECE = 65_536


@asynccontextmanager
async def header_proxy(host: str, port: int, header: str) -> AsyncIterator[str]:
    """Serves on a free port of this machine, one request a connection; yields the address."""
    added = f"{header}\r\nConnection: close".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target, to_target = await asyncio.open_connection(host, port)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            to_target.write(_with(await reader.readuntil(END_OF_HEAD), added))
            await _until_one_ends(_copy(reader, to_target), _copy(target, writer))
        to_target.close()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _with(head: bytes, added: bytes) -> bytes:
    lines = head.removesuffix(END_OF_HEAD).split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*kept, added]) + END_OF_HEAD


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()


async def _until_one_ends(*directions: Coroutine[None, None, None]) -> None:
    tasks = [asyncio.ensure_future(one) for one in directions]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
