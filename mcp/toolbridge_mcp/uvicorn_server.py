"""The HTTP server around the application: its socket, its limits, its memory, its stop."""

import asyncio
import logging
import resource
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import uvicorn

from toolbridge_mcp import memory, metrics
from toolbridge_mcp.connections import Connection, Connections
from toolbridge_mcp.library_seams import UvicornServer
from toolbridge_mcp.listening import listeners
from toolbridge_mcp.web import Gateway, NamedInHeader

logger = logging.getLogger(__name__)

Beside = Callable[[], Coroutine[Any, Any, None]]

VANISHED_SECONDS = 60
"""How long a client may acknowledge nothing. Without this limit a client that vanished would hold its session
for a quarter of an hour."""

UNSENT_BYTES = 64 * 1024
"""As much as the system keeps of what a client has no room for. It would keep megabytes for each connection,
and the gateway would not know that nobody reads."""

GRACE_SECONDS = 2
"""How long, at a stop, clients may take to read the answers of calls and streams that have ended."""

KEEP_ALIVE_SECONDS = 75
"""Longer than clients and proxies keep a connection: a request fails if its connection closes under it."""

TICK_SECONDS = 0.1

DESCRIPTORS = 65_536
"""As many files and sockets as the process asks the system for."""

OTHER_DESCRIPTORS = 100
"""Files and sockets of the process that are no connections."""


def listen(host: str, port: int) -> list[socket.socket]:
    """The listening sockets. Raises OSError."""
    options = {"TCP_USER_TIMEOUT": VANISHED_SECONDS * 1000, "TCP_NOTSENT_LOWAT": UNSENT_BYTES}
    known = {getattr(socket, name): value for name, value in options.items() if hasattr(socket, name)}
    opened = listeners(host, port)
    for listener in opened:
        for option, value in known.items():
            listener.setsockopt(socket.IPPROTO_TCP, option, value)
    return opened


def most_connections(wanted: int, most_calls: int) -> int:
    """`wanted`, or as many connections as the system lets this process have beside `most_calls` to the API.

    A process that has used up its descriptors can accept nobody, not even a health check.
    """
    spare = _descriptors() - OTHER_DESCRIPTORS
    most = min(wanted, max(spare - most_calls, spare // 2))
    if most < wanted:
        facts = {"connections": most, "wanted": wanted}
        logger.warning("the limit on open files allows fewer connections", extra=facts)
    return most


def prepared(
    app: Gateway,
    proxies: Sequence[str],
    drain_seconds: float,
    connections: Connections,
    client_header: str | None = None,
) -> "DrainingServer":
    """The server, with all that it needs imported and nothing opened. After SIGTERM or SIGINT calls may run
    for `drain_seconds` more. The forwarded headers of `proxies` are trusted; `client_header` is the one in
    which they name the client, if that is not `X-Forwarded-For`."""
    metrics.watch_held("connections", lambda: connections.room.total, connections.room.most)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=partial(Connection, connections=connections),  # type: ignore[arg-type]
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    config.load()
    if client_header:
        config.loaded_app = NamedInHeader(config.loaded_app, client_header)
    config.get_loop_factory()
    return DrainingServer(config, app, drain_seconds)


class DrainingServer(UvicornServer):
    """uvicorn's server, which ends calls and streams before it closes the connections."""

    def __init__(self, config: uvicorn.Config, app: Gateway, drain_seconds: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_seconds = drain_seconds
        self._beside: list[Beside] = [memory.keep_releasing]

    def serve_at(self, opened: list[socket.socket], beside: "Beside") -> None:
        """Serves at the sockets of `listen` until a signal requests a stop. `beside` runs in the same event
        loop from the start to the end of the drain."""
        self._beside.append(beside)
        self.run(opened)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        running = [asyncio.create_task(one()) for one in self._beside]
        try:
            await super().serve(sockets)
        finally:
            for task in running:
                task.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        draining = asyncio.create_task(self._app.drain(self._drain_seconds))
        while not draining.done() and not self.force_exit:
            await asyncio.wait({draining}, timeout=TICK_SECONDS)
        if not draining.done():  # after a second signal: at once, but each call still gets an answer
            draining.cancel()
            await self._app.drain(0)
        await super().shutdown(sockets)


def _descriptors() -> int:
    """How many descriptors the process may have, after asking for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return most
    return DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
