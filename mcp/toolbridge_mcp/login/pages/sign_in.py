"""The page on which a user signs in."""

from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toolbridge_mcp.login import browser
from toolbridge_mcp.login.failures import LoginError, SignInRefused, TooManyAttempts, Unknown, WrongRequest
from toolbridge_mcp.login.pages.frame import Problem, actions, button, field, form
from toolbridge_mcp.login.pages.site import RETRY_SECONDS, Site
from toolbridge_mcp.login.pages.texts import say, span
from toolbridge_mcp.markup import tag

PATH = "/sign-in"
START = "/connections"
"""Where somebody gets who wanted nothing else."""


class SignIn:
    """A user who is signed in already is sent on. Every other attempt that fails shows the form again, with
    what can be said: the same sentence for a wrong password, an unknown name and a disabled account."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        return [self._site.route(PATH, self._get, self._post)]

    async def _get(self, request: Request) -> Response:
        target = browser.next_path(request.query_params.get("next"))
        if await self._site.signed_in(request):
            return self._site.go(target or START)
        return self._form(request, target)

    async def _post(self, request: Request) -> Response:
        site = self._site
        sent = await site.form(request)
        target, name = browser.next_path(sent.get("next")), sent.get("name", "")
        if doubt := site.doubt(request, sent, site.cookies.form(request)):
            return self._form(request, target, name, doubt, 403)
        if missing := next((key for key in ("name", "password") if not sent.get(key)), None):
            return self._form(request, target, name, Problem(say("missing"), missing), 400)
        known = site.cookies.browser(request)
        try:
            begun = await site.api.begin_session(
                name, password=sent["password"], address=site.address(request), browser=known
            )
        except LoginError as error:
            return self._refused(request, target, name, error)
        await self._end_the_former(request)
        response = site.go(target or START)
        site.cookies.sign_in(response, begun.session, begun.browser)
        return response

    async def _end_the_former(self, request: Request) -> None:
        """The session that this browser had until now is not left behind."""
        if former := self._site.cookies.session(request):
            with suppress(LoginError):
                await self._site.api.end_session(former)

    def _refused(self, request: Request, target: str | None, name: str, error: LoginError) -> Response:
        wait = error.wait_seconds or RETRY_SECONDS
        if isinstance(error, SignInRefused | Unknown | WrongRequest):  # or longer than any name or password
            return self._form(request, target, name, Problem(say("refused"), "name"), 403)
        if isinstance(error, TooManyAttempts):
            return self._form(request, target, name, Problem(say("wait", time=span(wait))), 429, wait)
        return self._form(request, target, name, Problem(say("busy", time=span(wait))), 503, wait)

    def _form(
        self,
        request: Request,
        target: str | None,
        name: str = "",
        problem: Problem | None = None,
        status: int = 200,
        wait: int | None = None,
    ) -> Response:
        site = self._site
        cookie = site.cookies.form(request) or browser.new_secret()
        response = site.page(
            say("sign_in.title"),
            tag("p", say("sign_in.to_connect")) if target and target.startswith("/consent") else None,
            form(
                f"{site.prefix}{PATH}",
                browser.csrf_token(cookie),
                field(
                    "name",
                    say("name"),
                    autocomplete="username",
                    value=name[:MOST_NAME],
                    problem=problem,
                    first=True,
                ),
                field("password", say("password"), autocomplete="current-password", secret=True),
                actions(button(say("sign_in.submit"))),
                next=target,
            ),
            tag("p", say("sign_in.help", product=site.look.product), class_="soft"),
            status=status,
            problem=problem,
            wait=wait,
        )
        site.cookies.keep_form(response, cookie)
        return response


MOST_NAME = 128
"""Characters of a name that are shown again; none is longer."""
