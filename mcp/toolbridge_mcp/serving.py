"""The HTTP server around the application: its socket, its memory, its end."""

import asyncio
import gc
import socket
from collections.abc import Sequence

import uvicorn

from toolbridge_mcp.web import Gateway

BACKLOG = 2048
VANISHED_SECONDS = 60
GRACE_SECONDS = 2
"""For what is left when calls and streams have ended: clients that take their answer slowly."""

TICK_SECONDS = 0.1


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
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    _settle_memory()
    _Server(config, app, drain_seconds).run(sockets=[listener])


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
        draining.cancel()
        await super().shutdown(sockets)


def _settle_memory() -> None:
    """Keeps the garbage collector away from what lives as long as the process: full collections over the
    schemas made the slowest calls four times slower."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
