"""One check of the Host header, at every path, before anything else happens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.clients import token
from tests.harness.processes import Process, gateway_process, running
from tests.harness.raw_http import RawAnswer, raw_request
from toolbridge_mcp.web.entry.hosts import Hosts

pytestmark = pytest.mark.anyio
PUBLIC = "https://tenant.example/tools"
PATHS = {
    "/sse": 401,
    "/mcp": 401,
    "/messages/": 401,
    "/healthz": 200,
    "/readyz": 200,
    "/.well-known/oauth-protected-resource": 200,
    "/.well-known/oauth-protected-resource/mcp": 200,
    "/.well-known/oauth-authorization-server": 404,
    "/nothing": 404,
    "/": 404,
    "/tools/readyz": 200,
    "/tools/nothing": 404,
}
"""Every kind of path, with the answer to an allowed caller without a token."""

each_path = pytest.mark.parametrize("path", PATHS)


@pytest.fixture(scope="module")
def public(api: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    settings = {"TOOLBRIDGE_PUBLIC_URL": PUBLIC, "TOOLBRIDGE_ALLOWED_HOSTS": "Other.Example"}
    with running(gateway_process(api.url, tmp_path_factory.mktemp("hosts"), **settings)) as process:
        yield process


async def ask(gateway: Process, path: str, *hosts: str, method: str = "GET") -> RawAnswer:
    lines = [f"Host: {host}" for host in hosts]
    return await raw_request(gateway.port, f"{method} {path} HTTP/1.1", *lines)


@each_path
async def test_an_allowed_host_is_let_in(path: str, public: Process) -> None:
    for host in (
        "tenant.example",
        "TENANT.example:443",
        "tenant.example.",
        "other.example",
        "127.0.0.1:8001",
    ):
        assert (await ask(public, path, host)).status == PATHS[path], host


@each_path
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE", "PUT"])
async def test_a_foreign_host_is_refused_and_not_repeated(path: str, method: str, public: Process) -> None:
    answer = await ask(public, path, "evil.example", method=method)
    assert answer.status == 421
    assert b"evil.example" not in answer.body
    assert "evil.example" not in str(answer.headers)


async def test_metrics_have_the_same_check(gateway: Process) -> None:
    assert (await ask(gateway, "/metrics", "localhost")).status == 200
    assert (await ask(gateway, "/metrics", "evil.example")).status == 421
    assert (await ask(gateway, "/metrics", "localhost", "localhost")).status == 400


MALFORMED = {
    "none": (),
    "two": ("tenant.example", "tenant.example"),
    "a foreign one behind ours": ("tenant.example", "evil.example"),
    "with a user": ("evil.example@tenant.example",),
    "as a user": ("tenant.example:@evil.example",),
    "with a word as port": ("tenant.example:http",),
    "with a long port": ("tenant.example:000443",),
    "with a path": ("tenant.example/x",),
    "a list": ("tenant.example, evil.example",),
    "with a space": ("tenant.example evil.example",),
    "half an address": ("[::1",),
    "outside ASCII": ("ténant.example",),
    "a pattern": ("*",),
}


@each_path
@pytest.mark.parametrize("hosts", MALFORMED.values(), ids=MALFORMED)
async def test_anything_but_one_host_is_malformed(hosts: tuple[str, ...], path: str, public: Process) -> None:
    """RFC 9112, section 3.2."""
    answer = await ask(public, path, *hosts)
    assert answer.status == 400
    assert b"evil" not in answer.body


@pytest.mark.parametrize(
    "host", ["", ":8001", "tenant.example.evil.example", "10.0.0.1", "0.0.0.0", "tenant"]
)
async def test_other_names_are_not_this_gateway(host: str, public: Process) -> None:
    assert (await ask(public, "/readyz", host)).status == 421


@pytest.mark.parametrize("host", ["[::1]:8001", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "LOCALHOST"])
async def test_this_machine_has_several_spellings(host: str, public: Process) -> None:
    assert (await ask(public, "/readyz", host)).status == 200


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://tenant.example/readyz", "tenant.example", 200),
        ("HTTPS://tenant.example:443/readyz", "evil.example", 200),
        ("http://evil.example/readyz", "tenant.example", 421),
        ("http://evil.example", "tenant.example", 400),
        ("http://tenant.example@evil.example/readyz", "tenant.example", 400),
        ("http://evil.example@tenant.example/readyz", "tenant.example", 400),
        ("//evil.example/readyz", "tenant.example", 404),
    ],
)
async def test_the_host_of_a_whole_address_counts(
    target: str, host: str, status: int, public: Process
) -> None:
    """RFC 9112, section 3.2.2."""
    answer = await ask(public, target, host)
    assert answer.status == status
    assert b"evil" not in answer.body


async def test_a_whole_address_cannot_be_reflected(gateway: Process) -> None:
    path = "/.well-known/oauth-protected-resource"
    answer = await ask(gateway, f"http://evil.example{path}", "localhost")
    assert (answer.status, b"evil" in answer.body) == (421, False)
    both = await ask(gateway, f"http://localhost:1{path}", "127.0.0.1")
    assert b'"http://localhost:1"' in both.body


async def test_a_request_of_the_first_version_needs_no_host(gateway: Process) -> None:
    """Some load balancers check health so; what the gateway says of itself is then its own address."""
    path = "/.well-known/oauth-protected-resource"
    answer = await raw_request(gateway.port, f"GET {path} HTTP/1.0")
    assert answer.status == 200
    assert f'"http://127.0.0.1:{gateway.port}"'.encode() in answer.body
    assert (await raw_request(gateway.port, f"GET {path} HTTP/1.0", "Host: evil.example")).status == 421


async def test_health_checks_by_address_pass(api: Process, tmp_path: Path) -> None:
    """Fly.io, Kubernetes and load balancers send the address that they connect to."""
    settings = {"TOOLBRIDGE_PUBLIC_URL": PUBLIC, "TOOLBRIDGE_HOST": "0.0.0.0"}
    with running(gateway_process(api.url, tmp_path, **settings)) as gateway:
        for host, status in (("127.0.0.2:8001", 200), ("127.0.0.3", 421)):
            lines = ("GET /readyz HTTP/1.1", f"Host: {host}")
            assert (await raw_request(gateway.port, *lines, at="127.0.0.2")).status == status


@pytest.mark.parametrize(
    ("address", "host", "is_ours"),
    [
        ("::ffff:10.1.2.3", "10.1.2.3:8001", True),
        ("fdaa:0:1::3", "[fdaa:0:1:0::3]:8001", True),
        ("fdaa:0:1::3", "[fdaa:0:1::4]", False),
        ("10.1.2.3", "10.1.2.4", False),
        ("/run/gateway.socket", "gateway.socket", False),
    ],
)
def test_the_address_of_the_connection_is_a_name_of_the_gateway(
    address: str, host: str, is_ours: bool
) -> None:
    assert Hosts([]).allows({"server": (address, 8001), "http_version": "1.1"}, [host]) is is_ours


@pytest.mark.parametrize("around", ["\u00a0{}", "{}\u0085", "\x0b{}"])
async def test_only_spaces_separate_scheme_and_token(around: str, gateway: Process) -> None:
    bearer = f"Authorization: Bearer {around.format(token('ann'))}"
    answer = await raw_request(gateway.port, "GET /sse HTTP/1.1", "Host: localhost", bearer)
    assert answer.status in {400, 401}
