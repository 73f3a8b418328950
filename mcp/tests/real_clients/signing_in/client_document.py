"""The site that says who Claude Code is, in place of claude.ai, which no test can reach: a client id metadata
document on this machine."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.certificates import Authority

PATH = "/oauth/claude-code-client-metadata"


@dataclass(frozen=True)
class ClientDocument:
    """`url` is the client's id, and `trust` what a program needs in its environment to believe the site."""

    url: str
    trust: Mapping[str, str]

    @property
    def content(self) -> bytes:
        document = {
            "client_id": self.url,
            "client_name": "Claude Code",
            "client_uri": "https://claude.ai",
            "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }
        return json.dumps(document).encode()


@asynccontextmanager
async def client_document(folder: Path) -> AsyncIterator[ClientDocument]:
    """Published while the block runs. `folder` is for the certificate of the site's authority."""
    authority = Authority()
    certificate = folder / "authority.pem"
    certificate.write_bytes(authority.certificate)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        status, body = ("200 OK", document.content) if path == PATH else ("404 Not Found", b"")
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=authority.server("localhost"))
    port = server.sockets[0].getsockname()[1]
    document = ClientDocument(f"https://localhost:{port}{PATH}", {"SSL_CERT_FILE": str(certificate)})
    async with server:
        yield document
