"""A scripted person with a browser, over real HTTP: opens a link, chooses a password, signs in, agrees.

Everything that a person decides is an argument. Cookies, forms and the Origin of a page's form are sent as a
browser sends them.
"""

import ssl
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

from tests.harness.log_search import Kind, confide

PASSWORD = "correct horse battery staple"
BOTH, READ, WRITE = "both", "read", "write"
"""What a person can choose, as the page names it."""

MOST_REDIRECTS = 6


@dataclass
class Form:
    """A form of a page, as it is filled in already."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: list[str] = field(default_factory=list)
    """What its radio buttons offer."""


@dataclass(frozen=True)
class Page:
    """What the browser shows, and at which address."""

    url: str
    status: int
    text: str
    forms: list[Form]
    onward: str | None = None
    """Where the page goes on by itself: back to a client."""

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    def form(self, path: str) -> Form:
        """The form that is sent to a path of ours."""
        found = [one for one in self.forms if urlsplit(one.action).path.endswith(path)]
        assert found, f"no form for {path} at {self.path}, {self.status}"
        return found[0]


class Person:
    """One person with one browser, at the gateway with this address."""

    def __init__(
        self, gateway: str, name: str, password: str = PASSWORD, *, trusts: ssl.SSLContext | bool = True
    ) -> None:
        """`trusts` are the authorities of the browser."""
        self.gateway = gateway
        self.name = name
        self.password = password
        parts = urlsplit(gateway)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        accepts = {"Accept": "text/html"}
        self.http = httpx.Client(trust_env=False, timeout=30, headers=accepts, verify=trusts)
        confide(Kind.SECRET, password)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def accepts(self, link: str) -> Page:
        """Opens the link of an invitation or a reset, given by its token, and chooses the password."""
        page = self.opens(f"{self.gateway}/invitation?token={link}")
        done = self.sends(page.form("/invitation"), new=self.password, repeat=self.password)
        assert done.path.endswith("/connections"), done.text
        return done

    def signs_in(self, page: Page | None = None) -> Page:
        """At the page of the sign-in, and goes on to where it leads."""
        page = page or self.opens(f"{self.gateway}/sign-in")
        return self.sends(page.form("/sign-in"), name=self.name, password=self.password)

    def visits(self, address: str, *, chooses: str = BOTH, agrees: bool = True) -> str:
        """Opens the address that a client shows a browser, signs in if asked to, and decides. Returns where
        that leads: the client's own address with the answer, which is not opened."""
        page = self.opens(address)
        if page.onward is None and page.path.endswith("/sign-in"):
            page = self.signs_in(page)
        if page.onward is None:
            page = self.decides(page, chooses=chooses, agrees=agrees)
        assert page.onward, page.text
        return page.onward

    def decides(self, page: Page, *, chooses: str = BOTH, agrees: bool = True) -> Page:
        """At the page on which a client asks."""
        form = page.form("/consent")
        chosen = chooses if chooses in form.choices else form.choices[0]
        return self.sends(form, scopes=chosen, decision="allow" if agrees else "deny")

    def opens(self, address: str) -> Page:
        return self._arrived(self.http.get(address))

    def sends(self, form: Form, **filled_in: str) -> Page:
        fields = {**form.fields, **filled_in}
        return self._arrived(
            self.http.post(urljoin(self.gateway, form.action), data=fields, headers={"Origin": self._origin})
        )

    def _arrived(self, answer: httpx.Response) -> Page:
        for _ in range(MOST_REDIRECTS):
            target = _onward(answer)
            if target is None or not self._is_ours(target):
                reader = _Reader()
                reader.feed(answer.text)
                return Page(str(answer.url), answer.status_code, answer.text, reader.forms, target)
            answer = self.http.get(target)
        raise AssertionError("the pages lead in a circle")

    def _is_ours(self, address: str) -> bool:
        return address.startswith(f"{self._origin}/")


def _onward(answer: httpx.Response) -> str | None:
    """Where an answer leads by itself."""
    if answer.has_redirect_location:
        return urljoin(str(answer.url), answer.headers["Location"])
    return answer.headers.get("Refresh", "").partition("url=")[2] or None


class _Reader(HTMLParser):
    """The forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given["action"]))
        elif tag == "input" and given.get("type") == "radio":
            self.forms[-1].choices.append(given["value"])
        elif tag == "input":
            self.forms[-1].fields[given["name"]] = given.get("value", "")
