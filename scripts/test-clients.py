"""Connects every real client to a running stack, and the official conformance suite.

scripts/test-clients.sh starts the stack and installs the clients. Prints a line for each check. The totals go
to the file that TOOLBRIDGE_E2E_TOTALS names.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from clients import python
from clients.claude_code import claude_code
from clients.conformance import conformance
from clients.documented import documented_python, documented_typescript
from clients.inspector import inspector
from clients.mcp_remote import mcp_remote
from clients.programs import Programs
from clients.proof import Way, refused
from clients.typescript import typescript
from e2e.callers import token
from e2e.report import Report
from e2e.stack import Stack

Client = Callable[[Way], Awaitable[str]]

HANDSHAKE = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
STATELESS = "2026-07-28"
ITS_OWN = [("sse", ""), ("http", "")]
MODES = [("sse", ""), ("http", python.LEGACY), ("http", STATELESS), ("http", "")]
EVERY_REVISION = [("sse", one) for one in HANDSHAKE] + [("http", one) for one in (*HANDSHAKE, STATELESS)]


def clients(programs: Programs) -> dict[str, tuple[Client, list[tuple[str, str]]]]:
    """Each client with the transports and revisions that it can be asked for; none is its own choice."""
    return {
        "MCP Inspector": (partial(inspector, programs), ITS_OWN),
        "TypeScript SDK 1.x": (partial(typescript, programs, "1"), ITS_OWN),
        "TypeScript SDK 2.x": (partial(typescript, programs, "2"), EVERY_REVISION),
        "Python mcp, ClientSession": (python.session, ITS_OWN),
        "Python mcp, Client": (python.client, MODES),
        "Python fastmcp": (python.fastmcp_client, MODES),
        "docs/clients.md, Python": (partial(documented_python, programs), [("http", "")]),
        "docs/clients.md, TypeScript": (partial(documented_typescript, programs), [("http", "")]),
        "mcp-remote": (partial(mcp_remote, programs), ITS_OWN),
        "Claude Code": (partial(claude_code, programs), ITS_OWN),
    }


async def check(report: Report, name: str, client: Client, way: Way, wrong: Way) -> None:
    over = "/".join(filter(None, ("SSE" if way.transport == "sse" else "/mcp", way.revision)))
    await report.check(f"{name} over {over}", client(way))
    await report.check(f"{name} over {over}, wrong token: refused", refused(lambda: client(wrong)))


async def run(report: Report) -> None:
    # A termination must leave the blocks that stop the programs started here.
    this = asyncio.current_task()
    if this:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    stack = Stack.from_environment()
    right, wrong = token(stack, "clients"), token(stack, "clients", iss="https://elsewhere.example/")
    programs = Programs.from_environment()
    for name, (client, ways) in clients(programs).items():
        for transport, revision in ways:
            way = Way(stack.gateway, transport, right, revision)
            await check(report, name, client, way, Way(stack.gateway, transport, wrong, revision))
    await conformance(report, programs, stack)


def main() -> None:
    logging.disable(logging.CRITICAL)
    report = Report()
    try:
        asyncio.run(run(report))
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    Path(os.environ["TOOLBRIDGE_E2E_TOTALS"]).write_text(report.totals() + "\n")
    sys.exit(report.failed > 0)


if __name__ == "__main__":
    main()
