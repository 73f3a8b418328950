"""A site with client ID metadata documents, over real https on this machine.

The gateway reads none at an address inside a network. A test takes this check away in the process that is
tested, as no setting can: `python -m tests.login.publisher` is a gateway without it.
"""

import asyncio
import json
import runpy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from fastmcp.server.auth import ssrf

from tests.harness.certificates import Authority
from tests.harness.processes import free_port


def reach_inside() -> None:
    """Lets this process read documents at addresses of this machine."""
    ssrf.is_ip_allowed = lambda ip_str: True  # noqa: ARG005


class Publisher:
    """A site of this machine with metadata documents, each by its path."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.read: list[str] = []
        self.documents: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        self.gate = asyncio.Event()
        self.gate.set()

    def url(self, path: str) -> str:
        return f"https://localhost:{self.port}/{path}"

    def publish(self, path: str, *redirect_uris: str, **changes: Any) -> str:
        """The address of a document, which is the client's id."""
        url = self.url(path)
        self.documents[path] = {
            "client_id": url,
            "client_name": "A client",
            "redirect_uris": list(redirect_uris),
            "grant_types": ["authorization_code", "refresh_token"],
            **changes,
        }
        return url

    async def answer(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix("/")
        self.read.append(path)
        await self.gate.wait()
        if path not in self.documents:
            return web.Response(status=404)
        document = self.documents[path]
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return web.Response(body=body, content_type="application/json", headers=self.headers)


@asynccontextmanager
async def publishing(folder: Path) -> AsyncIterator[Publisher]:
    """A site whose certificate those trust whose SSL_CERT_FILE is `folder / CERTIFICATE`."""
    authority, site = Authority(), Publisher(free_port())
    (folder / CERTIFICATE).write_bytes(authority.certificate)
    app = web.Application()
    app.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "localhost", site.port, ssl_context=authority.server("localhost")).start()
    try:
        yield site
    finally:
        site.gate.set()
        await runner.cleanup()


CERTIFICATE = "authority.pem"

if __name__ == "__main__":
    reach_inside()
    runpy.run_module("toolbridge_mcp", run_name="__main__", alter_sys=True)
