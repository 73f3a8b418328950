"""A plain FastMCP server that signs people in, to compare with: FastMCP's own in-memory authorization server
in its simplest use, and two tools over notes. Whoever comes to `/authorize` is let in.

`python -m tests.login.plain.server PORT [SECONDS]` serves it on 127.0.0.1 at `/mcp`. Access tokens are good
for so many seconds, if they are given.
"""

import sys
from uuid import uuid4

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth.providers import in_memory
from mcp.server.auth.settings import ClientRegistrationOptions, RevocationOptions
from starlette.requests import Request
from starlette.responses import PlainTextResponse

SCOPES = ["read", "write"]


def server(url: str) -> FastMCP:
    """The server at this address."""
    auth = in_memory.InMemoryOAuthProvider(
        base_url=url,
        client_registration_options=ClientRegistrationOptions(
            enabled=True, valid_scopes=SCOPES, default_scopes=SCOPES
        ),
        revocation_options=RevocationOptions(enabled=True),
    )
    mcp = FastMCP("plain", auth=auth)
    notes: list[dict[str, str]] = []

    @mcp.tool
    def create_note(title: str, content: str) -> dict[str, str]:
        notes.append({"uid": str(uuid4()), "title": title, "content": content})
        return notes[-1]

    @mcp.tool
    def list_notes(order: str) -> str:
        return str(sorted(notes, key=notes.index, reverse=order == "desc"))

    @mcp.custom_route("/readyz", methods=["GET"])
    async def ready(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ready")

    return mcp


def main(port: str, seconds: str = "") -> None:
    if seconds:
        in_memory.DEFAULT_ACCESS_TOKEN_EXPIRY_SECONDS = int(seconds)
    app = server(f"http://127.0.0.1:{port}").http_app()
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
