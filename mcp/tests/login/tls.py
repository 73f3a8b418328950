"""What stands before a gateway on the internet: somebody who speaks TLS, and passes the bytes on."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def behind_tls(port: int, target: int, context: ssl.SSLContext) -> Iterator[None]:
    """TLS at `port` of this machine, in front of the program at the port `target`."""
    loop = asyncio.new_event_loop()
    is_open = threading.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside, outside = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(_pass_on(reader, outside), _pass_on(inside, writer))

    async def listen() -> None:
        async with await asyncio.start_server(serve, "localhost", port, ssl=context) as server:
            is_open.set()
            await server.serve_forever()

    def run() -> None:
        asyncio.set_event_loop(loop)
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(listening)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    listening = loop.create_task(listen())
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert is_open.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(listening.cancel)
        thread.join(10)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.CancelledError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()
