"""The HTTP server around the application: its socket, its limits, its memory, its stop."""

import asyncio
import gc
import re
import socket
from collections.abc import Sequence

import uvicorn

from toolbridge_mcp.library_seams import UvicornConnection, UvicornServer
from toolbridge_mcp.web import Gateway

BACKLOG = 2048
VANISHED_SECONDS = 60
"""How long a client may acknowledge nothing. Without this limit a client that vanished would hold its session
for a quarter of an hour."""

GRACE_SECONDS = 2
"""How long, at a stop, clients may take to read the answers of calls and streams that have ended."""

KEEP_ALIVE_SECONDS = 75
"""Longer than clients and proxies keep a connection: a request fails if its connection closes under it."""

TICK_SECONDS = 0.1

HEAD_SECONDS = 15
"""How long a connection may take to complete the headers of a request, which comes before authentication."""

MAX_HEAD_BYTES = 64 * 1024
"""How large these headers may be."""

_WHOLE_ADDRESS = re.compile(rb"[a-zA-Z][a-zA-Z0-9+.-]*://([^/?#]*)")
"""The start of a request target that names the host, too (RFC 9112, section 3.2.2)."""


def listen(host: str, port: int) -> socket.socket:
    """The listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux only
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_SECONDS * 1000)
    return listener


def serve(app: Gateway, listener: socket.socket, proxies: Sequence[str], drain_seconds: float) -> None:
    """Serves until SIGTERM or SIGINT; calls may then run for `drain_seconds` more. The forwarded headers of
    `proxies` are trusted."""
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
    _freeze_memory()
    _DrainingServer(config, app, drain_seconds).run(sockets=[listener])


class _Connection(UvicornConnection):
    """uvicorn's connection, with limits on the head of a request."""

    _head_bytes: int | None = None
    """Bytes received of an incomplete head; None between heads."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_bytes is None:
            return
        self._head_bytes += len(data)
        self._start_timer()
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The request's headers are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        self._cancel_timer()
        self._prefer_host_of_target()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timer()
        super().connection_lost(exc)

    def _prefer_host_of_target(self) -> None:
        """A host in the request's target counts in place of the Host header (RFC 9112, section 3.2.2)."""
        found = _WHOLE_ADDRESS.match(self.url)
        if found:
            self.headers[:] = [(name, found[1] if name == b"host" else value) for name, value in self.headers]

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _DrainingServer(UvicornServer):
    """uvicorn's server, which ends calls and streams before it closes the connections."""

    def __init__(self, config: uvicorn.Config, app: Gateway, drain_seconds: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_seconds = drain_seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        draining = asyncio.create_task(self._app.drain(self._drain_seconds))
        while not draining.done() and not self.force_exit:
            await asyncio.wait({draining}, timeout=TICK_SECONDS)
        if not draining.done():  # after a second signal: at once, but each call still gets an answer
            draining.cancel()
            await self._app.drain(0)
        await super().shutdown(sockets)


def _freeze_memory() -> None:
    """Keeps the garbage collector away from objects that live as long as the process: full collections over
    the schemas made the slowest calls four times slower."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
