"""OAuth's endpoints as the gateway serves them: where they are, who may use them, and every error."""

import json
import re
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.harness.processes import Process
from tests.login.known import CALLBACK, VERIFIER, members, query
from tests.login.places import browsing, signing_in

PUBLIC = "https://tools.example/prefix"
PAGE = {"Origin": "https://page.example"}
PEOPLE = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture(scope="module")
def here(api_binary: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with signing_in(api_binary, tmp_path_factory.mktemp("here")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def public(api_binary: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One behind a proxy that serves it below a path."""
    folder = tmp_path_factory.mktemp("public")
    with signing_in(api_binary, folder, TOOLBRIDGE_PUBLIC_URL=PUBLIC) as gateway:
        yield gateway


@pytest.fixture
def http(here: Process) -> Iterator[httpx.Client]:
    with browsing(here) as http:
        yield http


def registered(http: httpx.Client, **metadata: Any) -> dict[str, Any]:
    given = {"redirect_uris": [CALLBACK], "client_name": "A client", **metadata}
    answer = http.post("/register", json=given)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def error_of(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert body.keys() == {"error", "error_description"}
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, body["error"]


PLACES = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("shape", ["{0}", "{0}/mcp", "{0}/sse", "/mcp{0}"])
def test_the_metadata_names_what_is_served(place: str, shape: str, http: httpx.Client, here: Process) -> None:
    document = http.get(shape.format(place)).json()
    assert document["issuer"] == here.url
    for name in ("authorization", "token", "registration", "revocation"):
        address = document[f"{name}_endpoint"]
        assert address.startswith(f"{here.url}/")
        assert http.options(urlsplit(address).path).status_code != 404
    assert document["client_id_metadata_document_supported"] is True
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["grant_types_supported"] == ["authorization_code", "refresh_token", "client_credentials"]
    assert set(document["token_endpoint_auth_methods_supported"]) == {
        "none",
        "client_secret_post",
        "client_secret_basic",
    }
    keys = http.get(urlsplit(document["jwks_uri"]).path).json()["keys"]
    assert keys
    assert not any("d" in key for key in keys)


def test_every_method_and_grant_of_the_metadata_is_served(http: httpx.Client) -> None:
    document = http.get(PLACES[0]).json()
    for method in document["token_endpoint_auth_methods_supported"]:
        assert registered(http, token_endpoint_auth_method=method)["token_endpoint_auth_method"] == method
    for grant in document["grant_types_supported"]:
        assert error_of(http.post("/token", data={"grant_type": grant}))[1] != "unsupported_grant_type"


def test_the_resource_names_the_issuer(http: httpx.Client, here: Process) -> None:
    document = http.get("/.well-known/oauth-protected-resource/mcp").json()
    assert document["authorization_servers"] == [here.url]
    assert document["resource"] == f"{here.url}/mcp"


@pytest.mark.parametrize("prefix", ["", "/prefix"])
def test_a_proxy_may_keep_the_path_or_not(prefix: str, public: Process) -> None:
    with browsing(public, Host="tools.example") as http:
        document = http.get(f"{prefix}{PLACES[0]}").json()
        assert document["issuer"] == PUBLIC
        assert document["token_endpoint"] == f"{PUBLIC}/token"
        client = http.post(f"{prefix}/register", json={"redirect_uris": [CALLBACK]}).json()
        asked = http.get(f"{prefix}/authorize?{query(client['client_id'])}")
        assert asked.headers["Location"] == f"/prefix/consent?{query(client['client_id'])}"
        assert error_of(http.post(f"{prefix}/token", data={"grant_type": "x"}))[0] == 400


@pytest.mark.parametrize("path", ["/token", "/register", "/revoke"])
def test_programs_in_pages_of_every_site_may_use_what_is_for_programs(path: str, http: httpx.Client) -> None:
    asks = {
        **PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    allowed = http.options(path, headers=asks)
    assert allowed.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in allowed.headers["Access-Control-Allow-Methods"]
    refused = http.post(path, headers=PAGE)
    assert refused.status_code == 400
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        assert http.request(method, path, headers=PAGE).status_code == 405


def test_no_foreign_page_may_ask_in_the_name_of_a_person(http: httpx.Client) -> None:
    asked = query(registered(http)["client_id"])
    for path in ("/authorize", "/consent", "/sign-in"):
        assert http.get(f"{path}?{asked}", headers=PAGE).status_code == 403
    assert http.post(f"/authorize?{asked}").status_code == 405
    assert http.head(f"/authorize?{asked}").status_code == 302


@pytest.mark.parametrize("path", ["/token", "/register", "/authorize", PLACES[0], "/.well-known/jwks.json"])
def test_a_foreign_name_of_the_gateway_is_refused(path: str, http: httpx.Client) -> None:
    assert http.get(path, headers={"Host": "evil.example"}).status_code == 421


def test_a_request_that_is_in_order_goes_to_the_page_with_the_same_query(http: httpx.Client) -> None:
    asked = query(registered(http)["client_id"], scope="read write", state="%&=+ \u20ac")
    answer = http.get(f"/authorize?{asked}")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/consent?{asked}")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_person_reads_a_page_where_a_program_gets_json(http: httpx.Client) -> None:
    asked = query("unknown")
    assert error_of(http.get(f"/authorize?{asked}")) == (400, "invalid_client")
    page = http.get(f"/authorize?{asked}", headers=PEOPLE)
    assert page.status_code == 400
    assert page.headers["Content-Type"].startswith("text/html")
    assert "register again" in page.text


def test_a_person_is_sent_back_to_their_own_device_at_once(http: httpx.Client, here: Process) -> None:
    asked = query(registered(http)["client_id"], scope="nothing")
    for headers in (PEOPLE, {}):
        answer = http.get(f"/authorize?{asked}", headers=headers)
        assert answer.status_code == 302
        told = members(answer.headers["Location"])
        assert (told["error"], told["iss"], told["state"]) == ("invalid_scope", here.url, "x y")


def test_nobody_is_sent_to_a_site_without_a_click(http: httpx.Client) -> None:
    """Everyone may register a site, so the gateway would be an open redirector (RFC 9700, section 4.11.2)."""
    uri = "https://client.example/cb"
    asked = query(registered(http, redirect_uris=[uri])["client_id"], redirect_uri=uri, scope="nothing")
    page = http.get(f"/authorize?{asked}", headers=PEOPLE)
    assert (page.status_code, page.headers.get("Location"), page.headers.get("Refresh")) == (400, None, None)
    assert f'href="{uri}?error=invalid_scope' in page.text
    assert http.get(f"/authorize?{asked}").headers["Location"].startswith(f"{uri}?error=invalid_scope")


def form(client: dict[str, Any], **changes: str | None) -> dict[str, str]:
    given = {
        "grant_type": "authorization_code",
        "client_id": client["client_id"],
        "code": "tbc_unknown",
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def public_client(http: httpx.Client) -> dict[str, Any]:
    return registered(http, token_endpoint_auth_method="none")


@pytest.mark.parametrize(
    ("status", "error", "changes"),
    [
        (400, "invalid_request", {"grant_type": None}),
        (400, "unsupported_grant_type", {"grant_type": "password"}),
        (400, "unsupported_grant_type", {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}),
        (401, "invalid_client", {"client_id": None}),
        (401, "invalid_client", {"client_id": "unknown"}),
        (401, "invalid_client", {"client_assertion": "x", "client_assertion_type": "y"}),
        (400, "invalid_request", {"code": None}),
        (400, "invalid_request", {"code_verifier": None}),
        (400, "invalid_grant", {}),
        (400, "invalid_grant", {"code": "tbc_" + "x" * 20_000}),
        (400, "invalid_grant", {"grant_type": "refresh_token", "refresh_token": "tbr_unknown"}),
        (400, "invalid_grant", {"grant_type": "refresh_token", "refresh_token": "tbr_" + "x" * 20_000}),
        (400, "invalid_request", {"grant_type": "refresh_token"}),
        (400, "unauthorized_client", {"grant_type": "client_credentials"}),
        (400, "unauthorized_client", {"client_id": "service:export"}),
    ],
)
def test_the_token_endpoint_refuses(
    status: int, error: str, changes: dict[str, str | None], http: httpx.Client
) -> None:
    """RFC 6749, section 5.2."""
    assert error_of(http.post("/token", data=form(public_client(http), **changes))) == (status, error)


@pytest.mark.parametrize("path", ["/token", "/revoke"])
def test_a_parameter_that_comes_twice_is_refused_there_too(path: str, http: httpx.Client) -> None:
    body = "grant_type=refresh_token&token=a&token=b&client_id=x&client_id=x"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert error_of(http.post(path, content=body, headers=kind)) == (400, "invalid_request")


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_only_a_form_is_read(kind: str, http: httpx.Client) -> None:
    for path in ("/token", "/revoke"):
        answer = http.post(path, content=b"grant_type=refresh_token", headers={"Content-Type": kind})
        assert error_of(answer) == (400, "invalid_request")


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_client_with_a_secret_has_to_know_it(method: str, http: httpx.Client) -> None:
    """It may send it either way: clients register the one and send the other."""
    client = registered(http, token_endpoint_auth_method=method)
    client_id, secret = client["client_id"], client["client_secret"]
    in_form = {"grant_type": "refresh_token", "refresh_token": "x"}
    both = {**in_form, "client_id": client_id}
    right = (400, "invalid_grant")
    assert error_of(http.post("/token", data={**both, "client_secret": secret})) == right
    assert error_of(http.post("/token", data=in_form, headers=basic(client_id, secret))) == right
    assert error_of(http.post("/token", data=both, headers=basic(client_id, secret))) == right
    wrong = (401, "invalid_client")
    for data in (both, {**both, "client_secret": f"{secret}x"}, {**both, "client_secret": ""}):
        assert error_of(http.post("/token", data=data)) == wrong
    for header in (
        basic(client_id, "x"),
        basic(client_id, ""),
        basic("x", secret),
        {"Authorization": "Basic x"},
    ):
        answer = http.post("/token", data=in_form, headers=header)
        assert error_of(answer) == wrong
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert (
        error_of(http.post("/token", data={**both, "client_id": "y"}, headers=basic(client_id, secret)))
        == wrong
    )
    twice = http.post("/token", data={**both, "client_secret": secret}, headers=basic(client_id, secret))
    assert error_of(twice) == (400, "invalid_request")


def test_the_secret_of_another_client_is_no_secret(http: httpx.Client) -> None:
    mine, other = registered(http), registered(http, client_name="Another")
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": mine["client_id"]}
    answer = http.post("/token", data={**form, "client_secret": other["client_secret"]})
    assert error_of(answer) == (401, "invalid_client")


def test_revoking_says_nothing_of_tokens_that_are_not_known(http: httpx.Client) -> None:
    """RFC 7009, section 2.2."""
    client_id = public_client(http)["client_id"]
    for hint in ("access_token", "refresh_token", "something"):
        answer = http.post("/revoke", data={"token": "x", "client_id": client_id, "token_type_hint": hint})
        assert (answer.status_code, answer.content) == (200, b"")
    assert http.post("/revoke", data={"token": "x" * 20_000, "client_id": client_id}).status_code == 200
    assert error_of(http.post("/revoke", data={"client_id": client_id})) == (400, "invalid_request")
    assert error_of(http.post("/revoke", data={"token": "x"})) == (401, "invalid_client")
    assert error_of(http.post("/revoke", data={"token": "x", "client_id": "y"})) == (401, "invalid_client")
    client = registered(http)
    wrong = {"token": "x", "client_id": client["client_id"], "client_secret": "y"}
    assert error_of(http.post("/revoke", data=wrong)) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["/token", "/revoke", "/register"])
def test_a_large_body_is_refused(path: str, http: httpx.Client) -> None:
    content = b"a=" + b"x" * 70_000
    answer = http.post(path, content=content, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert error_of(answer) == (413, "invalid_request")


def test_a_body_that_does_not_come_is_not_waited_for(here: Process) -> None:
    head = (
        f"POST /register HTTP/1.1\r\nHost: 127.0.0.1:{here.port}\r\nContent-Length: 100\r\n"
        "Content-Type: application/json\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", here.port)) as connection:
        began_at = time.monotonic()
        connection.sendall(head.encode())
        answer = connection.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 408 ")
    assert 5 < time.monotonic() - began_at < 20


def test_refusals_are_counted_by_reason(http: httpx.Client) -> None:
    client_id = public_client(http)["client_id"]
    before = refusals(http)
    http.post("/token", data={"grant_type": "x"})
    http.post("/token", data={"grant_type": "refresh_token", "refresh_token": "x", "client_id": client_id})
    http.post("/token", data={"grant_type": "refresh_token", "refresh_token": "x", "client_id": "x"})
    http.get(f"/authorize?{query('unknown')}")
    http.get(f"/authorize?{query(client_id, scope='x')}")
    http.post("/register", content=b" " * 70_000)
    after = refusals(http)
    added = {reason: after[reason] - before[reason] for reason in after}
    assert (added["oauth_request"], added["oauth_client"], added["large_body"]) == (3, 2, 1)


def refusals(http: httpx.Client) -> dict[str, float]:
    found = re.findall(
        r'^toolbridge_refused_total{reason="(\w+)"} (\S+)$', http.get("/metrics").text, re.MULTILINE
    )
    return {reason: float(number) for reason, number in found}


def test_whoever_guesses_has_to_wait(api_binary: Path, tmp_path: Path) -> None:
    with (
        signing_in(api_binary, tmp_path, TOOLBRIDGE_TRUSTED_PROXIES="127.0.0.1") as gateway,
        browsing(gateway) as http,
    ):
        client_id = public_client(http)["client_id"]
        guess = {"grant_type": "refresh_token", "refresh_token": "tbr_x", "client_id": client_id}
        here = {"X-Forwarded-For": "192.0.2.1"}
        answers = [http.post("/token", data=guess, headers=here) for _ in range(260)]
        assert [answer.status_code for answer in answers[:240]] == [400] * 240
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["Retry-After"]) >= 1
        other = http.post("/token", data=guess, headers={"X-Forwarded-For": "192.0.2.2"})
        assert other.status_code == 400, "another address behind the same proxy"


def test_a_proxy_names_who_guesses_in_a_header_of_its_own(api_binary: Path, tmp_path: Path) -> None:
    """As Fly.io's does: its `X-Forwarded-For` keeps what a client has sent, and ends with an address of the
    app, the same for all clients."""
    fly = {"TOOLBRIDGE_TRUSTED_PROXIES": "127.0.0.1", "TOOLBRIDGE_CLIENT_ADDRESS_HEADER": "Fly-Client-IP"}
    with signing_in(api_binary, tmp_path, **fly) as gateway, browsing(gateway) as http:
        client_id = public_client(http)["client_id"]
        guess = {"grant_type": "refresh_token", "refresh_token": "tbr_x", "client_id": client_id}

        def guesses(number: int, client: str) -> int:
            named = {"Fly-Client-IP": client, "X-Forwarded-For": f"203.0.113.{number % 256}, 2001:db8::1"}
            return http.post("/token", data=guess, headers=named).status_code

        assert [guesses(number, "192.0.2.1") for number in range(260)][-1] == 429
        assert guesses(0, "192.0.2.2") == 400, "another address behind the same proxy"


def test_no_secret_is_logged(here: Process, http: httpx.Client) -> None:
    client = registered(http, client_name="Nobody logs this name")
    data = {"grant_type": "refresh_token", "refresh_token": "tbr_not-to-be-logged", **client}
    http.post(
        "/token",
        data={name: data[name] for name in ("grant_type", "refresh_token", "client_id", "client_secret")},
    )
    http.get(f"/authorize?{query(client['client_id'], state='state-not-to-be-logged')}")
    log = here.log.read_text()
    assert "not-to-be-logged" not in log
    assert "Nobody logs this name" not in log
    assert client["client_secret"] not in log
    assert client["client_id"] not in log


def test_nothing_of_it_is_there_without_it(gateway: Process) -> None:
    with browsing(gateway) as http:
        for path in (
            "/authorize",
            "/token",
            "/register",
            "/revoke",
            "/sign-in",
            "/consent",
            "/.well-known/jwks.json",
        ):
            assert http.get(path).status_code == 404
            assert json.loads(http.post(path).content)["error"] == "not_found"
