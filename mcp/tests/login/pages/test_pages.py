"""The pages as a browser gets them over HTTP: what they do, and what they refuse."""

import re
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from tests.login.pages.deployed import PASSWORD, Deployed
from tests.login.pages.visitor import SEE_OTHER, Page, Visitor

PATHS = ("/sign-in", "/invitation", "/consent", "/password", "/connections", "/sign-out", "/signed-out")
WITH_FORM = ("/sign-in", "/invitation", "/consent", "/password", "/connections", "/sign-out")
LOOPBACK = "http://127.0.0.1:33418/callback"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REFUSED = "That did not work. Check the user name and the password."
NEW = "eight quiet lanterns in the harbour"


def signed_in(visitor: Visitor, name: str) -> Page:
    page = visitor.sign_in(name, PASSWORD)
    assert page.path == "/connections", page.words
    return page


def answer_of(page: Page) -> str:
    """Where the answer to a client goes: to a site or a program by a redirect, to an app by a page."""
    if page.status == SEE_OTHER:
        return page.answer.headers["location"]
    found = re.fullmatch(r"0; url=(.+)", page.answer.headers["refresh"])
    assert found
    assert found[1] in page.links
    return found[1]


def code_of(page: Page) -> str:
    found = re.search(r"[?&]code=([^&]+)", answer_of(page))
    assert found
    return found[1]


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


def test_the_first_sign_in_is_by_a_link_that_works_once(site: Deployed, visitor: Visitor) -> None:
    name = f"new-{uuid4().hex[:8]}"
    path = site.invite(name, shown="Ada <b>Example</b>")
    for _ in range(2):
        page = visitor.open(path)
        assert page.status == 200
        assert page.form("/invitation").fields["name"] == name
    page = visitor.send(page, "/invitation", new=PASSWORD, repeat=PASSWORD)
    assert (page.path, page.status) == ("/connections", 200)
    assert f"Signed in as Ada <b>Example</b> ({name})" in page.words
    assert "Your password is set, and you are signed in." in page.words
    with Visitor(site.url) as other:
        assert other.open(path).status == 404
        assert "This link does not work any more" in other.open(path).words
        signed_in(other, name)


def test_a_new_link_replaces_the_one_before_and_a_reset_ends_sign_ins(
    site: Deployed, visitor: Visitor, ann: str
) -> None:
    signed_in(visitor, ann)
    first, second = site.new_link(ann, "reset"), site.new_link(ann, "reset")
    assert visitor.open(first).status == 404
    assert visitor.open("/connections").path == "/sign-in"
    page = visitor.open(second)
    assert "Choose a new password" in page.words
    assert visitor.send(page, "/invitation", new=NEW, repeat=NEW).path == "/connections"
    with Visitor(site.url) as other:
        assert other.sign_in(ann, PASSWORD).status == 403
        assert other.sign_in(ann, NEW).path == "/connections"


@pytest.mark.parametrize(
    ("new", "repeat", "says"),
    [
        ("", "", "Fill this in."),
        (NEW, "", "Fill this in."),
        (NEW, f"{NEW} ", "The two new passwords are not the same."),
        ("short", "short", ""),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", ""),
    ],
)
def test_a_password_that_is_not_taken_brings_the_form_again(
    site: Deployed, visitor: Visitor, new: str, repeat: str, says: str
) -> None:
    path = site.invite(f"new-{uuid4().hex[:8]}")
    page = visitor.send(visitor.open(path), "/invitation", new=new, repeat=repeat)
    assert page.status == 400
    assert "There is a problem" in page.words
    assert says in page.words
    assert NEW not in page.answer.text
    page = visitor.send(page, "/invitation", new=NEW, repeat=NEW)
    assert page.path == "/connections"


def test_every_refused_sign_in_says_the_same(site: Deployed, visitor: Visitor, ann: str) -> None:
    invited, disabled = f"new-{uuid4().hex[:8]}", site.person(f"off-{uuid4().hex[:8]}")
    site.invite(invited)
    site.disable(disabled)
    said = set()
    for name, password in (
        (ann, f"{PASSWORD}!"),
        ("nobody", PASSWORD),
        (invited, PASSWORD),
        (disabled, PASSWORD),
        ("\u202e<script>", PASSWORD),
    ):
        page = visitor.sign_in(name, password)
        assert page.status == 403
        assert page.form("/sign-in").fields["name"] == name
        assert "password" not in page.form("/sign-in").fields or not page.form("/sign-in").fields["password"]
        said.add(page.answer.text.replace(page.form("/sign-in").fields["name"], ""))
        assert REFUSED in page.words
        assert "<script" not in page.answer.text
    assert len({text.replace("\u202e&lt;script&gt;", "") for text in said}) == 1


def test_too_many_attempts_say_when_to_try_again(visitor: Visitor, ann: str) -> None:
    for _ in range(12):
        page = visitor.sign_in(ann, "not the password of ann")
        if page.status == 429:
            break
    assert page.status == 429
    assert int(page.answer.headers["retry-after"]) >= 1
    assert "There were too many attempts. Try again in" in page.words
    assert page.form("/sign-in").fields["name"] == ann


def test_a_session_is_always_new_and_ends_the_one_before(site: Deployed, visitor: Visitor, ann: str) -> None:
    planted = "tbs_" + "planted-by-somebody-else-0123456789abcdefghij"
    form = visitor.open("/sign-in").form("/sign-in").fields
    visitor.keep("tb-session", planted)
    assert visitor.post("/sign-in", {**form, "name": ann, "password": PASSWORD}).path == "/connections"
    first = visitor.cookies()["tb-session"]
    assert first != planted
    bob = site.person(f"bob-{uuid4().hex[:8]}")
    with Visitor(site.url) as keeper:
        keeper.keep("tb-session", first)
        assert keeper.open("/connections").path == "/connections"
        page = visitor.post("/sign-in", {**form, "name": bob, "password": PASSWORD})
        assert (page.path, bob in page.words) == ("/connections", True)
        assert visitor.cookies()["tb-session"] != first
        assert keeper.open("/connections").path == "/sign-in", "the former session is left behind"


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


def test_consent_gives_a_code_for_what_was_chosen_and_no_more(
    site: Deployed, visitor: Visitor, ann: str
) -> None:
    client = site.client(LOOPBACK)
    page = visitor.open(f"/authorize?{client.asks()}")
    assert page.path == "/sign-in"
    page = visitor.sign_in(ann, PASSWORD, page)
    assert page.path == "/consent"
    assert "Who asks Calls itself “Quiet Notes” It chose this name; nobody has checked it." in page.words
    assert "a program on this device ( 127.0.0.1 )" in page.words
    allowed = visitor.send(page, "/consent", decision="allow", scopes="read")
    assert (allowed.status, allowed.answer.headers["cache-control"]) == (SEE_OTHER, "no-store")
    assert answer_of(allowed).startswith(f"{LOOPBACK}?code=")
    tokens = site.redeem(client, code_of(allowed)).json()
    assert tokens["scope"] == "read"
    connected = visitor.open("/connections")
    assert "Calls itself “Quiet Notes”" in connected.words
    assert "May read Connected since" in connected.words

    only_read = visitor.open(f"/consent?{client.asks(scope='read')}")
    for scopes in ("both", "write", "", "admin"):
        page = visitor.send(only_read, "/consent", decision="allow", scopes=scopes)
        assert page.status == 400
        assert "Choose what the client may do." in page.words
    for decision in ("", "yes"):
        assert visitor.send(only_read, "/consent", decision=decision, scopes="read").status == 400


def test_a_client_without_a_name_has_none(site: Deployed, visitor: Visitor, ann: str) -> None:
    signed_in(visitor, ann)
    client = site.client(LOOPBACK, "")
    page = visitor.open(f"/consent?{client.asks()}")
    assert "Who asks A client without a name Your answer goes to" in page.words
    allowed = visitor.send(page, "/consent", decision="allow", scopes="both")
    assert site.redeem(client, code_of(allowed)).status_code == 200
    assert "A client without a name Where it is 127.0.0.1" in visitor.open("/connections").words


def test_a_long_request_of_a_client_survives_the_sign_in(site: Deployed, visitor: Visitor, ann: str) -> None:
    state = '"%&=' * 550
    page = visitor.open(f"/authorize?{site.client(LOOPBACK).asks(state=state)}")
    page = visitor.sign_in(ann, PASSWORD, page)
    assert page.path == "/consent", page.words
    page = visitor.sign_in(ann, PASSWORD, visitor.send(page, "/sign-out"))
    denied = visitor.send(page, "/consent", decision="deny")
    assert parse_qs(urlsplit(answer_of(denied)).query)["state"] == [state]


def test_whoever_does_not_agree_is_said_so_to_the_client(site: Deployed, visitor: Visitor, ann: str) -> None:
    signed_in(visitor, ann)
    page = visitor.open(f"/consent?{site.client('com.example.app:/done').asks()}")
    assert "an app on this device, which opens addresses that begin with com.example.app:" in page.words
    denied = visitor.send(page, "/consent", decision="deny")
    url = answer_of(denied)
    assert url.startswith("com.example.app:/done?error=access_denied")
    assert "code=" not in url
    assert "state=state+of+the+client" in url
    assert f"iss={site.url.replace(':', '%3A').replace('/', '%2F')}" in url
    assert "The client is not connected." in denied.words


def test_two_tabs_the_back_button_and_a_second_click_all_work(
    site: Deployed, visitor: Visitor, ann: str
) -> None:
    client = site.client(LOOPBACK)
    path = f"/consent?{client.asks()}"
    first, second = visitor.open(path), visitor.open(path)
    assert (first.path, second.path) == ("/sign-in", "/sign-in")
    consent = visitor.sign_in(ann, PASSWORD, first)
    assert consent.path == "/consent"
    # the other tab still has the form of somebody who was not signed in
    other = visitor.sign_in(ann, PASSWORD, second)
    assert other.path == "/consent"
    stale = visitor.send(consent, "/consent", decision="allow", scopes="both")
    assert stale.status == 403, "its form was made for a session that has ended"
    codes = [
        code_of(visitor.send(page, "/consent", decision="allow", scopes="both")) for page in (other, other)
    ]
    assert len(set(codes)) == 2
    assert visitor.open("/sign-in").path == "/connections", "the page of the sign-in, by the back button"
    assert site.redeem(client, codes[1]).status_code == 200


def test_a_session_that_ends_in_between_leads_to_the_sign_in_and_back(
    site: Deployed, visitor: Visitor, ann: str
) -> None:
    signed_in(visitor, ann)
    pages = {
        "/connections": visitor.open("/connections"),
        "/password": visitor.open("/password"),
        "/consent": visitor.open(f"/consent?{site.client(LOOPBACK).asks()}"),
    }
    with Visitor(site.url) as elsewhere:
        signed_in(elsewhere, ann)
        assert elsewhere.send(elsewhere.open("/connections"), "/connections", everywhere="yes").path == (
            "/signed-out"
        )
    for path, page in pages.items():
        answer = visitor.send(page, path)
        assert answer.path == "/sign-in"
        assert "tb-session" not in visitor.cookies()
    back = visitor.sign_in(ann, PASSWORD, answer)
    assert back.url.endswith(pages["/consent"].url.partition("/consent")[2])


def test_the_password_is_changed_by_whoever_knows_it(site: Deployed, visitor: Visitor, ann: str) -> None:
    signed_in(visitor, ann)
    before = visitor.cookies()["tb-session"]
    page = visitor.open("/password")
    wrong = visitor.send(page, "/password", current=NEW, new=NEW, repeat=NEW)
    assert wrong.status == 403
    assert "The current password is not right." in wrong.words
    with Visitor(site.url) as elsewhere:
        signed_in(elsewhere, ann)
        done = visitor.send(wrong, "/password", current=PASSWORD, new=NEW, repeat=NEW)
        assert done.path == "/connections"
        assert "Your password is changed." in done.words
        assert visitor.cookies()["tb-session"] != before
        assert elsewhere.open("/connections").path == "/sign-in"
        assert elsewhere.sign_in(ann, PASSWORD).status == 403
        assert elsewhere.sign_in(ann, NEW).path == "/connections"


def test_one_client_is_disconnected_and_the_others_stay(site: Deployed, visitor: Visitor, ann: str) -> None:
    signed_in(visitor, ann)
    for name in ("First <i>Client</i>", "Second\u202eClient", "n" * 80):
        client = site.client(LOOPBACK, name)
        page = visitor.open(f"/consent?{client.asks()}")
        allowed = visitor.send(page, "/consent", decision="allow", scopes="both")
        assert site.redeem(client, code_of(allowed)).status_code == 200
    page = visitor.open("/connections")
    assert "<i>Client</i>" not in page.answer.text
    assert "\u202e" not in page.answer.text
    assert "n" * 50 in page.words
    assert "n" * 61 not in page.answer.text
    ends = [form for form in page.forms if "id" in form.fields]
    assert len(ends) == 3
    labels = [form.buttons[0]["aria-label"] for form in ends]
    assert "Disconnect First <i>Client</i> at 127.0.0.1" in labels
    after = visitor.post("/connections", ends[0].fields)
    assert "The client is disconnected." in after.words
    assert len([form for form in after.forms if "id" in form.fields]) == 2
    again = visitor.post("/connections", ends[0].fields)
    assert "This client was disconnected already." in again.words


def test_signing_out_ends_the_session(site: Deployed, visitor: Visitor, ann: str) -> None:
    signed_in(visitor, ann)
    session = visitor.cookies()["tb-session"]
    page = visitor.open("/sign-out")
    assert page.path == "/sign-out", "looking at the page signs nobody out"
    assert visitor.open("/connections").path == "/connections"
    assert visitor.send(page, "/sign-out").path == "/signed-out"
    assert "tb-session" not in visitor.cookies()
    with Visitor(site.url) as thief:
        thief.keep("tb-session", session)
        assert thief.open("/connections").path == "/sign-in"
    assert visitor.open("/sign-out").path == "/signed-out"


def test_another_account_can_answer(site: Deployed, visitor: Visitor, ann: str) -> None:
    bob = site.person(f"bob-{uuid4().hex[:8]}")
    signed_in(visitor, ann)
    consent = visitor.open(f"/consent?{site.client(LOOPBACK).asks()}")
    page = visitor.send(consent, "/sign-out")
    assert page.path == "/sign-in"
    page = visitor.sign_in(bob, PASSWORD, page)
    assert page.path == "/consent"
    assert bob in page.words


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"code_challenge_method": "plain"}, "code_challenge_method"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri is none of those"),
        ({"client_id": "tb1.unknown"}, "not known here"),
        ({"resource": "https://evil.example/mcp"}, "none of this gateway's addresses"),
    ],
)
def test_a_request_that_is_not_in_order_is_a_page_for_people(
    site: Deployed, visitor: Visitor, ann: str, change: dict[str, str], says: str
) -> None:
    signed_in(visitor, ann)
    query = site.client("https://client.example/back").asks(**change)
    for path in ("/authorize", "/consent"):
        page = visitor.open(f"{path}?{query}")
        assert page.status == 400
        assert "This did not work" in page.words
        assert says in page.words
        assert "evil" not in " ".join(page.links)
        assert not page.forms
