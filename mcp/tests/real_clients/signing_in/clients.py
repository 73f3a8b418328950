"""The clients by name, with the transports that each is used over."""

from functools import partial

from tests.real_clients.signing_in.claude_code import claude_code
from tests.real_clients.signing_in.inspector import inspector
from tests.real_clients.signing_in.mcp_remote import mcp_remote
from tests.real_clients.signing_in.place import Client
from tests.real_clients.signing_in.python_clients import fastmcp_client, python_sdk
from tests.real_clients.signing_in.typescript import typescript

CLIENTS: dict[str, Client] = {
    "TypeScript SDK 1.x": partial(typescript, "1"),
    "TypeScript SDK 2.x": partial(typescript, "2"),
    "Python SDK": python_sdk,
    "FastMCP": fastmcp_client,
    "MCP Inspector": inspector,
    "mcp-remote": mcp_remote,
    "Claude Code": claude_code,
}
TRANSPORTS = ("sse", "http")
