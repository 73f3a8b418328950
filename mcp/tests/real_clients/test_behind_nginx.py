"""The gateway behind nginx: TLS, a path prefix that is stripped or not, streams that are idle for a while.

Run by hand with `scripts/test.sh nginx`, since it takes minutes and needs nginx and openssl.
"""

import asyncio
import getpass
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.harness.deployment import STACK_SETTINGS, OwnStack
from tests.harness.processes import free_port, gateway_process, running
from tests.real_clients import python_clients
from tests.real_clients.nginx import PREFIX, make_certificates, nginx
from tests.real_clients.programs import Programs
from tests.real_clients.proof import Way
from tests.real_clients.typescript import typescript

pytestmark = [pytest.mark.anyio, pytest.mark.nginx]

IDLE_SECONDS = 75
"""nginx cuts a stream that is silent for 60 s."""


@dataclass(frozen=True)
class Public:
    """The public URL of a gateway, and the certificate of who vouches for it."""

    url: str
    ca: Path
    token: str

    def way(self, transport: str, revision: str = "") -> Way:
        return Way(self.url, transport, self.token, revision, IDLE_SECONDS)


@pytest.fixture(params=["prefix stripped", "prefix not stripped"])
def public(
    request: pytest.FixtureRequest, stack: OwnStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Public]:
    """A gateway of its own behind an nginx of its own."""
    port = free_port()
    url = f"https://localhost:{port}{PREFIX}"
    ca = make_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(ca))
    strip = request.param == "prefix stripped"
    process = gateway_process(stack.api_url, tmp_path, TOOLBRIDGE_PUBLIC_URL=url, **STACK_SETTINGS)
    with (
        running(process) as gateway,
        nginx(tmp_path, getpass.getuser(), port, gateway.url, strip_prefix=strip),
    ):
        yield Public(url, ca, stack.token_of("nginx"))


@pytest.fixture
async def http(public: Public) -> AsyncIterator[httpx.AsyncClient]:
    context = ssl.create_default_context(cafile=str(public.ca))
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=10) as client:
        yield client


async def test_strangers_are_refused(public: Public, http: httpx.AsyncClient) -> None:
    """By Host (421) and by Origin (403), on each endpoint. Our own Origin is let in."""
    own = public.url.removesuffix(PREFIX)
    for path in ("/sse", "/mcp"):
        for header, value, status in (
            ("Host", "evil.example", 421),
            ("Origin", "https://evil.example", 403),
            ("Origin", own, 405 if path == "/sse" else 400),
        ):
            headers = {"Authorization": f"Bearer {public.token}", header: value}
            answer = await http.post(public.url + path, json={}, headers=headers)
            assert answer.status_code == status, f"{path} with {header} {value}"


async def test_addresses_are_public(public: Public, http: httpx.AsyncClient) -> None:
    for path in ("/sse", "/mcp"):
        challenge = (await http.get(public.url + path)).headers["WWW-Authenticate"]
        metadata = f"{public.url}/.well-known/oauth-protected-resource{path}"
        assert f'resource_metadata="{metadata}"' in challenge
        assert (await http.get(metadata)).json()["resource"] == public.url + path
    headers = {"Authorization": f"Bearer {public.token}"}
    async with http.stream("GET", f"{public.url}/sse", headers=headers) as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        assert (await anext(lines)).startswith(f"data: {PREFIX}/messages/?session_id=")


async def test_clients_work_after_an_idle_time(public: Public, programs: Programs) -> None:
    """Each connects, says nothing for a while, and then writes and reads a note. All do so side by side."""
    one, two = partial(typescript, "1", programs), partial(typescript, "2", programs)
    clients = {
        "Python mcp over SSE": python_clients.session(public.way("sse")),
        "Python mcp over /mcp": python_clients.session(public.way("http")),
        "Python mcp over /mcp, 2026-07-28": python_clients.client(public.way("http", "2026-07-28")),
        "Python fastmcp over SSE": python_clients.fastmcp_client(public.way("sse")),
        "TypeScript SDK 1.x over SSE": one(public.way("sse")),
        "TypeScript SDK 1.x over /mcp": one(public.way("http")),
        "TypeScript SDK 2.x over SSE": two(public.way("sse", "2025-11-25")),
        "TypeScript SDK 2.x over /mcp, 2026-07-28": two(public.way("http", "2026-07-28")),
    }
    results = await asyncio.gather(*clients.values(), return_exceptions=True)
    failures = {name: result for name, result in zip(clients, results, strict=True) if result}
    assert failures == {}
