"""What a person pastes into an AI client: the gateway's address, and a token unless the client signs in.

All these clients speak Streamable HTTP, which is newer than SSE. docs/clients.md shows the same.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from toolbridge_mcp.cli.checkout import typed
from toolbridge_mcp.cli.sign_in.first_user import FirstUser
from toolbridge_mcp.cli.stack import Stack
from toolbridge_mcp.cli.token import development_token_if_possible, provider, provider_name

PLACEHOLDER = "TOKEN"

ONCE = "(shown this once; {again} makes a link for a new one)"
NO_MORE = "(as it was shown; {again} makes a link for a new one)"


@dataclass(frozen=True)
class Client:
    """`place` says where the configuration goes, `token` what the client does for a token, `sign_in` what it
    does to sign in, and `needs` what else has to be there. `configuration` makes it from the gateway's
    address, without the path of an endpoint, and a token, or without one for a client that shall sign in."""

    place: str
    token: str
    sign_in: str
    configuration: Callable[[str, str | None], str]
    needs: str = ""


def claude_code(url: str, token: str | None) -> str:
    header = f' --header "Authorization: Bearer {token}"' if token else ""
    return f"claude mcp add --transport http toolbridge {url}/mcp{header}"


def claude_desktop(url: str, token: str | None) -> str:
    """mcp-remote stands between, since Claude Desktop itself connects to no address of this machine, and
    sends no fixed header.

    The header has no space, because arguments with spaces get lost on some systems.
    """
    server: dict[str, Any] = {
        "command": "npx",
        "args": ["-y", "mcp-remote", f"{url}/mcp", "--transport", "http-only"],
    }
    if token:
        server["args"] += ["--header", "Authorization:${AUTH_HEADER}"]
        server["env"] = {"AUTH_HEADER": f"Bearer {token}"}
    return json.dumps({"mcpServers": {"toolbridge": server}}, indent=2)


def cursor(url: str, token: str | None) -> str:
    """The token stays in the environment, out of the file. Cursor takes 40 tools of all servers together, so
    it gets the small set."""
    server: dict[str, Any] = {"url": f"{url}/mcp?toolsets=work"}
    if token:
        server["headers"] = {"Authorization": "Bearer ${env:TOOLBRIDGE_TOKEN}"}
    return json.dumps({"mcpServers": {"toolbridge": server}}, indent=2)


def inspector(url: str, token: str | None) -> str:
    header = f'--header "Authorization: Bearer {token}" ' if token else ""
    return (
        f"npx -y @modelcontextprotocol/inspector@2 --cli --server-url {url}/mcp --transport http \\\n"
        f"  {header}--method tools/list"
    )


def vscode(url: str, token: str | None) -> str:
    """The file is often committed, so VS Code asks for the token and keeps it."""
    server: dict[str, Any] = {"type": "http", "url": f"{url}/mcp"}
    if not token:
        return json.dumps({"servers": {"toolbridge": server}}, indent=2)
    ask = {
        "type": "promptString",
        "id": "toolbridge-token",
        "description": "ToolBridge token",
        "password": True,
    }
    server["headers"] = {"Authorization": "Bearer ${input:toolbridge-token}"}
    return json.dumps({"inputs": [ask], "servers": {"toolbridge": server}}, indent=2)


CLIENTS: Mapping[str, Client] = {
    "claude-code": Client(
        "Claude Code, in a shell", "", "then /mcp in Claude Code opens the page", claude_code
    ),
    "vscode": Client(
        "VS Code, as .vscode/mcp.json",
        "VS Code asks for the token above, once",
        "VS Code opens the page",
        vscode,
    ),
    "claude-desktop": Client(
        "Claude Desktop, in claude_desktop_config.json",
        "",
        "mcp-remote opens the page",
        claude_desktop,
        "needs Node",
    ),
    "cursor": Client(
        "Cursor, in ~/.cursor/mcp.json",
        "set TOOLBRIDGE_TOKEN to the token above",
        "Cursor opens the page",
        cursor,
    ),
    "inspector": Client(
        "MCP Inspector, in a shell", "", "the Inspector opens the page", inspector, "needs Node 22"
    ),
}
ON_THE_PAGE = ("claude-code", "vscode", "claude-desktop")


def show(name: str | None, url: str | None, token: str | None, user: str | None) -> None:
    """Prints the page, or the configuration of the client `name`. Without `url` it is for the public address
    or this machine's. Without `token` and `user` clients sign in where they can, and else get a development
    token for `user`, or for dev."""
    stack = Stack.from_environment()
    url = url or os.environ.get("TOOLBRIDGE_PUBLIC_URL", "").rstrip("/") or stack.url
    given = (token or "").strip()
    signs_in = not given and user is None and stack.signs_in
    if name is None:
        told = given or development_token_if_possible(user or "dev")
        click.echo(page(url, told, stack, signs_in=signs_in))
        return
    client = CLIENTS[name]
    if signs_in:
        click.echo(f"{_place(client, signs_in=True)}:\n", err=True)
        click.echo(client.configuration(url, None))
        return
    told = given or development_token_if_possible(user or "dev")
    configuration = client.configuration(url, told or PLACEHOLDER)
    if told is None or told not in configuration:
        click.echo(f"Token: {told or provider()}", err=True)
    click.echo(f"{_place(client, signs_in=False)}:\n", err=True)
    click.echo(configuration)


def page(url: str, token: str | None, stack: Stack, *, signs_in: bool, user: FirstUser | None = None) -> str:
    """What `toolbridge up` prints: the addresses, how to sign in, a token or where to get one, and the
    configuration of usual clients."""
    shown = [CLIENTS[name] for name in ON_THE_PAGE]
    rows = [
        ("ToolBridge", f"{url}/mcp"),
        ("", f"{url}/sse (for clients that know SSE only)"),
        *(_sign_in_rows(url, user, keeps_users=stack.login == "embedded") if signs_in else []),
        ("Token", _about_token(token, signs_in=signs_in)),
        ("Operator", f"{stack.page} (what happens here)"),
        ("Log", str(stack.log)),
    ]
    filled_in = None if signs_in else token or PLACEHOLDER
    clients = [
        f"{_place(client, signs_in=signs_in)}:\n\n{client.configuration(url, filled_in)}" for client in shown
    ]
    with_token = f"With the token in place of the sign-in: {typed('connect CLIENT --user dev')} prints how.\n"
    end = f"For other clients see {typed('connect --help')} and docs/clients.md."
    last = f"{with_token}{end}" if signs_in and token else end
    return "\n" + "\n\n".join(["\n".join(f"{name:<12} {value}" for name, value in rows), *clients, last])


def _sign_in_rows(url: str, user: FirstUser | None, *, keeps_users: bool) -> Sequence[tuple[str, str]]:
    if not keeps_users:
        return [
            (
                "Sign in",
                f"at your identity provider ({provider_name()}) (clients open the page by themselves)",
            )
        ]
    rows = [("Sign in", f"{url}/sign-in (clients open it by themselves)")]
    if user is None:
        return [*rows, ("", f"{typed('user add NAME')} invites somebody")]
    again = typed(f"user reset {user.name}")
    password = f"{user.password} {ONCE}" if user.password else NO_MORE
    return [*rows, ("User", user.name), ("Password", password.format(again=again))]


def _about_token(token: str | None, *, signs_in: bool) -> str:
    if token is None:
        return provider() if signs_in else f"{provider()}; put it in place of {PLACEHOLDER}"
    return f"{token}{' (for programs; the same user)' if signs_in else ''}"


def _place(client: Client, *, signs_in: bool) -> str:
    """Where the configuration belongs, and what happens then."""
    notes = [note for note in (client.needs, client.sign_in if signs_in else client.token) if note]
    return f"{client.place} ({'; '.join(notes)})" if notes else client.place
