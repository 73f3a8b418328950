"""An API over a real socket that does to calls what the real one does not do on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.harness.processes import Process, gateway_process
from tests.harness.recording import INFO

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]
ITEM = json.dumps({"uid": "0", "version": 1}).encode()


def raw(*parts: bytes, pause: float = 0) -> Behaviour:
    """Sends these bytes, so many seconds apart, and closes."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        writer.close()

    return behave


def answer(body: bytes, status: str = "200 OK", **headers: str) -> Behaviour:
    """A whole answer."""
    fields = {"Content-Length": str(len(body)), "Connection": "close", **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return raw(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)


async def silent(_: asyncio.StreamWriter) -> None:
    """Says nothing and keeps the connection."""


async def close(writer: asyncio.StreamWriter) -> None:
    """Closes without a word."""
    writer.close()


def after(seconds: float, behave: Behaviour) -> Behaviour:
    async def later(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await behave(writer)

    return later


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        await writer.drain()


def received(head: str) -> httpx.Headers:
    """The headers of a request as they came over the socket."""
    lines = (line.partition(": ") for line in head.strip().splitlines()[1:])
    return httpx.Headers([(name, value) for name, _, value in lines])


@dataclass
class MisbehavingApi:
    """Describes itself and is ready; to any other request it does the next of `behaviours`, the last one
    ever again. Requests for a path in `well` are answered at once, whatever comes."""

    behaviours: list[Behaviour]
    info: object = field(default_factory=lambda: INFO)
    well: str = "/v1/chats"
    requests: list[str] = field(default_factory=list)
    """The heads of the requests that it did something to."""
    held: int = 0
    """The connections of these requests that are still open."""
    opened: int = 0
    closed: int = 0
    url: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.closed += 1
            self.changed.set()
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ", 2)[1]
            if path.startswith(("/v1/sync/info", "/readyz", self.well)):
                body = json.dumps(self.info).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                continue
            self.requests.append(head)
            self.changed.set()
            behave = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
            self.held += 1
            try:
                await _until_closed(reader, behave(writer))
            finally:
                self.held -= 1
            return

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns when something has changed so that the condition holds."""
        while not condition():
            self.changed.clear()
            await self.changed.wait()


async def _until_closed(reader: asyncio.StreamReader, behaving: Awaitable[None]) -> None:
    """Behaves until that ends or the gateway closes the connection; then waits for the latter."""
    task = asyncio.ensure_future(behaving)
    try:
        while await reader.read(65536):
            pass
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def misbehaving(*behaviours: Behaviour, info: object = INFO) -> AsyncIterator[MisbehavingApi]:
    api = MisbehavingApi(list(behaviours), info)
    listener = await asyncio.start_server(api.serve, "127.0.0.1", 0)
    api.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener:
        yield api


@asynccontextmanager
async def gateway_before(api: MisbehavingApi, folder: Path, **settings: str) -> AsyncIterator[Process]:
    """A gateway process. Starting and stopping wait for it, so they keep out of the loop that `api` is in."""
    gateway = gateway_process(api.url, folder, TOOLBRIDGE_API_WAIT_SECONDS="0", **settings)
    gateway.ready_path = "/healthz"
    await asyncio.to_thread(gateway.start)
    try:
        yield gateway
    finally:
        await asyncio.to_thread(gateway.stop)
