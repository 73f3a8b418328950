"""Signing in over https, below a path, as on the internet."""

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import Cookie
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.harness.accounts import invited
from tests.harness.certificates import Authority
from tests.harness.person import Person
from tests.harness.processes import api_process, free_port, gateway_process, running
from tests.login.known import CALLBACK, VERIFIER, members, query
from tests.login.places import EMBEDDED
from tests.login.tls import behind_tls

PREFIX = "/tools"


@dataclass(frozen=True)
class Internet:
    url: str
    trusts: ssl.SSLContext
    person: Person

    def post(self, path: str, **given: object) -> httpx.Response:
        with httpx.Client(trust_env=False, verify=self.trusts) as http:
            return http.post(self.url + path, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def internet(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    folder, port, authority = tmp_path_factory.mktemp("https"), free_port(), Authority()
    url = f"https://localhost:{port}{PREFIX}"
    with (
        running(api_process(api_binary, folder, **EMBEDDED)) as api,
        running(gateway_process(api.url, folder, **EMBEDDED, TOOLBRIDGE_PUBLIC_URL=url)) as gateway,
        behind_tls(port, gateway.port, authority.server("localhost")),
        Person(url, "ann", trusts=authority.client()) as person,
    ):
        person.accepts(asyncio.run(invited(api.url, person.name)))
        yield Internet(url, authority.client(), person)


def cookies(person: Person) -> dict[str, Cookie]:
    return {cookie.name: cookie for cookie in person.http.cookies.jar}


def test_cookies_are_bound_to_this_host_and_to_https(internet: Internet) -> None:
    """RFC 6265bis, section 4.1.3.2: such a name is kept only with Secure, for the whole host, without
    Domain."""
    kept = cookies(internet.person)
    assert {"__Host-tb-session", "__Host-tb-browser"} <= kept.keys()
    for name in ("__Host-tb-session", "__Host-tb-browser"):
        assert kept[name].secure
        assert kept[name].path == "/"
        assert not kept[name].domain_specified
        assert kept[name].has_nonstandard_attr("HttpOnly")


def test_a_person_lets_a_client_in_below_a_path(internet: Internet) -> None:
    client = internet.post(
        "/register", json={"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
    )
    client_id = client.json()["client_id"]
    asked = query(client_id, resource=f"{internet.url}/mcp")
    answer = members(internet.person.visits(f"{internet.url}/authorize?{asked}"))
    assert answer["iss"] == internet.url
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    tokens = internet.post("/token", data=form)
    assert tokens.status_code == 200, tokens.text
    bearer = {
        "Authorization": f"Bearer {tokens.json()['access_token']}",
        "Accept": "application/json, text/event-stream",
    }
    called = internet.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, headers=bearer)
    assert called.status_code not in (401, 403), called.text
    wrong = internet.post("/mcp", json={}, headers={"Authorization": "Bearer x"})
    assert f'resource_metadata="{internet.url}/.well-known/' in wrong.headers["WWW-Authenticate"]


def test_a_form_of_another_origin_is_refused(internet: Internet) -> None:
    page = internet.person.opens(f"{internet.url}/password")
    form = page.form("/password")
    parts = urlsplit(internet.url)
    for origin in (
        "http://localhost",
        "https://localhost:1",
        "null",
        "https://evil.example",
    ):
        answer = internet.person.http.post(
            f"https://{parts.netloc}{form.action}", data=form.fields, headers={"Origin": origin}
        )
        assert answer.status_code == 403, origin


def test_answers_say_that_the_host_speaks_https_only(internet: Internet) -> None:
    with httpx.Client(trust_env=False, verify=internet.trusts) as http:
        answer = http.get(f"{internet.url}/sign-in")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
