"""What all pages share: the API, the cookies, and the answers that any page may give."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Self

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from toolbridge_mcp.login import browser
from toolbridge_mcp.login.answers import Account, SessionRead
from toolbridge_mcp.login.api import LoginApi
from toolbridge_mcp.login.bodies import Bodies
from toolbridge_mcp.login.browser import Cookies, FormRefused
from toolbridge_mcp.login.failures import LoginError, LoginUnavailable, TooManyAttempts, Unknown
from toolbridge_mcp.login.limits import PublicLimit, TooMany, page_limit
from toolbridge_mcp.login.pages.frame import Look, Problem, User, actions, document, link
from toolbridge_mcp.login.pages.shown import text
from toolbridge_mcp.login.pages.style import style
from toolbridge_mcp.login.pages.texts import LANGUAGE, say, span
from toolbridge_mcp.markup import Html, tag
from toolbridge_mcp.metrics import count_refusal
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.web.ledger import address_of

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5
"""How long a browser is asked to wait for an API that does not answer."""

ERROR_CHARACTERS = 300
BUSY = 503
REASONS = {408: "slow_body", 413: "large_body"}
"""Names in the metrics."""

Answering = Callable[[Request], Awaitable[Response]]


class SignedIn(NamedTuple):
    """Who sends a request, by the secret of a session that the API knows."""

    session: str
    account: Account

    @property
    def user(self) -> User:
        return User(self.account.name, self.account.shown)

    @property
    def token(self) -> str:
        """What a form of this user holds."""
        return browser.csrf_token(self.session)


class Site:
    """One for all pages. `base` is the address under which users know the gateway: the issuer."""

    def __init__(
        self,
        api: LoginApi,
        *,
        base: str,
        product: str,
        color: str,
        scope_read: str,
        scope_write: str,
        limit: PublicLimit | None = None,
    ) -> None:
        self.api = api
        self.base = base
        self.scope_read = scope_read
        self.scope_write = scope_write
        made = style(color)
        self._bodies = Bodies()
        self._limit = limit or page_limit()
        self._origin = browser.origin_of(base)
        self.prefix = base.removeprefix(self._origin or "")
        self.look = Look(product, self.prefix, made.text)
        self.cookies = Cookies(is_https=base.startswith("https:"))
        self._policy = "; ".join(
            (
                "default-src 'none'",
                f"style-src {made.source}",
                "img-src data:",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            )
        )
        self._headers = {
            "Content-Security-Policy": f"{self._policy}; form-action 'self'",
            "Cache-Control": "no-store",
            "Content-Language": LANGUAGE,
            "Cross-Origin-Resource-Policy": "same-origin",
            # Under no-referrer a browser sends its own pages' forms with the Origin null (Fetch standard).
            "Referrer-Policy": "same-origin",
            "X-Frame-Options": "DENY",
        }

    @classmethod
    def of(cls, settings: Settings, api: LoginApi) -> Self:
        return cls(
            api,
            base=settings.issuer_url or "",
            product=settings.login_name,
            color=settings.login_color,
            scope_read=settings.scope_read,
            scope_write=settings.scope_write,
        )

    def route(self, path: str, get: Answering, post: Answering | None = None) -> Route:
        """The route of a page. What can go wrong on every page is answered here."""

        async def answer(request: Request) -> Response:
            try:
                self._limit.take(address_of(request.scope))
                return await (post if post and request.method == "POST" else get)(request)
            except FormRefused as refused:
                return self._unread(refused.status)
            except TooMany as many:
                count_refusal("oauth_limit")
                return self.unavailable(request, path, TooManyAttempts(wait_seconds=many.wait_seconds))
            except Unknown:
                return self.to_sign_in(request, path)
            except LoginError as error:
                return self.unavailable(request, path, error)

        return Route(path, answer, methods=["GET", "POST"] if post else ["GET"])

    async def signed_in(self, request: Request) -> SignedIn | None:
        """Who sends the request; None if nobody is signed in."""
        session = self.cookies.session(request)
        if session is None:
            return None
        try:
            read: SessionRead = await self.api.read_session(session)
        except Unknown:
            return None
        return SignedIn(session, read.account)

    async def form(self, request: Request) -> Mapping[str, str]:
        """The fields of the form that is sent. Raises `FormRefused`."""
        return await browser.read_form(request, self._bodies)

    @staticmethod
    def address(request: Request) -> str:
        """Where a request comes from, for the limits on attempts: the address of the connection, or what a
        trusted proxy says."""
        return request.client.host if request.client else ""

    def _unread(self, status: int) -> Response:
        count_refusal(REASONS.get(status, "page_form"))
        if status == BUSY:
            return self.wrong(status, say("unavailable.text", time=span(RETRY_SECONDS)), wait=RETRY_SECONDS)
        return self.wrong(status, say("wrong.form"))

    def doubt(self, request: Request, form: Mapping[str, str], cookie: str | None) -> Problem | None:
        """Why a form may not be one that the user has filled in on our page; None if it is."""
        is_from_us = browser.is_from_our_page(request, self._origin)
        if is_from_us and browser.is_ours(form, cookie):
            return None
        count_refusal("page_form")
        return Problem(say("stale" if is_from_us else "foreign"))

    def page(
        self,
        title: str,
        *content: Html | None,
        status: int = 200,
        user: User | None = None,
        problem: Problem | None = None,
        wait: int | None = None,
        leads_away: bool = False,
    ) -> Response:
        """A page. One whose form leads to another site has no `form-action`: Chromium holds against it each
        redirect that follows, also those that the other site makes, which nobody knows before."""
        html = document(self.look, title, *content, user=user, problem=problem)
        response = Response(html, status, self._headers, "text/html")
        if wait is not None:
            response.headers["Retry-After"] = str(wait)
        if leads_away:
            response.headers["Content-Security-Policy"] = self._policy
        return response

    def go(self, path: str) -> Response:
        """To a page of ours, which is then read by GET."""
        return RedirectResponse(f"{self.prefix}{path}", 303, self._headers)

    def leave(self, url: str) -> Response:
        """To a client, with its answer (RFC 6749, section 4.1.2). 303, so that no browser sends the form on
        (RFC 9700, section 4.12)."""
        response = Response(status_code=303, headers=self._headers)
        response.headers["Location"] = url
        return response

    def to_sign_in(self, request: Request, path: str) -> Response:
        """To the sign-in, and back to this page afterwards."""
        response = self.go(browser.sign_in_path(browser.this_page(request, path)))
        self.cookies.sign_out(response)
        return response

    def unavailable(self, request: Request, path: str, error: LoginError) -> Response:
        """The API does not do it now: 429 if the user has tried too often, otherwise 503."""
        wait = error.wait_seconds or RETRY_SECONDS
        status = 429 if isinstance(error, TooManyAttempts) else 503
        if not isinstance(error, TooManyAttempts | LoginUnavailable):
            logger.error("the API refuses the sign-in", extra={"error": type(error).__name__})
        again = link(say("again"), f"{self.prefix}{browser.this_page(request, path)}")
        content = tag("p", say("unavailable.text", time=span(wait)))
        return self.page(say("unavailable.title"), content, actions(again), status=status, wait=wait)

    def wrong(
        self,
        status: int,
        says: str,
        reason: str = "",
        *,
        onward: Html | None = None,
        wait: int | None = None,
    ) -> Response:
        """A page in place of one that cannot be. `reason` is for those who run a client; it may hold what
        they have sent."""
        return self.page(
            say("wrong.title"),
            tag("p", says),
            tag("p", say("wrong.reason"), " ", tag("code", text(reason, ERROR_CHARACTERS)), class_="soft")
            if reason
            else None,
            onward,
            tag("p", say("wrong.close"), class_="soft"),
            status=status,
            wait=wait,
        )
