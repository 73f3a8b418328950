"""Invitations, sign-ins, sessions and passwords at the pages."""

from uuid import uuid4

import pytest

from tests.login.pages.deployed import PASSWORD, Deployed
from tests.login.pages.steps import NEW, signed_in
from tests.login.pages.visitor import Visitor

pytestmark = pytest.mark.slow

REFUSED = "That did not work. Check the user name and the password."


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


def test_what_is_longer_than_any_name_password_or_link_is_refused_as_others_are(
    site: Deployed, visitor: Visitor, ann: str
) -> None:
    """Not as if the API were away: whoever sees that tries again."""
    assert visitor.sign_in("x" * 20_000, PASSWORD).status == 403
    assert visitor.sign_in(ann, "x" * 20_000).status == 403
    path = site.invite(f"new-{uuid4().hex[:8]}")
    page = visitor.send(visitor.open(path), "/invitation", new="abcdef" * 3_000, repeat="abcdef" * 3_000)
    assert page.status == 400
    for token in ("x" * 20_000, "%00", "a%20b"):
        assert visitor.open(f"/invitation?token={token}").status == 404
