"""The private port: what it serves, to whom, and that nobody can keep it from serving."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY, Metric
from prometheus_client.registry import Collector

from tests.harness.clients import settings_for
from tests.harness.processes import Process, free_port, gateway_process, running
from tests.operator.conftest import Watched
from tests.operator.raw import PrivatePort
from toolbridge_mcp.operator import port as private_port
from toolbridge_mcp.operator import server
from toolbridge_mcp.operator import watched as watched_things
from toolbridge_mcp.transport import Signer

PLACES = ("/", "/?json", "/metrics", "/metrics/api")


def test_it_serves_the_page_its_facts_and_the_metrics(watched: Watched) -> None:
    for host in ("127.0.0.1", "::1"):
        page = watched.port.get(host=host)
        assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "<h1>ToolBridge, tenant test-tenant</h1>" in page.text
    assert watched.port.get("/?json").json()["tenant"] == "test-tenant"
    assert "toolbridge_calls_running 0.0" in watched.port.get("/metrics").text


def test_the_metrics_of_the_api_are_passed_on(watched: Watched) -> None:
    answer = watched.port.get("/metrics/api", Host="any.name", Accept_Encoding="gzip")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "\ntoolbridge_api_degraded 0\n" in answer.text
    assert "toolbridge_calls" not in answer.text


def test_metrics_are_as_prometheus_asks_for_them(watched: Watched) -> None:
    open_metrics = watched.port.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert open_metrics.headers["Content-Type"].startswith("application/openmetrics-text")
    assert open_metrics.text.endswith("# EOF\n")
    one = watched.port.get("/metrics?name[]=toolbridge_calls_running")
    assert {line.split()[2] for line in one.text.splitlines() if line[0] == "#"} == {
        "toolbridge_calls_running"
    }
    zipped = httpx.get(f"{watched.port.url}metrics", headers={"Accept-Encoding": "gzip"}, trust_env=False)
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "toolbridge_calls_running 0.0" in zipped.text


@pytest.mark.parametrize("target", ["/favicon.ico", "/metrics/", "/metrics/other", "/sse", "/mcp", "*"])
def test_nothing_else_is_there(watched: Watched, target: str) -> None:
    assert watched.port.get(target).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_only_get_and_head_are_answered(watched: Watched, method: str) -> None:
    for target in PLACES:
        answer = watched.port.get(target, method=method)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_head_has_no_content(watched: Watched) -> None:
    for target in ("/", "/metrics"):
        answer = watched.port.get(target, method="HEAD")
        assert (answer.status, answer.text) == (200, "")
        assert int(answer.headers["Content-Length"]) > 100


def test_the_page_keeps_to_itself(watched: Watched) -> None:
    for target in ("/", "/?json"):
        headers = watched.port.get(target).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert not [name for name in headers if name.startswith("Access-Control")]


OWN = [
    "127.0.0.1:{}",
    "[::1]:{}",
    "[fdaa::3]:9091",
    "localhost:{}",
    "LOCALHOST",
    "app.internal:{}",
    "app.flycast",
]
OWN += ["1.vm.app.internal.", "tools.example:{}", "tools.corp.example"]
FOREIGN = [
    "attacker.example:{}",
    "127.0.0.1.attacker.example",
    "localhost.attacker.example",
    "internal",
    "",
    "a b",
]
FOREIGN += [
    "notinternal:{}",
    "user@127.0.0.1",
    "127.0.0.1/x",
    "tools.example.attacker.example",
    "sub.tools.example",
]


@pytest.mark.parametrize("host", OWN)
def test_the_page_is_served_under_names_of_this_network(watched: Watched, host: str) -> None:
    assert watched.port.get("/?json", Host=host.format(watched.port.number)).status == 200


@pytest.mark.parametrize("host", FOREIGN)
def test_the_page_is_refused_under_any_other_name(watched: Watched, host: str) -> None:
    for target in ("/", "/?json", "/?refresh=10"):
        answer = watched.port.get(target, Host=host.format(watched.port.number))
        assert answer.status == 421
        assert "TOOLBRIDGE_ALLOWED_HOSTS" in answer.text
        assert "test-tenant" not in answer.text
    assert watched.port.get("/metrics", Host=host.format(watched.port.number)).status == 200


def test_two_hosts_or_none_are_refused(watched: Watched) -> None:
    for hosts in (b"", b"Host: localhost\r\nHost: localhost\r\n"):
        assert watched.port.raw(b"GET / HTTP/1.1\r\n%b\r\n" % hosts).startswith(b"HTTP/1.0 421 ")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "unheard-of"])
def test_a_page_of_another_site_cannot_use_it(watched: Watched, site: str) -> None:
    for target in ("/", "/?json"):
        assert watched.port.get(target, Sec_Fetch_Site=site).status == 403
        assert watched.port.get(target, Origin="https://attacker.example").status == 403
        assert watched.port.get(target, Origin="null").status == 403
    assert watched.port.get("/", Sec_Fetch_Site="none").status == 200
    assert watched.port.get("/?json", Sec_Fetch_Site="same-origin").status == 200


def test_the_page_loads_itself_again_only_if_asked(watched: Watched) -> None:
    assert 'http-equiv="refresh" content="10"' in watched.port.get("/?refresh=10").text
    long = ("9" * 500, "00010" + "0" * 5000)
    for given in ("", "0", "4", "3601", "-10", "10.5", "1e3", "\u0661\u0660", "10;url=//x", *long):
        answer = watched.port.get(f"/?{httpx.QueryParams(refresh=given)}")
        assert answer.status == 200
        assert "http-equiv" not in answer.text


def test_the_public_port_has_no_page(watched: Watched) -> None:
    with httpx.Client(base_url=watched.gateway.url, trust_env=False) as public:
        for target in ("/", "/?json", "/metrics", "/metrics/api"):
            for host in ("localhost", "tools.example"):
                answer = public.get(target, headers={"Host": host})
                assert answer.status_code == 404
                assert "tenant" not in answer.text


def test_without_a_port_there_is_no_page(gateway: Process) -> None:
    with httpx.Client(base_url=gateway.url, trust_env=False) as public:
        for target in ("/", "/?json", "/metrics/api"):
            assert public.get(target).status_code == 404


def test_an_api_that_gives_no_metrics_is_said(tmp_path: Path) -> None:
    port = free_port()
    dead = f"http://127.0.0.1:{free_port()}"
    settings = {"TOOLBRIDGE_METRICS_PORT": str(port), "TOOLBRIDGE_API_WAIT_SECONDS": "0"}
    process = gateway_process(dead, tmp_path, **settings)
    process.ready_path = "/healthz"
    with running(process):
        answer = PrivatePort(port).get("/metrics/api")
        assert (answer.status, answer.text[:29]) == (502, "The API gives no metrics: it ")
        assert PrivatePort(port).get("/?json").json()["state"]["is"] == "refused"


class _Slow(Collector):
    """Takes its time, and knows how many threads have asked for metrics at once."""

    def __init__(self) -> None:
        self.present = self.most = 0

    def collect(self) -> Iterator[Metric]:
        self.present += 1
        self.most = max(self.most, self.present)
        time.sleep(0.05)
        self.present -= 1
        yield Metric("slow", "", "untyped")


@pytest.mark.anyio
async def test_calls_share_the_interpreter_with_one_answer_at_a_time() -> None:
    slow, port = _Slow(), free_port()
    settings = settings_for(f"http://127.0.0.1:{free_port()}", metrics_port=port, metrics_host="127.0.0.1")
    watched = watched_things.Watched(lambda: False, lambda: False, str, list, list)
    REGISTRY.register(slow)
    try:
        async with private_port.PrivatePort(settings, Signer.of(settings), watched).listening():
            with ThreadPoolExecutor(server.MOST_REQUESTS) as readers:
                answers = list(readers.map(PrivatePort(port).get, ["/metrics", "/"] * server.MOST_REQUESTS))
    finally:
        REGISTRY.unregister(slow)
    assert {answer.status for answer in answers} == {200}
    assert slow.most == 1


def test_what_is_no_request_is_refused(watched: Watched) -> None:
    assert watched.port.raw(b"\x16\x03\x01\x02\x00\x01\r\n\r\n").startswith(b"HTTP/1.0 400 ")
    assert watched.port.raw(b"GET / HTTP/9.9\r\n\r\n").startswith(b"HTTP/1.0 505 ")
    assert watched.port.raw(b"GET http://[ HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.0 404 ")
    assert watched.port.raw(b"GET /metrics\r\n\r\n") == b""
    assert watched.port.raw(b"GET / HTTP/1.1\r\nX: " + b"x" * server.HEAD_BYTES) == b""


@pytest.mark.slow
def test_silent_connections_make_others_wait_for_seconds_only(watched: Watched) -> None:
    held = [watched.port.opened() for _ in range(server.MOST_REQUESTS * 2)]
    try:
        for connection in held:
            connection.sendall(b"GET /metrics HTTP/1.1\r\n")
        began_at = time.monotonic()
        assert watched.port.get("/metrics").status == 200
        assert time.monotonic() - began_at < 3 * server.HEAD_SECONDS
        ready = httpx.get(f"{watched.gateway.url}/healthz", timeout=1, trust_env=False)
        assert ready.status_code == 200
    finally:
        for connection in held:
            connection.close()
