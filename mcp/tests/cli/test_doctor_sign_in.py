"""The doctor at a gateway at which people sign in, behind what may stand in front of it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.test_doctor import CHECKS, Report, examine
from tests.harness.edge import Edge, Spoil, running_edge
from tests.harness.processes import Process, api_process, gateway_process, running
from tests.login.places import EMBEDDED

OF_THE_SIGN_IN = ["metadata of the sign-in", "keys of the sign-in", "sign-in page"]


@dataclass
class Place:
    edge: Edge
    gateway: Process

    def examined(self, spoil: Spoil | None = None, **settings: str) -> Report:
        self.edge.spoil = spoil or (lambda _request, _answer: None)
        return examine(self.gateway.environment, **settings)


@pytest.fixture(scope="module")
def place(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("doctor")
    with running_edge() as edge, running(api_process(api_binary, folder, **EMBEDDED)) as api:
        settings = {**EMBEDDED, "TOOLBRIDGE_PUBLIC_URL": edge.url}
        with running(gateway_process(api.url, folder, **settings)) as gateway:
            edge.gateway = gateway.url
            yield Place(edge, gateway)


def to(path: str, **changes: Any) -> Spoil:
    """Another JSON at this path."""

    def spoil(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.url.path != path:
            return None
        document = {**answer.json(), **changes}
        return httpx.Response(
            200, json={name: value for name, value in document.items() if value is not None}
        )

    return spoil


def status(code: int, when: Callable[[httpx.Request], bool]) -> Spoil:
    return lambda request, _answer: httpx.Response(code, text="blocked") if when(request) else None


def without(header: str, path: str) -> Spoil:
    def spoil(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.url.path == path:
            answer.headers.pop(header, None)
        return None

    return spoil


def test_a_good_sign_in_passes_every_check(place: Place) -> None:
    report = place.examined()
    assert report.code == 0, report.lines
    assert len(report.lines) == CHECKS + len(OF_THE_SIGN_IN)
    url = place.edge.url
    assert f"ok          metadata of the sign-in: {url}" in report.lines
    assert "ok          keys of the sign-in: 1 published" in report.lines
    assert f"ok          sign-in page: {url}/sign-in" in report.lines
    assert "ok          agents of AI services: Claude-User, python-httpx/0.28.1" in report.lines


SERVER = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
RESOURCE = "/.well-known/oauth-protected-resource"

AGENT = status(403, lambda request: "Claude" in request.headers["User-Agent"] and request.url.path == "/mcp")
LIBRARY = status(403, lambda request: request.headers["User-Agent"].startswith("python-httpx"))

SPOILED: Mapping[str, tuple[Spoil, str]] = {
    "the agent that calls is blocked": (
        AGENT,
        "agents of AI services: /mcp answers 403 to the agent Claude-User, where 401 is due; let this agent",
    ),
    "the agent that reads the metadata is blocked": (
        LIBRARY,
        f"agents of AI services: {RESOURCE}/mcp answers 403 to the agent python-httpx/0.28.1, where 200",
    ),
    "the challenge is lost": (
        without("WWW-Authenticate", "/sse"),
        "refusal without a token: the 401 of /sse lost",
    ),
    "another resource": (
        to(f"{RESOURCE}/mcp", resource="http://inside/mcp"),
        "metadata for clients: the gateway",
    ),
    "another server is named": (
        to(f"{RESOURCE}/mcp", authorization_servers=["http://inside"]),
        "metadata of the sign-in: the metadata of /mcp sends clients to http://inside to sign in",
    ),
    "another issuer": (
        to(OPENID, issuer="http://inside"),
        f"metadata of the sign-in: {OPENID} names the issuer http://inside, and clients accept ",
    ),
    "another address of the page": (
        to(SERVER, authorization_endpoint="http://inside/authorize"),
        f"metadata of the sign-in: {SERVER} has no authorization_endpoint below ",
    ),
    "no PKCE": (
        to(SERVER, code_challenge_methods_supported=None),
        f"metadata of the sign-in: {SERVER} does not offer S256",
    ),
    "documents that contradict each other": (
        to(OPENID, revocation_endpoint=None),
        f"metadata of the sign-in: {SERVER} and {OPENID} contradict each other",
    ),
    "no document": (
        status(404, lambda request: request.url.path == SERVER),
        f"metadata of the sign-in: {SERVER} is not the gateway's document",
    ),
    "no keys": (to("/.well-known/jwks.json", keys=[]), "keys of the sign-in: http://"),
    "no registration": (
        status(403, lambda request: request.url.path == "/register"),
        "sign-in page: /register answers 403 to a client, where 201 is due",
    ),
    "no page": (
        status(403, lambda request: request.url.path == "/sign-in"),
        "sign-in page: the browser ends at /sign-in with status 403, and not at the sign-in page",
    ),
    "a page that anything may frame": (
        without("Content-Security-Policy", "/sign-in"),
        "sign-in page: the sign-in page lost its Content-Security-Policy",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_spoiled_in_front_of_the_gateway_is_named(place: Place, name: str) -> None:
    spoil, says = SPOILED[name]
    report = place.examined(spoil)
    assert report.failure.startswith(says), report.failure


def test_another_address_than_the_issuers(place: Place) -> None:
    report = place.examined(TOOLBRIDGE_PUBLIC_URL=place.gateway.url)
    assert report.failure.startswith("metadata for clients: the gateway calls itself ")
    assert f"set TOOLBRIDGE_PUBLIC_URL={place.gateway.url} and start it again" in report.failure


def test_nothing_is_kept_of_the_visit(place: Place) -> None:
    before = place.gateway.log.stat().st_size
    place.examined()
    with place.gateway.log.open() as log:
        log.seek(before)
        levels = {json.loads(line)["level"] for line in log}
    assert levels <= {"info"}
