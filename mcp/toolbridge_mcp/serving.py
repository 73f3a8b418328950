"""The HTTP server around the application: its socket, its memory, its end."""

import asyncio
import gc
import socket
from collections.abc import Sequence

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from toolbridge_mcp.web import Gateway

BACKLOG = 2048
VANISHED_SECONDS = 60
GRACE_SECONDS = 2
"""For what is left when calls and streams have ended: clients that take their answer slowly."""

KEEP_ALIVE_SECONDS = 75
"""Longer than clients and proxies keep a connection: one that closes under a request fails it."""

TICK_SECONDS = 0.1
MAX_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 15
"""Strangers may hold a connection so long, and so much memory, before they are asked for a token."""


def listen(host: str, port: int) -> socket.socket:
    """The listening socket. Its connections end when a client acknowledges nothing for a while: a vanished
    one would hold its session for a quarter of an hour. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux only
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_SECONDS * 1000)
    return listener


def serve(app: Gateway, listener: socket.socket, proxies: Sequence[str], drain_seconds: float) -> None:
    """Serves until SIGTERM or SIGINT, and then lets calls finish for `drain_seconds`. `proxies` are those
    whose forwarded headers are believed."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=_Connection,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    _settle_memory()
    _Server(config, app, drain_seconds).run(sockets=[listener])


class _Connection(HttpToolsProtocol):
    """uvicorn's, which would wait for the rest of a request's head for ever, and keep whatever comes."""

    _head_bytes: int | None = None
    """Received of a head that is not complete; None between heads."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_a_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_bytes is None:
            return
        self._head_bytes += len(data)
        self._expect_a_head()
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The request's headers are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        self._expect_nothing()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect_a_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _expect_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Server(uvicorn.Server):
    """uvicorn closes its connections at once when it stops; here calls and streams end before that."""

    def __init__(self, config: uvicorn.Config, app: Gateway, drain_seconds: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_seconds = drain_seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        draining = asyncio.create_task(self._app.drain(self._drain_seconds))
        while not draining.done() and not self.force_exit:
            await asyncio.wait({draining}, timeout=TICK_SECONDS)
        if not draining.done():  # told a second time: at once, but not without a word
            draining.cancel()
            await self._app.drain(0)
        await super().shutdown(sockets)


def _settle_memory() -> None:
    """Keeps the garbage collector away from what lives as long as the process: full collections over the
    schemas made the slowest calls four times slower."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
