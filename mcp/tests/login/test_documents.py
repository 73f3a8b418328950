"""Client ID metadata documents, from a real https server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from fastmcp.server.auth import ssrf
from mcp.shared.auth import InvalidRedirectUriError

from tests.login.known import OFFERED, authorization, query, seal
from tests.login.publisher import CERTIFICATE, Publisher, publishing
from toolbridge_mcp.login import documents as documents_module
from toolbridge_mcp.login.authorization import Refusal
from toolbridge_mcp.login.clients import Client, Clients, UnknownClient
from toolbridge_mcp.login.documents import Documents
from toolbridge_mcp.login.limits import PublicLimit, TooMany

pytestmark = pytest.mark.anyio
ADDRESS = "192.0.2.1"


@pytest.fixture
async def publisher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Publisher]:
    """Its certificate is trusted, and its address is allowed, in this process only."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / CERTIFICATE))
    monkeypatch.setattr(ssrf, "is_ip_allowed", lambda _: True)
    async with publishing(tmp_path) as site:
        yield site


def clients(documents: Documents) -> Clients:
    return Clients(OFFERED, seal, documents)


async def found(url: str, documents: Documents | None = None) -> Client:
    return await clients(documents or Documents()).find(url, ADDRESS)


async def test_a_document_says_who_a_client_is(publisher: Publisher) -> None:
    url = publisher.publish("client.json", "http://127.0.0.1/cb", "cursor://a/b", scope="read")
    client = await found(url)
    assert (client.client_id, client.client_name) == (url, "A client")
    assert client.host == f"localhost:{publisher.port}"
    assert client.addresses == ("http://127.0.0.1/cb", "cursor://a/b")
    assert client.token_endpoint_auth_method == "none"
    assert client.validate_scope("read write") == ["read"]


async def test_a_request_of_such_a_client_is_proven(publisher: Publisher) -> None:
    url = publisher.publish("client.json", "http://127.0.0.1:1/callback")
    asked = await authorization(Documents()).check(query(url), ADDRESS)
    assert asked.is_proven
    assert asked.client.host == f"localhost:{publisher.port}"


async def test_a_document_is_read_once_for_many_requests(publisher: Publisher) -> None:
    url, documents = publisher.publish("client.json", "http://127.0.0.1/cb"), Documents()
    await asyncio.gather(*(found(url, documents) for _ in range(20)))
    await found(url, documents)
    assert publisher.read == ["client.json"]


async def test_redirect_uris_of_a_document_obey_the_same_rules(publisher: Publisher) -> None:
    bad = ("http://evil.example/cb", "https://*.evil.example/cb", "http://localhost:*/cb", "javascript://x/y")
    url = publisher.publish("client.json", *bad, "https://client.example/cb")
    client = await found(url)
    assert client.addresses == ("https://client.example/cb",)
    for asked in (*bad, "https://a.evil.example/cb", "http://localhost:1/cb"):
        with pytest.raises(Refusal):
            await authorization(Documents()).check(query(url, redirect_uri=asked), ADDRESS)


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uris": []},
        {"redirect_uris": ["http://*/cb"]},
        {"client_id": "https://other.example/client.json"},
        {"client_id": None},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"padding": "x" * 6_000},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_document_that_is_not_in_order_is_no_client(
    changes: dict[str, Any], publisher: Publisher
) -> None:
    url = publisher.publish("client.json", "http://127.0.0.1/cb", **changes)
    with pytest.raises(UnknownClient):
        await found(url)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b"[" * 5_000,
        b'{"a":' + b"[" * 2_000,
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":"\xff"}',
        b'"a"',
    ],
    ids=["nothing", "zero", "deep", "deep in an object", "a long number", "no text", "no object"],
)
async def test_what_is_no_document_at_all_is_no_client_either(body: bytes, publisher: Publisher) -> None:
    documents = Documents()
    publisher.documents["client.json"] = body
    for _ in range(2):
        with pytest.raises(UnknownClient):
            await found(publisher.url("client.json"), documents)
    assert publisher.read == ["client.json"]


async def test_nor_is_one_that_may_be_kept_for_ever_and_longer(publisher: Publisher) -> None:
    publisher.headers["Cache-Control"] = "max-age=" + "9" * 400
    url = publisher.publish("client.json", "http://127.0.0.1/cb")
    with pytest.raises(UnknownClient):
        await found(url)


async def test_a_failure_is_remembered_for_a_while(publisher: Publisher) -> None:
    now = 0.0
    documents = Documents(clock=lambda: now)
    url = publisher.url("client.json")
    for _ in range(3):
        with pytest.raises(UnknownClient):
            await found(url, documents)
    assert publisher.read == ["client.json"]
    publisher.publish("client.json", "http://127.0.0.1/cb")
    now = documents_module.FAILED_SECONDS + 1
    assert await found(url, documents)


async def test_failures_take_no_more_memory_than_they_may(publisher: Publisher) -> None:
    documents = Documents(PublicLimit((10**6, 10**6), (10**6, 10**6)))
    for number in range(3):
        with pytest.raises(UnknownClient):
            await found(publisher.url(f"{number}.json"), documents)
    for number in range(documents_module.MOST_FAILURES + 10):
        documents._failure(f"https://a.example/{number}", "no")
    assert len(documents._failed) == documents_module.MOST_FAILURES


async def test_a_slow_document_is_given_up(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents_module, "READING_SECONDS", 0.2)
    publisher.gate.clear()
    with pytest.raises(UnknownClient, match="cannot be read"):
        await found(publisher.publish("client.json", "http://127.0.0.1/cb"))


async def test_so_many_documents_are_read_at_once(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents_module, "MOST_READINGS", 2)
    publisher.gate.clear()
    documents = Documents()
    urls = [publisher.publish(f"{number}.json", "http://127.0.0.1/cb") for number in range(3)]
    reading = [asyncio.create_task(found(url, documents)) for url in urls[:2]]
    while len(publisher.read) < 2:
        await asyncio.sleep(0.01)
    with pytest.raises(TooMany):
        await found(urls[2], documents)
    publisher.gate.set()
    assert len(await asyncio.gather(*reading)) == 2
    assert await found(urls[2], documents)


async def test_an_address_may_name_so_many_new_documents(publisher: Publisher) -> None:
    documents = Documents(PublicLimit((60, 2), (600, 10)))
    urls = [publisher.publish(f"{number}.json", "http://127.0.0.1/cb") for number in range(3)]
    for url in urls[:2]:
        await found(url, documents)
    with pytest.raises(TooMany):
        await found(urls[2], documents)
    assert await found(urls[0], documents), "one that is known is not read again"
    assert await clients(documents).find(urls[2], "192.0.2.2")


async def test_nobody_is_signed_out_because_a_clients_site_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssrf, "resolve_hostname", _no_request)
    client = await clients(Documents()).holding_a_grant("https://client.example/client.json")
    assert client.token_endpoint_auth_method == "none"
    with pytest.raises(InvalidRedirectUriError):
        client.redirect_for("https://client.example/cb")


INSIDE = [
    "https://127.0.0.1/client.json",
    "https://localhost/client.json",
    "https://[::1]/client.json",
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/client.json",
    "https://[::ffff:127.0.0.1]/client.json",
    "https://2130706433/client.json",
    "https://0/client.json",
]
NO_DOCUMENT = [
    "https://client.example",
    "https://client.example/",
    "https://user@client.example/x",
    "https://client.example/a/../x",
    "https://client.example/a/%2e%2E/x",
    "https://client.example/x#y",
    "https://client.example/x y",
    "https://client.example/x\\y",
    "https:///x",
    f"https://client.example/{'x' * 600}",
]


@pytest.mark.parametrize("url", INSIDE)
async def test_no_address_inside_is_reached(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastmcp.server.auth.ssrf.httpx2.AsyncClient", _no_request)
    with pytest.raises(UnknownClient):
        await found(url)


@pytest.mark.parametrize("url", NO_DOCUMENT)
async def test_an_address_that_can_be_none_of_a_document_is_not_looked_up(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssrf, "resolve_hostname", _no_request)
    with pytest.raises(UnknownClient, match="no address of a metadata document"):
        await found(url)


def _no_request(*_: Any, **__: Any) -> Callable[..., Any]:
    raise AssertionError("something was asked")
