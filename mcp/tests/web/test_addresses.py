"""The addresses of the gateway, and the hosts and pages that may use them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.harness.authorization_server import running_authorization_server
from tests.harness.clients import over_http, over_sse
from tests.harness.processes import Process, gateway_process, running

pytestmark = pytest.mark.anyio
METADATA = "/.well-known/oauth-protected-resource"
PUBLIC = "https://tenant.example/tools"


@pytest.fixture(scope="module")
def public(api: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A gateway that is known by a public address with a path."""
    settings = {
        "TOOLBRIDGE_PUBLIC_URL": PUBLIC + "/",
        "TOOLBRIDGE_AUTHORIZATION_SERVERS": "https://id.example/realm",
        "TOOLBRIDGE_ALLOWED_HOSTS": "other.example",
        "TOOLBRIDGE_ALLOWED_ORIGINS": "https://app.example",
    }
    with running(gateway_process(api.url, tmp_path_factory.mktemp("public"), **settings)) as process:
        yield process


@pytest.fixture
async def http(gateway: Process) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as client:
        yield client


@pytest.fixture
async def public_http(public: Process) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Host": "tenant.example"}
    async with httpx.AsyncClient(base_url=public.url, trust_env=False, headers=headers) as client:
        yield client


@pytest.mark.parametrize("endpoint", ["/sse", "/mcp", ""])
async def test_the_resource_is_the_address_that_the_user_typed(
    endpoint: str, http: httpx.AsyncClient, public_http: httpx.AsyncClient
) -> None:
    """RFC 9728, section 3.3; behind a proxy the path may be at both places of section 3.1."""
    here = (await http.get(METADATA + endpoint)).json()
    assert here["resource"] == f"{str(http.base_url).rstrip('/')}{endpoint}"
    assert "authorization_servers" not in here
    for path in (METADATA + endpoint, METADATA + "/tools" + endpoint, "/tools" + METADATA + endpoint):
        answer = await public_http.get(path, headers={"Origin": "https://anyone.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.json() == {
            "resource": PUBLIC + endpoint,
            "resource_name": "ToolBridge",
            "scopes_supported": ["read", "write"],
            "bearer_methods_supported": ["header"],
            "authorization_servers": ["https://id.example/realm"],
        }


@pytest.mark.parametrize("path", ["/nothing", "/mcp/x", "/messages"])
async def test_there_is_no_metadata_of_what_is_not_there(path: str, http: httpx.AsyncClient) -> None:
    assert (await http.get(METADATA + path)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("GET", "/sse", "/sse"),
        ("POST", "/sse", "/sse"),
        ("POST", "/messages/?session_id=0", "/sse"),
        ("POST", "/mcp", "/mcp"),
        ("GET", "/mcp", "/mcp"),
        ("DELETE", "/mcp/", "/mcp"),
    ],
)
async def test_every_challenge_names_the_metadata(
    method: str, path: str, endpoint: str, http: httpx.AsyncClient, public_http: httpx.AsyncClient
) -> None:
    """RFC 9728, section 5.1; no error code without credentials (RFC 6750, section 3.1)."""
    here = await http.request(method, path)
    url = f"{str(http.base_url).rstrip('/')}{METADATA}{endpoint}"
    assert here.status_code == 401
    assert here.headers["WWW-Authenticate"] == f'Bearer scope="read write", resource_metadata="{url}"'
    for prefix in ("", "/tools"):
        bad = {"Authorization": "Bearer x"}
        there = await public_http.request(method, prefix + path, headers=bad)
        assert there.status_code == 401
        assert 'Bearer error="invalid_token", error_description="' in there.headers["WWW-Authenticate"]
        assert f'resource_metadata="{PUBLIC}{METADATA}{endpoint}"' in there.headers["WWW-Authenticate"]


@pytest.mark.parametrize("prefix", ["", "/tools"])
async def test_behind_a_path_the_stream_names_the_way_that_clients_see(
    prefix: str, public_http: httpx.AsyncClient, bearer: str
) -> None:
    headers = {"Authorization": f"Bearer {bearer}"}
    async with public_http.stream("GET", prefix + "/sse", headers=headers) as stream:
        lines = stream.aiter_lines()
        data = [await anext(lines), await anext(lines)][1]
    assert data.startswith("data: /tools/messages/?session_id=")


async def test_clients_work_below_the_path(public: Process, bearer: str) -> None:
    for connect in (over_sse, over_http):
        async with connect(public.url + "/tools", bearer) as tools:
            assert (await tools.call("list_notes"))["items"] == []


@pytest.mark.parametrize("path", ["/toolsmcp", "/toolssse", "/tools/tools/mcp", "/tools/mcp/more", "/MCP"])
async def test_only_the_path_itself_is_the_prefix(
    path: str, public_http: httpx.AsyncClient, bearer: str
) -> None:
    answer = await public_http.post(path, json={}, headers={"Authorization": f"Bearer {bearer}"})
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("tenant.example", 401),
        ("tenant.example:443", 401),
        ("other.example", 401),
        ("localhost:8001", 401),
        ("[::1]:8001", 401),
        ("evil.example", 421),
        ("tenant.example.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("10.0.0.1", 421),
        ("", 421),
    ],
)
@pytest.mark.parametrize("path", ["/sse", "/mcp", "/messages/"])
async def test_a_foreign_host_is_refused(
    path: str, host: str, status: int, public_http: httpx.AsyncClient
) -> None:
    assert (await public_http.post(path, headers={"Host": host})).status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://tenant.example", 401),
        ("https://app.example", 401),
        ("https://evil.example", 403),
        ("https://app.example.evil.example", 403),
        ("http://localhost:6274", 403),
        ("null", 403),
    ],
)
async def test_a_foreign_origin_is_refused(origin: str, status: int, public_http: httpx.AsyncClient) -> None:
    answer = await public_http.post("/mcp", headers={"Origin": origin})
    assert answer.status_code == status


async def test_pages_of_listed_origins_may_read_the_answers(public_http: httpx.AsyncClient) -> None:
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, mcp-protocol-version",
    }
    preflight = await public_http.options("/mcp", headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"].lower()
    answer = await public_http.post("/mcp", headers={"Origin": "https://app.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "WWW-Authenticate" in answer.headers["Access-Control-Expose-Headers"]
    foreign = await public_http.options("/mcp", headers={**asked, "Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in foreign.headers


async def test_pages_of_this_machine_may_use_a_gateway_of_this_machine(http: httpx.AsyncClient) -> None:
    answer = await http.post("/mcp", headers={"Origin": "http://localhost:6274"})
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:6274"


async def test_forwarded_headers_are_believed_from_known_proxies_only(
    api: Process, gateway: Process, tmp_path: Path
) -> None:
    forwarded = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-For": "1.2.3.4",
    }
    with running(gateway_process(api.url, tmp_path, TOOLBRIDGE_TRUSTED_PROXIES="127.0.0.0/8")) as behind:
        for process, scheme in ((gateway, "http"), (behind, "https")):
            async with httpx.AsyncClient(base_url=process.url, trust_env=False, headers=forwarded) as http:
                document = (await http.get(METADATA + "/sse")).json()
                assert document["resource"] == f"{scheme}://127.0.0.1:{process.port}/sse"
                challenge = (await http.get("/sse")).headers["WWW-Authenticate"]
                assert f"{scheme}://127.0.0.1:{process.port}{METADATA}/sse" in challenge


async def test_the_authorization_servers_metadata_is_found_at_the_gateway_too(
    api: Process, tmp_path: Path
) -> None:
    """Clients of the first revisions of MCP ask the gateway for it."""
    with running_authorization_server() as server:
        settings = {"TOOLBRIDGE_AUTHORIZATION_SERVERS": server.issuer}
        with running(gateway_process(api.url, tmp_path, **settings)) as process:
            async with httpx.AsyncClient(base_url=process.url, trust_env=False) as http:
                for path in ("oauth-authorization-server", "oauth-authorization-server/sse"):
                    document = (await http.get(f"/.well-known/{path}")).json()
                    assert document["issuer"] == server.issuer
                    assert document["token_endpoint"].startswith(server.issuer)
    with running(gateway_process(api.url, tmp_path, **settings)) as process:
        async with httpx.AsyncClient(base_url=process.url, trust_env=False) as http:
            gone = await http.get("/.well-known/openid-configuration")
    assert gone.status_code == 503
    assert "does not answer" in gone.text


async def test_an_authorization_server_is_not_asked_for_every_stranger(api: Process, tmp_path: Path) -> None:
    requests: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as issuer:
        port = issuer.sockets[0].getsockname()[1]
        settings = {"TOOLBRIDGE_AUTHORIZATION_SERVERS": f"http://127.0.0.1:{port}"}
        with running(gateway_process(api.url, tmp_path, **settings)) as process:
            async with httpx.AsyncClient(base_url=process.url, trust_env=False) as http:
                asking = [http.get("/.well-known/oauth-authorization-server") for _ in range(20)]
                answers = await asyncio.gather(*asking)
    assert {answer.status_code for answer in answers} == {503}
    assert 1 <= len(requests) <= 3


async def test_every_answer_is_kept_out_of_caches_and_frames(public_http: httpx.AsyncClient) -> None:
    for path in ("/sse", "/mcp", "/healthz", "/nothing"):
        headers = (await public_http.get(path)).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Strict-Transport-Security"]
