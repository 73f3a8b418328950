"""A second gateway in front of an API without in-band sessions, both started here and stopped here."""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

from e2e.callers import token
from e2e.report import Failed
from e2e.stack import AccessLog, Stack, until_ready
from e2e.surface import all_tools_succeed

FIRST_PORT, PORTS = 20_000, 12_000
"""Below the ports that systems give to outgoing connections, which come and go meanwhile."""


def free_port() -> int:
    for _ in range(100):
        port = FIRST_PORT + secrets.randbelow(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise Failed("no free port was found")


@contextmanager
def program(command: list[str], folder: Path, log: Path, **settings: str) -> Iterator[None]:
    """Runs it until the block is left."""
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  our own two programs
            command, cwd=folder, env={**os.environ, **settings}, stdout=output, stderr=output
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@asynccontextmanager
async def second_stack(stack: Stack) -> AsyncIterator[Stack]:
    data = stack.data / "second"
    data.mkdir(exist_ok=True)
    api_port, gateway_port = free_port(), free_port()
    second = replace(
        stack,
        data=data,
        log=data / "api.log",
        api=f"http://127.0.0.1:{api_port}",
        gateway=f"http://127.0.0.1:{gateway_port}",
    )
    api_settings = {
        "HTTP_ADDR": f"127.0.0.1:{api_port}",
        "DATABASE_URL": f"sqlite://{data}/toolbridge.db",
        "IN_BAND_SESSIONS": "false",
    }
    gateway_settings = {
        "TOOLBRIDGE_HOST": "127.0.0.1",
        "TOOLBRIDGE_PORT": str(gateway_port),
        "TOOLBRIDGE_GO_API_BASE_URL": second.api,
    }
    gateway = [sys.executable, "-m", "toolbridge_mcp"]
    with (
        program([str(stack.api_binary)], data, second.log, **api_settings),
        program(gateway, stack.repository / "mcp", data / "gateway.log", **gateway_settings),
    ):
        await until_ready(second.gateway)
        yield second


async def all_tools_succeed_without_in_band_sessions(stack: Stack) -> str:
    async with second_stack(stack) as second:
        log = await AccessLog.begin(second)
        figures = await all_tools_succeed(second.gateway, token(second, "two-hops"))
        routes = [request["route"] for request in await log.requests()]
        sessions = routes.count("/v1/sync/sessions")
        calls = len(routes) - sessions
        if sessions != calls:
            raise Failed(f"{sessions} sessions were opened for {calls} calls")
    return f"{figures}, a session of its own for each of {calls} requests"
