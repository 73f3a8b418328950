"""The gateway behind nginx: TLS, a path prefix that is stripped or not, streams that nobody uses for a while.

scripts/test-clients.sh nginx starts the stack, installs the clients and runs this.
"""

import asyncio
import getpass
import os
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
from clients import python
from clients.nginx import PREFIX, make_certificates, nginx
from clients.programs import Programs
from clients.proof import Way
from clients.typescript import typescript
from e2e.callers import token
from e2e.report import Report, expect
from e2e.second_stack import free_port, program
from e2e.stack import Stack, until_ready

IDLE_SECONDS = 75
"""nginx cuts a stream that is silent for 60 s."""


@asynccontextmanager
async def deployment(stack: Stack, folder: Path, *, strip_prefix: bool) -> AsyncIterator[str]:
    """A gateway of its own behind an nginx of its own; yields its public URL."""
    port, gateway = free_port(), free_port()
    public = f"https://localhost:{port}{PREFIX}"
    settings = {
        "TOOLBRIDGE_HOST": "127.0.0.1",
        "TOOLBRIDGE_PORT": str(gateway),
        "TOOLBRIDGE_PUBLIC_URL": public,
        "TOOLBRIDGE_GO_API_BASE_URL": stack.api,
    }
    inside = f"http://127.0.0.1:{gateway}"
    command = [sys.executable, "-m", "toolbridge_mcp"]
    with (
        program(command, stack.repository / "mcp", folder / "gateway.log", **settings),
        nginx(folder, getpass.getuser(), port, inside, strip_prefix=strip_prefix),
    ):
        await until_ready(inside)
        yield public


def clients(programs: Programs, public: str, bearer: str) -> dict[str, Coroutine[None, None, str]]:
    """Each of them connects, says nothing for a while, and then writes and reads a note."""

    def way(transport: str, revision: str = "") -> Way:
        return Way(public, transport, bearer, revision, IDLE_SECONDS)

    one, two = partial(typescript, programs, "1"), partial(typescript, programs, "2")
    return {
        "Python mcp over SSE": python.session(way("sse")),
        "Python mcp over /mcp": python.session(way("http")),
        "Python mcp over /mcp, 2026-07-28": python.client(way("http", "2026-07-28")),
        "Python fastmcp over SSE": python.fastmcp_client(way("sse")),
        "TypeScript SDK 1.x over SSE": one(way("sse")),
        "TypeScript SDK 1.x over /mcp": one(way("http")),
        "TypeScript SDK 2.x over SSE": two(way("sse", "2025-11-25")),
        "TypeScript SDK 2.x over /mcp, 2026-07-28": two(way("http", "2026-07-28")),
    }


async def strangers_are_refused(http: httpx.AsyncClient, public: str, bearer: str) -> str:
    """By Host (421) and by Origin (403), on each endpoint; our own Origin is let in."""
    authorization = {"Authorization": f"Bearer {bearer}"}
    own = public.removesuffix(PREFIX)
    for path in ("/sse", "/mcp"):
        for header, value, wanted in (
            ("Host", "evil.example", 421),
            ("Origin", "https://evil.example", 403),
            ("Origin", own, 405 if path == "/sse" else 400),
        ):
            answer = await http.post(public + path, json={}, headers={**authorization, header: value})
            expect(answer.status_code == wanted, f"{path} with {header} {value}: {answer.status_code}")
    return "Host: 421, Origin: 403"


async def addresses_are_right(http: httpx.AsyncClient, public: str, bearer: str) -> str:
    for path in ("/sse", "/mcp"):
        challenge = (await http.get(public + path)).headers["WWW-Authenticate"]
        url = f"{public}/.well-known/oauth-protected-resource{path}"
        expect(f'resource_metadata="{url}"' in challenge, challenge)
        resource = (await http.get(url)).json()["resource"]
        expect(resource == public + path, f"the resource is {resource}")
    async with http.stream("GET", f"{public}/sse", headers={"Authorization": f"Bearer {bearer}"}) as stream:
        lines = [line async for line in _first_lines(stream, 2)]
    expect(lines[1].startswith(f"data: {PREFIX}/messages/?session_id="), lines[1])
    return f"metadata below {public}, messages below {PREFIX}"


async def _first_lines(stream: httpx.Response, count: int) -> AsyncIterator[str]:
    async for line in stream.aiter_lines():
        yield line
        count -= 1
        if not count:
            return


async def behind(report: Report, stack: Stack, ca: Path, folder: Path, *, strip_prefix: bool) -> None:
    name = f"prefix {'stripped' if strip_prefix else 'not stripped'}"
    bearer = token(stack, "nginx")
    context = ssl.create_default_context(cafile=str(ca))
    async with (
        deployment(stack, folder, strip_prefix=strip_prefix) as public,
        httpx.AsyncClient(verify=context, trust_env=False, timeout=10) as http,
    ):
        await report.check(f"{name}: strangers", strangers_are_refused(http, public, bearer))
        await report.check(f"{name}: addresses", addresses_are_right(http, public, bearer))
        each = clients(Programs.from_environment(), public, bearer)
        running = {client: asyncio.create_task(work) for client, work in each.items()}
        for client, work in running.items():
            await report.check(f"{name}: {client}, idle for {IDLE_SECONDS} s", work)


async def run(report: Report) -> None:
    stack = Stack.from_environment()
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        folders = Path(one), Path(other)
        for folder in folders:
            os.environ["SSL_CERT_FILE"] = os.environ["NODE_EXTRA_CA_CERTS"] = str(make_certificates(folder))
            stripped = folder == folders[0]
            await behind(report, stack, folder / "ca.pem", folder, strip_prefix=stripped)


def main() -> None:
    report = Report()
    asyncio.run(run(report))
    Path(os.environ["TOOLBRIDGE_E2E_TOTALS"]).write_text(report.totals() + "\n")
    sys.exit(report.failed > 0)


if __name__ == "__main__":
    main()
