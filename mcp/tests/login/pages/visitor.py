"""Somebody with a browser, as far as HTTP shows it: cookies, forms, and the Origin of the page that sends
them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

from tests.harness.log_search import Kind, confide

SEE_OTHER = 303


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[dict[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            assert given["method"] == "post"
            self.forms.append(Form(given["action"]))
        elif tag == "input":
            is_left_out = given["type"] == "radio" and "checked" not in given
            if not is_left_out:
                self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "button":
            self.forms[-1].buttons.append(given)
        elif tag == "a":
            self.links.append(given["href"])
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"style", "head"} & set(self._inside):
            self.words.append(data)


@dataclass(frozen=True)
class Page:
    answer: httpx.Response
    url: str
    forms: list[Form]
    links: list[str]
    words: str

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    def form(self, path: str) -> Form:
        """The first form that is sent to this path."""
        return next(form for form in self.forms if urlsplit(form.action).path == path)


class Visitor:
    """Follows redirects within the site, and no others. `base` is the address of the gateway."""

    def __init__(self, base: str, **headers: str) -> None:
        self.base = base
        parts = urlsplit(base)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.http = httpx.Client(base_url=base, trust_env=False, headers={"Accept": "text/html", **headers})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def open(self, path: str) -> Page:
        return self._arrived(self.http.get(path))

    def send(self, page: Page, path: str, **fields: str) -> Page:
        """Fills in the form of a page that is sent to this path, and sends it."""
        form = page.form(path)
        return self.post(form.action, {**form.fields, **fields})

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Page:
        answer = self.http.post(path, data=fields, headers={"Origin": self.origin, **headers})
        return self._arrived(answer)

    def sign_in(self, name: str, password: str, page: Page | None = None) -> Page:
        return self.send(page or self.open("/sign-in"), "/sign-in", name=name, password=password)

    def keep(self, name: str, value: str) -> None:
        """Takes a cookie from elsewhere."""
        for cookie in [cookie for cookie in self.http.cookies.jar if cookie.name == name]:
            self.http.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)
        self.http.cookies.set(name, value, domain=urlsplit(self.base).hostname or "", path="/")

    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self.http.cookies.jar}

    def _arrived(self, answer: httpx.Response) -> Page:
        for _ in range(5):
            target = urljoin(str(answer.url), answer.headers.get("location", ""))
            if not answer.has_redirect_location or not target.startswith(f"{self.origin}/"):
                break
            answer = self.http.get(target)
        for value in self.cookies().values():
            confide(Kind.SECRET, value)
        reader = _Reader()
        reader.feed(answer.text)
        return Page(
            answer, str(answer.url), reader.forms, reader.links, " ".join(" ".join(reader.words).split())
        )


@contextmanager
def visiting(base: str, **headers: str) -> Iterator[Visitor]:
    with Visitor(base, **headers) as visitor:
        yield visitor
