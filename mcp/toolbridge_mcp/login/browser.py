"""What the pages rely on in a browser: cookies, forms that are ours, and where a page may lead."""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from toolbridge_mcp.login.bodies import Bodies
from toolbridge_mcp.login.forms import is_form
from toolbridge_mcp.login.refused import EndpointError
from toolbridge_mcp.web.entry.pages import LOOPBACK_PAGE

MOST_FIELDS = 12
BROWSER_SECONDS = 180 * 24 * 3600
NEXT_CHARACTERS = 16 * 1024

_COOKIE = re.compile(r"[A-Za-z0-9_-]{16,128}")
_NEXT = re.compile(r"/(?:consent|connections|password)(?:\?[!-\[\]-~]*)?")
"""Paths of our own, in the characters of an address. None can be taken for another site: the first character
after the slash is one of ours."""


class FormRefused(Exception):
    """A form that is not read."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class Cookies:
    """The cookies of the pages. Their prefix keeps other hosts of the domain, and pages without encryption,
    from setting them (RFC 6265bis, section 4.1.3.2). It needs https: on this machine's own http they have
    none."""

    def __init__(self, *, is_https: bool) -> None:
        prefix = "__Host-" if is_https else ""
        self._is_https = is_https
        self.session_name, self.form_name, self.browser_name = (
            f"{prefix}tb-{name}" for name in ("session", "form", "browser")
        )

    def session(self, request: Request) -> str | None:
        """The secret of the user's session."""
        return _read(request, self.session_name)

    def form(self, request: Request) -> str | None:
        """What binds a form to its browser while nobody is signed in."""
        return _read(request, self.form_name)

    def browser(self, request: Request) -> str | None:
        """By what the API knows a browser in which somebody has signed in before."""
        return _read(request, self.browser_name)

    def sign_in(self, response: Response, session: str, browser: str) -> None:
        self._set(response, self.session_name, session)
        if browser:
            self._set(response, self.browser_name, browser, BROWSER_SECONDS)

    def sign_out(self, response: Response) -> None:
        self._set(response, self.session_name, "", 0)

    def keep_form(self, response: Response, form: str) -> None:
        self._set(response, self.form_name, form)

    def _set(self, response: Response, name: str, value: str, seconds: int | None = None) -> None:
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self._is_https, httponly=True, samesite="lax"
        )


def _read(request: Request, name: str) -> str | None:
    value = request.cookies.get(name, "")
    return value if _COOKIE.fullmatch(value) else None


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def csrf_token(cookie: str) -> str:
    """What a form holds to prove that it was made for the browser with this cookie."""
    digest = hashlib.sha256(b"toolbridge csrf\0" + cookie.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_ours(form: Mapping[str, str], cookie: str | None) -> bool:
    """Whether a form was made for the browser with this cookie."""
    sent = form.get("csrf", "")
    return cookie is not None and secrets.compare_digest(sent.encode(), csrf_token(cookie).encode())


def is_from_our_page(request: Request, own_origin: str | None) -> bool:
    """Whether a page of this origin sends the request, as the browser says itself (Fetch Metadata, or the
    Origin of browsers that do not know it). A request that does not say it is not from one. Behind a proxy
    with https a request looks like http, and a page that came over http is ours on this machine only."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    if origin is None:
        return False
    is_https = own_origin is not None and own_origin.startswith("https:")
    may_be_here = not is_https or re.fullmatch(LOOPBACK_PAGE, origin)
    here = f"{request.url.scheme}://{request.url.netloc}" if may_be_here else None
    return origin in (own_origin, here)


async def read_form(request: Request, bodies: Bodies) -> Mapping[str, str]:
    """The fields of a form, the last of a name. Raises `FormRefused` for one of another type (415), with too
    many fields (413), or that is none (400), and for what `bodies` refuses."""
    if not is_form(request):
        raise FormRefused(415)
    try:
        body = await bodies.read(request)
    except EndpointError as error:
        raise FormRefused(error.status) from None
    if body.count(b"&") >= MOST_FIELDS:
        raise FormRefused(413)
    try:
        text = body.decode("ascii")
        fields = dict(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict"))
    except ValueError:
        raise FormRefused(400) from None
    if any("\0" in value for value in fields.values()):  # no store takes it
        raise FormRefused(400)
    return fields


def next_path(given: str | None) -> str | None:
    """Where to go after signing in, if that is a page of ours; None otherwise."""
    is_known = given is not None and len(given) <= NEXT_CHARACTERS and _NEXT.fullmatch(given)
    return given if is_known else None


def this_page(request: Request, path: str) -> str:
    """The address of a page with the query of this request, as a value of `next`."""
    query = quote(request.scope["query_string"], safe="!$&'()*+,;=:@/?%-._~")
    return f"{path}?{query}" if query else path


def sign_in_path(target: str) -> str:
    """The page on which somebody signs in who then goes on to `target`."""
    return f"/sign-in?next={quote(target, safe='/')}"


def origin_of(url: str | None) -> str | None:
    parts = urlsplit(url) if url else None
    return f"{parts.scheme}://{parts.netloc}" if parts else None
