"""How spans get to a collector: over TLS, through a proxy, with the headers that are set and no others."""

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.harness.certificates import Authority
from tests.harness.clients import token
from tests.harness.collector import QUICKLY
from tests.harness.misbehaving import received
from tests.harness.processes import Process, gateway_process
from tests.telemetry.raw_clients import session

pytestmark = pytest.mark.anyio

SERVICE = b"toolbridge-gateway"


@dataclass
class Taking:
    """Takes whatever is posted."""

    address: str = ""
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                if head.startswith("POST"):
                    self.bodies.append(await reader.readexactly(int(received(head)["Content-Length"])))
                self.heads.append(head)
                writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()


@asynccontextmanager
async def taking(tls: ssl.SSLContext | None = None) -> AsyncIterator[Taking]:
    place = Taking()
    server = await asyncio.start_server(place.serve, "127.0.0.1", 0, ssl=tls)
    place.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield place
    finally:
        server.close()


async def send_some(api: Process, folder: Path, **settings: str) -> list[str]:
    """Messages of the log of a gateway that has sent two batches of spans, or tried to."""
    gateway = gateway_process(
        api.url, folder, **{**QUICKLY, "OTEL_EXPORTER_OTLP_TIMEOUT": "1000", **settings}
    )
    await asyncio.to_thread(gateway.start)
    try:
        for _ in range(2):
            async with session(gateway.url, token("ann")) as send:
                await send("ping", {})
            await asyncio.sleep(0.5)
    finally:
        await asyncio.to_thread(gateway.stop)
    return [json.loads(line)["message"] for line in gateway.log.read_text().splitlines()]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def certificate(authority: Authority, tmp_path: Path) -> str:
    file = tmp_path / "authority.pem"
    file.write_bytes(authority.certificate)
    return str(file)


async def test_spans_are_posted_with_the_headers_that_are_set(api: Process, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password wombat\n")
    (tmp_path / ".netrc").chmod(0o600)
    async with taking() as place:
        said = await send_some(
            api,
            tmp_path,
            HOME=str(tmp_path),
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{place.address}/otel",
            OTEL_EXPORTER_OTLP_HEADERS="x-key=a%20b",
        )
    assert "traces are not sent" not in said
    assert len(place.heads) >= 2
    for head in place.heads:
        assert head.startswith("POST /otel/v1/traces HTTP/1.1\r\n")
        headers = received(head)
        assert headers["Content-Type"] == "application/x-protobuf"
        assert headers["x-key"] == "a b"
        assert not {"authorization", "cookie", "traceparent"} & headers.keys()
    assert all(SERVICE in body for body in place.bodies)


async def test_spans_may_be_compressed(api: Process, tmp_path: Path) -> None:
    async with taking() as place:
        endpoint = f"http://{place.address}"
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
        await send_some(api, tmp_path, **settings)
    assert all(SERVICE in gzip.decompress(body) for body in place.bodies)
    assert place.bodies


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "OTEL_EXPORTER_OTLP_CERTIFICATE"])
async def test_the_certificates_that_are_set_are_trusted(
    variable: str, api: Process, authority: Authority, certificate: str, tmp_path: Path
) -> None:
    async with taking(authority.server("127.0.0.1")) as place:
        endpoint = f"https://{place.address}"
        await send_some(api, tmp_path, **{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, variable: certificate})
    assert place.bodies


async def test_no_other_certificate_is_trusted(api: Process, authority: Authority, tmp_path: Path) -> None:
    async with taking(authority.server("127.0.0.1")) as place:
        said = await send_some(api, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=f"https://{place.address}")
    assert said.count("traces are not sent") == 1
    assert not place.heads


@pytest.mark.parametrize(("no_proxy", "asked"), [("", True), ("collector.example", False)])
async def test_an_address_of_https_is_reached_through_the_proxy(
    no_proxy: str, asked: bool, api: Process, tmp_path: Path
) -> None:
    async with taking() as proxy:
        await send_some(
            api,
            tmp_path,
            OTEL_EXPORTER_OTLP_ENDPOINT="https://collector.example:4318",
            OTEL_EXPORTER_OTLP_HEADERS="x-key=secret",
            HTTPS_PROXY=f"http://{proxy.address}",
            NO_PROXY=no_proxy,
        )
    assert bool(proxy.heads) == asked
    assert all(head.startswith("CONNECT collector.example:4318 HTTP/1") for head in proxy.heads)
    assert "secret" not in "".join(proxy.heads)


async def test_plain_http_never_goes_through_a_proxy(api: Process, tmp_path: Path) -> None:
    async with taking() as proxy, taking() as place:
        endpoint = f"http://{place.address}"
        outside = {"HTTPS_PROXY": f"http://{proxy.address}", "ALL_PROXY": f"http://{proxy.address}"}
        await send_some(api, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **outside)
    assert place.bodies
    assert not proxy.heads


async def test_spans_may_be_printed_a_line_each(api: Process, tmp_path: Path) -> None:
    gateway = gateway_process(api.url, tmp_path, OTEL_TRACES_EXPORTER="console", **QUICKLY)
    await asyncio.to_thread(gateway.start)
    try:
        async with session(gateway.url, token("ann")) as send:
            await send("ping", {})
    finally:
        await asyncio.to_thread(gateway.stop)
    names = [json.loads(line).get("name") for line in gateway.log.read_text().splitlines()]
    assert [name for name in names if name] == ["initialize", "ping"]
