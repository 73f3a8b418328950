"""The client for the identity provider: made where there is one, and through the proxy of the environment."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.harness.clients import settings_for
from toolbridge_mcp.environment import OUTSIDE
from toolbridge_mcp.http_clients import client_for, outside_http
from toolbridge_mcp.settings import WrongSetting

PROVIDER = "https://id.example/jwks.json"
SOCKS = "socks5://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_variables_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OUTSIDE:
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def proxy() -> AsyncIterator[tuple[str, list[str]]]:
    """The address of a proxy that refuses everything, and the hosts that it was asked to connect to."""
    asked: list[str] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode().split()[1])
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


def test_without_an_identity_provider_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"ALL_PROXY": SOCKS, "HTTPS_PROXY": "%%", "SSL_CERT_FILE": "/gone", "SSL_CERT_DIR": "/gone"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def read(*_: object) -> None:
        raise AssertionError("certificates are read")

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", read)
    monkeypatch.setattr(ssl.SSLContext, "set_default_verify_paths", read)
    outside_http(settings_for("http://127.0.0.1:1"))


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("value", [SOCKS, "socks5h://proxy:1080", "ftp://proxy", "http://[::1", "%%%"])
def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongSetting) as caught:
        client_for([PROVIDER], 1)
    assert caught.value.sentence.startswith(f"{name}: is no http or https proxy; set HTTPS_PROXY to one")


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_certificates_that_cannot_be_used_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(WrongSetting) as caught:
        client_for([PROVIDER], 1)
    assert caught.value.sentence.startswith("SSL_CERT_FILE: is no readable file")


def test_a_folder_of_certificates_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", "/gone")
    with pytest.raises(WrongSetting) as caught:
        client_for([PROVIDER], 1)
    assert caught.value.sentence.startswith("SSL_CERT_DIR: is no folder")


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("no_proxy", ["", "[::1]", "::1,fd00::/8,other.example", "127.0.0.0/8, localhost"])
async def test_the_proxy_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, name: str, no_proxy: str
) -> None:
    async with proxy() as (address, asked):
        monkeypatch.setenv(name, address)
        monkeypatch.setenv("NO_PROXY", no_proxy)
        async with client_for([PROVIDER], 5) as client:
            with pytest.raises(httpx.ProxyError):
                await client.get(PROVIDER)
    assert asked == ["id.example:443"]


@pytest.mark.anyio
async def test_https_proxy_wins_over_all_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy() as (address, asked):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        monkeypatch.setenv("ALL_PROXY", SOCKS)
        async with client_for([PROVIDER], 5) as client:
            with pytest.raises(httpx.ProxyError):
                await client.get(PROVIDER)
    assert asked


@pytest.mark.parametrize(
    ("url", "no_proxy"),
    [
        (PROVIDER, "*"),
        (PROVIDER, "id.example"),
        (PROVIDER, ".example"),
        (PROVIDER, "other, *.EXAMPLE"),
        ("https://id.example:8443/", "id.example:8443"),
        ("https://10.1.2.3/", "10.0.0.0/8"),
        ("https://[fd00::5]/", "[::1] fd00::/8"),
        ("https://[fd00::5]/", "[fd00::5]"),
        ("http://localhost:1/", ""),
        ("http://[::1]:1/", ""),
    ],
)
def test_hosts_of_no_proxy_need_no_proxy(monkeypatch: pytest.MonkeyPatch, url: str, no_proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", SOCKS)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    client_for([url], 1)


@pytest.mark.parametrize("no_proxy", ["d.example", "example.org", "10.0.0.0/8", "id.example:8443", ","])
def test_other_hosts_do(monkeypatch: pytest.MonkeyPatch, no_proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", SOCKS)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    with pytest.raises(WrongSetting):
        client_for([PROVIDER], 1)
