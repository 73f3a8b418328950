"""What run.sh prints at the end: the address, a token, and configuration to paste."""

import json
from pathlib import Path
from string import Template

TEMPLATE = Template("""
ToolBridge   $url
Token        $token
Log          $log

Claude Code, in a shell:

claude mcp add --transport sse toolbridge $url --header "Authorization: Bearer $token"

VS Code, as .vscode/mcp.json (VS Code asks for the token above, once):

$vscode

Claude Desktop, in claude_desktop_config.json (needs Node):

$desktop
""")


def vscode(url: str) -> str:
    """The file is often committed, so the token is asked for instead of written into it."""
    ask = {
        "type": "promptString",
        "id": "toolbridge-token",
        "description": "ToolBridge token",
        "password": True,
    }
    server = {
        "type": "sse",
        "url": url,
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
        "args": ["-y", "mcp-remote", url, "--transport", "sse-only", "--header", header],
        "env": {"AUTH_HEADER": f"Bearer {token}"},
    }
    return json.dumps({"mcpServers": {"toolbridge": server}}, indent=2)


def text(url: str, token: str, log: Path) -> str:
    parts = {"url": url, "token": token, "log": log, "vscode": vscode(url), "desktop": desktop(url, token)}
    return TEMPLATE.substitute(parts)
