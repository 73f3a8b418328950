"""What a person pastes into an AI client: the gateway's address and a token, in that client's own form.

All these clients speak Streamable HTTP, which is newer than SSE. docs/clients.md shows the same.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Template

import click

from toolbridge_mcp.cli.checkout import typed
from toolbridge_mcp.cli.stack import Stack
from toolbridge_mcp.cli.token import development_token_if_possible, provider

PAGE = Template("""
ToolBridge   $url/mcp
             $url/sse (for clients that know SSE only)
Token        $token
Operator     $operator (what happens here)
Log          $log

$clients

For other clients see $help and docs/clients.md.
""")

PLACEHOLDER = "TOKEN"


@dataclass(frozen=True)
class Client:
    """`place` says where the configuration goes. `configuration` makes it from the gateway's address, without
    the path of an endpoint, and a token."""

    place: str
    configuration: Callable[[str, str], str]


def claude_code(url: str, token: str) -> str:
    return f'claude mcp add --transport http toolbridge {url}/mcp --header "Authorization: Bearer {token}"'


def claude_desktop(url: str, token: str) -> str:
    """mcp-remote stands between, since Claude Desktop sends no fixed header itself.

    The header has no space, because arguments with spaces get lost on some systems.
    """
    header = "Authorization:${AUTH_HEADER}"
    server = {
        "command": "npx",
        "args": ["-y", "mcp-remote", f"{url}/mcp", "--transport", "http-only", "--header", header],
        "env": {"AUTH_HEADER": f"Bearer {token}"},
    }
    return json.dumps({"mcpServers": {"toolbridge": server}}, indent=2)


def cursor(url: str, _token: str) -> str:
    """The token stays in the environment, out of the file. Cursor takes 40 tools of all servers together, so
    it gets the small set."""
    headers = {"Authorization": "Bearer ${env:TOOLBRIDGE_TOKEN}"}
    server = {"url": f"{url}/mcp?toolsets=work", "headers": headers}
    return json.dumps({"mcpServers": {"toolbridge": server}}, indent=2)


def inspector(url: str, token: str) -> str:
    return (
        f"npx -y @modelcontextprotocol/inspector@2 --cli --server-url {url}/mcp --transport http \\\n"
        f'  --header "Authorization: Bearer {token}" --method tools/list'
    )


def vscode(url: str, _token: str) -> str:
    """The file is often committed, so VS Code asks for the token and keeps it."""
    ask = {
        "type": "promptString",
        "id": "toolbridge-token",
        "description": "ToolBridge token",
        "password": True,
    }
    server = {
        "type": "http",
        "url": f"{url}/mcp",
        "headers": {"Authorization": "Bearer ${input:toolbridge-token}"},
    }
    return json.dumps({"inputs": [ask], "servers": {"toolbridge": server}}, indent=2)


CLIENTS: Mapping[str, Client] = {
    "claude-code": Client("Claude Code, in a shell", claude_code),
    "vscode": Client("VS Code, as .vscode/mcp.json (VS Code asks for the token above, once)", vscode),
    "claude-desktop": Client("Claude Desktop, in claude_desktop_config.json (needs Node)", claude_desktop),
    "cursor": Client("Cursor, in ~/.cursor/mcp.json (set TOOLBRIDGE_TOKEN to the token above)", cursor),
    "inspector": Client("MCP Inspector, in a shell (needs Node 22)", inspector),
}
ON_THE_PAGE = ("claude-code", "vscode", "claude-desktop")


def show(name: str | None, url: str | None, token: str | None, user: str) -> None:
    """Prints the page, or the configuration of the client `name`. Without `url` it is for the public address
    or this machine's; without `token` one is made for `user`."""
    stack = Stack.from_environment()
    url = url or os.environ.get("TOOLBRIDGE_PUBLIC_URL", "").rstrip("/") or stack.url
    token = (token or "").strip() or development_token_if_possible(user)
    if name is None:
        click.echo(page(url, token, stack))
        return
    client = CLIENTS[name]
    configuration = client.configuration(url, token or PLACEHOLDER)
    if token is None or token not in configuration:
        click.echo(f"Token: {token or provider()}", err=True)
    click.echo(f"{client.place}:\n", err=True)
    click.echo(configuration)


def page(url: str, token: str | None, stack: Stack) -> str:
    """What `toolbridge up` prints: the addresses, a token or where to get one, and the configuration of usual
    clients."""
    shown = (CLIENTS[name] for name in ON_THE_PAGE)
    help_command = typed("connect --help")
    filled_in = token or PLACEHOLDER
    clients = "\n\n".join(f"{one.place}:\n\n{one.configuration(url, filled_in)}" for one in shown)
    said = token or f"{provider()}; put it in place of {PLACEHOLDER}"
    return PAGE.substitute(
        url=url, token=said, operator=stack.page, log=stack.log, clients=clients, help=help_command
    ).rstrip("\n")
