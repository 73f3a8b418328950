"""What a browser lets a page do with the gateway: preflights, and answers that a page may read (CORS)."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.harness.clients import token
from tests.harness.processes import Process, gateway_process, running

pytestmark = pytest.mark.anyio
ORIGINS = [
    "https://app.example",
    "http://app.example:8080",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
    "safari-web-extension://E5F1C4B0-0000-4000-8000-000000000000",
    "app://obsidian.md",
    "vscode-webview://0abc123def",
    "vscode-file://vscode-app",
    "capacitor://localhost",
    "ionic://localhost",
    "tauri://localhost",
    "https://[2001:db8::1]:8443",
]
FOREIGN = [
    "https://evil.example",
    "http://app.example",
    "https://app.example:8443",
    "https://app.example.evil.example",
    "chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba",
    "app://evil",
    "null",
    "",
]
METADATA = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-protected-resource/sse",
    "/.well-known/oauth-protected-resource/nothing",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/mcp",
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/sse",
    "/mcp/.well-known/openid-configuration",
    "/mcp/.well-known/oauth-protected-resource",
    "/.well-known/nothing",
    "/nothing",
    "/register",
    "/",
]
PROTECTED = ["/mcp", "/sse", "/messages/", "/readyz", "/healthz"]
PREFIXES = ["", "/tools"]
NETWORKS = ["Private-Network", "Local-Network"]

each_prefix = pytest.mark.parametrize("prefix", PREFIXES)


@pytest.fixture(scope="module")
def public(api: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    settings = {
        "TOOLBRIDGE_PUBLIC_URL": "https://tenant.example/tools",
        "TOOLBRIDGE_ALLOWED_ORIGINS": " ".join(ORIGINS),
    }
    with running(gateway_process(api.url, tmp_path_factory.mktemp("browsers"), **settings)) as process:
        yield process


@pytest.fixture
async def http(public: Process) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Host": "tenant.example"}
    async with httpx.AsyncClient(base_url=public.url, trust_env=False, headers=headers) as client:
        yield client


def preflight(origin: str, method: str = "POST", **more: str) -> dict[str, str]:
    """What a browser asks before a page's request with a token."""
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,mcp-protocol-version",
        "Sec-Fetch-Mode": "cors",
        **more,
    }


@each_prefix
@pytest.mark.parametrize("path", METADATA)
async def test_every_page_may_read_what_needs_no_token(
    path: str, prefix: str, http: httpx.AsyncClient
) -> None:
    for origin in ("https://anyone.example", ORIGINS[0], "null"):
        asked = await http.options(prefix + path, headers=preflight(origin, "GET"))
        assert asked.status_code == 200
        assert asked.headers["Access-Control-Allow-Origin"] == "*"
        assert "GET" in asked.headers["Access-Control-Allow-Methods"]
        assert "mcp-protocol-version" in asked.headers["Access-Control-Allow-Headers"]
        for method in ("GET", "HEAD", "POST", "DELETE"):
            answer = await http.request(method, prefix + path, headers={"Origin": origin})
            assert answer.status_code in {200, 404, 405}
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
    plain = await http.options(prefix + path)
    assert plain.status_code == 200
    assert plain.headers["Access-Control-Allow-Origin"] == "*"


async def test_the_document_may_be_kept_for_another_page(http: httpx.AsyncClient) -> None:
    """It is kept in caches, also when a request without an origin came first."""
    answer = await http.get(METADATA[0])
    assert "max-age" in answer.headers["Cache-Control"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@each_prefix
@pytest.mark.parametrize("origin", ORIGINS)
async def test_an_allowed_page_may_ask_and_read_each_refusal(
    origin: str, prefix: str, http: httpx.AsyncClient
) -> None:
    for path in PROTECTED:
        for method in ("GET", "POST", "DELETE"):
            asked = await http.options(prefix + path, headers=preflight(origin, method))
            assert asked.status_code == 200
            assert asked.headers["Access-Control-Allow-Origin"] == origin
            assert method in asked.headers["Access-Control-Allow-Methods"]
            assert "authorization" in asked.headers["Access-Control-Allow-Headers"]
            answer = await http.request(method, prefix + path, headers={"Origin": origin})
            assert answer.status_code in {200, 401, 405}
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert "WWW-Authenticate" in answer.headers["Access-Control-Expose-Headers"]
            assert "Origin" in answer.headers["Vary"]


async def test_other_refusals_can_be_read_too(http: httpx.AsyncClient) -> None:
    page = {"Origin": ORIGINS[2]}
    signed_in = {**page, "Authorization": f"Bearer {token('browser')}"}
    nothing = {**page, "Authorization": f"Bearer {token('browser', scope='other')}"}
    hello = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    asked = {
        400: http.post("/mcp", content=b"{", headers=signed_in),
        403: http.post("/mcp", json=hello, headers=nothing),
        404: http.post("/messages/?session_id=0", json=hello, headers=signed_in),
        413: http.post("/mcp", content=b" " * (5 << 20), headers=signed_in),
        421: http.post("/mcp", headers={**page, "Host": "evil.example"}),
    }
    for status, answering in asked.items():
        answer = await answering
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGINS[2]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_page_may_neither_ask_nor_read(origin: str, http: httpx.AsyncClient) -> None:
    for prefix in PREFIXES:
        for path in PROTECTED:
            for method, headers in (("OPTIONS", preflight(origin)), ("GET", {"Origin": origin})):
                answer = await http.request(method, prefix + path, headers=headers)
                assert answer.status_code == 403
                assert answer.json()["error"] == "forbidden_origin"
                assert "Access-Control-Allow-Origin" not in answer.headers


async def test_two_origins_are_none(http: httpx.AsyncClient) -> None:
    headers = [("Origin", ORIGINS[0]), ("Origin", "https://evil.example")]
    assert (await http.post("/mcp", headers=headers)).status_code == 403


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages/", METADATA[0], METADATA[4], "/nothing"])
async def test_only_an_allowed_page_may_come_in_from_the_internet(
    path: str, network: str, http: httpx.AsyncClient
) -> None:
    asks = {f"Access-Control-Request-{network}": "true"}
    allows = f"Access-Control-Allow-{network}"
    for origin in ORIGINS:
        asked = await http.options(path, headers=preflight(origin, **asks))
        assert (asked.status_code, asked.headers[allows]) == (200, "true")
        assert allows not in (await http.options(path, headers=preflight(origin))).headers
    for origin in FOREIGN:
        assert allows not in (await http.options(path, headers=preflight(origin, **asks))).headers


async def test_a_page_of_this_machine_may_use_a_gateway_of_this_machine(gateway: Process) -> None:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        for origin in ("http://localhost:6274", "http://127.0.0.1", "https://[::1]:3000"):
            asked = await http.options("/mcp", headers=preflight(origin))
            assert asked.headers["Access-Control-Allow-Origin"] == origin
        for origin in ("http://localhost.evil.example", "http://localhost:80@evil.example", "file://"):
            assert (await http.post("/mcp", headers={"Origin": origin})).status_code == 403


async def test_a_name_that_was_made_to_lead_here_gets_no_way_in(gateway: Process) -> None:
    """DNS rebinding: the page's own name is the Host, so that it is no foreign page for the browser."""
    foreign = {"Host": "evil.example", "Origin": "http://evil.example"}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, headers=foreign) as http:
        for path in ("/mcp", "/readyz", "/metrics"):
            answer = await http.get(path)
            assert answer.status_code == 421
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_failure_inside_can_be_read(tmp_path: Path) -> None:
    """A 503 of the readiness, as the API is gone."""
    process = gateway_process("http://127.0.0.1:1", tmp_path, TOOLBRIDGE_API_WAIT_SECONDS="0")
    process.ready_path = "/healthz"
    with running(process):
        async with httpx.AsyncClient(base_url=process.url, trust_env=False) as http:
            answer = await http.get("/readyz", headers={"Origin": "http://localhost:6274"})
    assert answer.status_code == 503
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:6274"
