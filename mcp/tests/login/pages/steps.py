"""What people do at the pages, as many tests need it."""

import re

from tests.login.pages.deployed import PASSWORD
from tests.login.pages.visitor import SEE_OTHER, Page, Visitor

LOOPBACK = "http://127.0.0.1:33418/callback"
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
