"""An API over a real socket that plays a script, and requests to it through a pool."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from toolbridge_mcp.transport import Pool, Request, Response
from toolbridge_mcp.transport.answers import Reading
from toolbridge_mcp.transport.dialing import Address

NOTHING: Mapping[str, str] = {}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Peer:
    """What the API saw: its connections, and the requests on each of them, whole."""

    url: str = ""
    opened: int = 0
    closed: int = 0
    requests: list[bytes] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns when the condition holds. Fails after 5 s."""
        with anyio.fail_after(5):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def until_all_closed(self) -> None:
        await self.until(lambda: self.opened == self.closed)


Script = Callable[["Conversation"], Awaitable[None]]


class Conversation:
    """One connection, as the API sees it."""

    def __init__(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._peer = peer
        self.reader = reader
        self.writer = writer

    async def request(self, *, with_content: bool = True) -> bytes:
        """The next request. Raises `IncompleteReadError` when there is none."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        content = b""
        if length and with_content:
            content = await self.reader.readexactly(int(length[0].split(b":")[1]))
        self._peer.requests.append(head + content)
        self._peer.changed.set()
        return head + content

    async def say(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def until_closed(self) -> None:
        """Returns when the other side has closed."""
        while await self.reader.read(65536):
            pass


@asynccontextmanager
async def playing(
    script: Script, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Peer]:
    """Plays the script on every connection, and closes it at the end of the script."""
    peer = Peer()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.opened += 1
        peer.changed.set()
        try:
            await script(Conversation(peer, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            peer.closed += 1
            peer.changed.set()
            writer.close()

    server = await asyncio.start_server(converse, host, 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    name = f"[{host}]" if ":" in host else host
    peer.url = f"{'https' if tls else 'http'}://{name}:{port}"
    async with server:
        yield peer


def answering(*parts: bytes, close: bool = False, slowly: bool = False) -> Script:
    """Gives this answer to every request. With `close` it closes the connection behind the first."""

    async def script(conversation: Conversation) -> None:
        while True:
            await conversation.request()
            for part in parts:
                await conversation.say(*([part[i : i + 1] for i in range(len(part))] if slowly else [part]))
            if close:
                return

    return script


@asynccontextmanager
async def pool_to(url: str, limit: int = 10) -> AsyncIterator[Pool]:
    pool = Pool(Address.of(url), limit)
    try:
        yield pool
    finally:
        await pool.aclose()


async def ask(
    pool: Pool,
    method: str = "GET",
    target: str = "/v1/notes",
    content: bytes = b"",
    headers: Mapping[str, str] = NOTHING,
    *,
    seconds: float = 5,
    connect_seconds: float | None = None,
    edges: bool = False,
) -> Response:
    """The answer to one request, which may take so many seconds."""
    fields = {"Host": "api", **headers}
    if content:
        fields["Content-Length"] = str(len(content))
    request = Request(
        method,
        target,
        fields,
        content,
        until=time.monotonic() + seconds,
        connect_seconds=connect_seconds,
        edges=edges,
    )
    reading = Reading(edges=edges)
    await pool.exchange(request, reading)
    return reading.response()
