"""Every page as a browser gets it over HTTP: its headers, and what it refuses."""

import re

import pytest

from tests.login.pages.deployed import PASSWORD, Deployed
from tests.login.pages.steps import LOOPBACK, NEW, signed_in
from tests.login.pages.visitor import SEE_OTHER, Visitor

pytestmark = pytest.mark.slow

PATHS = ("/sign-in", "/invitation", "/consent", "/password", "/connections", "/sign-out", "/signed-out")
WITH_FORM = ("/sign-in", "/invitation", "/consent", "/password", "/connections", "/sign-out")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("path", PATHS)
def test_every_page_has_the_headers_that_are_claimed(visitor: Visitor, path: str) -> None:
    headers = visitor.http.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    source = policy.pop("style-src")
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/=]{44}'", source)
    assert policy == {
        "default-src": "'none'",
        "img-src": "data:",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_the_pages_have_the_name_and_the_colour_of_the_product(visitor: Visitor) -> None:
    html = visitor.open("/sign-in").answer.text
    assert '<p class="brand">Acme &lt;i&gt;Tools&lt;/i&gt; &amp; Co</p>' in html
    assert "<title>Sign in - Acme &lt;i&gt;Tools&lt;/i&gt; &amp; Co</title>" in html
    assert "--brand:#ffcc00;--on-brand:#000000" in html


def test_forms_that_did_not_come_from_a_page_are_counted(visitor: Visitor) -> None:
    def counted() -> float:
        said = visitor.http.get("/metrics").text
        (number,) = re.findall(r'toolbridge_refused_total\{reason="page_form"\} (\S+)', said)
        return float(number)

    before = counted()
    visitor.post("/sign-in", {"name": "ann", "password": PASSWORD})
    visitor.post("/sign-in", {}, **{"Sec-Fetch-Site": "cross-site"})
    assert counted() == before + 2


@pytest.mark.parametrize("path", PATHS)
def test_methods(visitor: Visitor, path: str) -> None:
    got, head = visitor.http.get(path), visitor.http.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        answer = visitor.http.request(method, path)
        assert answer.status_code == 405
        assert "GET" in answer.headers["allow"]
        assert ("POST" in answer.headers["allow"]) == (path in WITH_FORM)


@pytest.mark.parametrize("path", WITH_FORM)
def test_a_body_that_is_no_form_is_refused_with_a_page(visitor: Visitor, path: str) -> None:
    for content, kind, status in (
        (b"{}", "application/json", 415),
        (b"--x\r\n", "multipart/form-data; boundary=x", 415),
        (b"a=" + b"b" * 70_000, FORM["Content-Type"], 413),
        (b"&".join([b"a=b"] * 100), FORM["Content-Type"], 413),
        (b"\xff", FORM["Content-Type"], 400),
    ):
        answer = visitor.http.post(path, content=content, headers={"Content-Type": kind})
        assert answer.status_code == status
        assert "<h1>This did not work</h1>" in answer.text
    assert visitor.http.post(path).status_code == 415


def test_a_form_without_its_cookie_or_of_another_page_does_nothing(
    site: Deployed, visitor: Visitor, ann: str
) -> None:
    page = visitor.open("/sign-in")
    fields = {**page.form("/sign-in").fields, "name": ann, "password": PASSWORD}
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": site.url.replace("127.0.0.1", "localhost")},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ):
        answer = visitor.post("/sign-in", fields, **headers)
        assert answer.status == 403, headers
        assert "tb-session" not in visitor.cookies()
    del visitor.http.headers["accept"]
    assert visitor.http.post("/sign-in", data=fields).status_code == 403, "no Origin at all"
    with Visitor(site.url) as other:
        stale = other.post("/sign-in", fields)
        assert stale.status == 403
        assert "Nothing was done; try again." in stale.words
        assert other.send(stale, "/sign-in", password=PASSWORD).path == "/connections"


@pytest.mark.parametrize("path", ["/password", "/connections", "/sign-out", "/consent"])
def test_a_forged_form_of_somebody_who_is_signed_in_does_nothing(
    site: Deployed, visitor: Visitor, ann: str, path: str
) -> None:
    signed_in(visitor, ann)
    target = f"/consent?{site.client(LOOPBACK).asks()}" if path == "/consent" else path
    forged = {"everywhere": "yes", "decision": "allow", "scopes": "both", "current": PASSWORD}
    forged |= {"new": NEW, "repeat": NEW}
    for token in ({}, {"csrf": ""}, {"csrf": "x" * 43}):
        page = visitor.post(target, {**forged, **token})
        assert page.status == 403
        assert page.path == path
        assert "Nothing was done; try again." in page.words
        assert not {"refresh", "location"} & page.answer.headers.keys()
    own = visitor.open(target).form(path).fields
    page = visitor.post(target, {**own, **forged}, **{"Sec-Fetch-Site": "cross-site"})
    assert page.status == 403
    assert visitor.open("/connections").path == "/connections"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "/consent@evil.example",
        "javascript:alert(1)",
    ],
)
def test_after_signing_in_nobody_gets_elsewhere(visitor: Visitor, ann: str, target: str) -> None:
    page = visitor.http.get("/sign-in", params={"next": target})
    assert "evil" not in page.text
    fields = visitor.open("/sign-in").form("/sign-in").fields
    sent = {**fields, "name": ann, "password": PASSWORD, "next": target}
    answer = visitor.http.post("/sign-in", data=sent, headers={"Origin": visitor.origin})
    assert answer.status_code == SEE_OTHER
    assert answer.headers["location"] == "/connections"
    assert visitor.http.get("/sign-in", params={"next": target}).headers["location"] == "/connections"
