"""What run.sh prints at the end: the addresses, a token, and configuration to paste.

The configuration is for Streamable HTTP, which all these clients speak and which is newer than SSE.
docs/clients.md shows the same for a deployment.
"""

import json
from pathlib import Path
from string import Template

TEMPLATE = Template("""
ToolBridge   $url/mcp
             $url/sse (for clients that know SSE only)
Token        $token
Log          $log

Claude Code, in a shell:

$claude_code

VS Code, as .vscode/mcp.json (VS Code asks for the token above, once):

$vscode

Claude Desktop, in claude_desktop_config.json (needs Node):

$desktop

For other clients see docs/clients.md.
""")


def claude_code(url: str, token: str) -> str:
    return f'claude mcp add --transport http toolbridge {url}/mcp --header "Authorization: Bearer {token}"'


def vscode(url: str) -> str:
    """The file is often committed, so the token is asked for instead of written into it."""
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


def desktop(url: str, token: str) -> str:
    """A bridge, since Claude Desktop sends no fixed header itself.

    The header has no space, because arguments with spaces get lost on some systems.
    """
    header = "Authorization:${AUTH_HEADER}"
    server = {
        "command": "npx",
        "args": ["-y", "mcp-remote", f"{url}/mcp", "--transport", "http-only", "--header", header],
        "env": {"AUTH_HEADER": f"Bearer {token}"},
    }
    return json.dumps({"mcpServers": {"toolbridge": server}}, indent=2)


def text(url: str, token: str, log: Path) -> str:
    """`url` is the gateway's, without the path of an endpoint."""
    return TEMPLATE.substitute(
        url=url,
        token=token,
        log=log,
        claude_code=claude_code(url, token),
        vscode=vscode(url),
        desktop=desktop(url, token),
    )
