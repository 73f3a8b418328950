"""Plain FastMCP as a process of a test."""

import sys
from pathlib import Path

from tests.harness.processes import Process, free_port, running
from tests.login.by_hand import client
from tests.login.pitfalls.subject import Subject

TYPED = ("/mcp", "/mcp?toolsets=crud")
"""It has one endpoint."""


def plain_process(folder: Path, lifetime: str = "") -> Process:
    port = free_port()
    command = [sys.executable, "-m", "tests.login.plain.server", str(port), lifetime]
    return Process(command, {}, port, folder / f"plain-{port}.log")


def plain_subject(process: Process) -> Subject:
    """It is to be running."""

    def restart() -> None:
        process.stop()
        process.start()

    def accepts_lifetime(seconds: int) -> bool:
        with running(plain_process(process.log.parent, str(seconds))):
            return True

    return Subject(process.url, TYPED, visit, restart, accepts_lifetime, lambda: False)


async def visit(address: str) -> str:
    """What a browser gets there: nobody is asked anything."""
    async with client() as http:
        answer = await http.get(address)
        return str(answer.headers.get("Location", f"{answer.status_code} {answer.text}"))
