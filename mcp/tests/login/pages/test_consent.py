"""What a client asks for at the pages, what it gets, and how it is disconnected."""

from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from tests.login.pages.deployed import PASSWORD, Deployed
from tests.login.pages.steps import LOOPBACK, answer_of, code_of, signed_in
from tests.login.pages.visitor import SEE_OTHER, Visitor

pytestmark = pytest.mark.slow


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
