"""mcp-remote, the bridge from stdio that Claude Desktop needs, used through the Python SDK."""

import tempfile
from pathlib import Path
from typing import TextIO

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.real_clients.programs import MCP_REMOTE, ClientError, Programs
from tests.real_clients.proof import Way
from tests.real_clients.python_clients import use


async def mcp_remote(programs: Programs, way: Way) -> None:
    """Started as scripts/run.sh says for Claude Desktop."""
    with tempfile.TemporaryDirectory(dir=programs.home) as folder:
        said = Path(folder) / "said"
        try:
            with said.open("w") as errors:
                await _use(programs, way, folder, errors)
        except Exception as error:
            raise ClientError(_fatal_error(said.read_text())) from error


async def _use(programs: Programs, way: Way, folder: str, errors: TextIO) -> None:
    node, *program = programs.package(MCP_REMOTE)
    header = "Authorization:${AUTH_HEADER}"
    bridge = StdioServerParameters(
        command=node,
        args=[*program, way.url, "--transport", f"{way.transport}-only", "--header", header],
        env=programs.environment(AUTH_HEADER=f"Bearer {way.token}", HOME=folder),
    )
    async with stdio_client(bridge, errors) as (read, write), ClientSession(read, write) as session:
        await use(session)


def _fatal_error(said: str) -> str:
    """It prints its settings and a stack trace around the error."""
    lines = [line for line in said.splitlines() if "Fatal error:" in line]
    return lines[-1].partition(" ")[2] if lines else f"mcp-remote said: {said[-500:]}"
