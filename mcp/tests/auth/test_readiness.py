"""A gateway that cannot check tokens is not ready, and calls no token invalid."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from tests.auth.token_vectors import VERIFIERS, token
from tests.harness.clients import CALL_SECONDS
from tests.harness.processes import Process, gateway_process, running
from toolbridge_mcp.auth.keys import MIN_INTERVAL_SECONDS

pytestmark = pytest.mark.anyio
USABLE = VERIFIERS["public"].key_set


class Provider(BaseHTTPRequestHandler):
    """Publishes a key set that a test can change; None is an error."""

    key_set: str | None = None

    def do_GET(self) -> None:
        content = (self.key_set or "no").encode()
        self.send_response(500 if self.key_set is None else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


@contextmanager
def provider(key_set: str | None) -> Iterator[str]:
    Provider.key_set = key_set
    server = HTTPServer(("127.0.0.1", 0), Provider)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/keys"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def gateway_with(keys_url: str, api: Process, folder: Path) -> Process:
    given = VERIFIERS["public"]
    settings = {"JWT_JWKS_URL": keys_url, "JWT_ISSUER": given.issuer, "JWT_AUDIENCE": given.audiences[0]}
    process = gateway_process(api.url, folder, TOOLBRIDGE_API_WAIT_SECONDS="0", **settings)
    process.ready_path = "/healthz"
    return process


@pytest.mark.parametrize(
    "key_set",
    [None, "<html>", json.dumps({"keys": []}), VERIFIERS["of unusable keys"].key_set],
    ids=["an error", "a page", "empty", "unusable"],
)
async def test_without_a_usable_key_the_gateway_is_not_ready(
    key_set: str | None, api: Process, tmp_path: Path
) -> None:
    future = token(exp=4_000_000_000)
    with provider(key_set) as url, running(gateway_with(url, api, tmp_path)) as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
            unready = await http.get("/readyz")
            assert unready.status_code == 503
            assert "JWT_JWKS_URL" in unready.text
            for path in ("/mcp", "/messages/?session_id=0"):
                refused = await http.post(path, headers={"Authorization": f"Bearer {future}"}, json={})
                assert refused.status_code == 503
                assert "WWW-Authenticate" not in refused.headers
                assert refused.headers["Retry-After"]
            Provider.key_set = USABLE
            async with asyncio.timeout(MIN_INTERVAL_SECONDS + CALL_SECONDS):
                while (await http.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.1)
            Provider.key_set = json.dumps({"keys": []})
            answer = await http.post("/mcp", headers={"Authorization": f"Bearer {future}"}, json={})
            assert answer.status_code not in {401, 503}
            assert (await http.get("/readyz")).status_code == 200
