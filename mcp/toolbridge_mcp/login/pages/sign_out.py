"""The pages on which a user signs out, and is signed out."""

from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toolbridge_mcp.login import browser
from toolbridge_mcp.login.failures import Unknown
from toolbridge_mcp.login.pages.frame import Problem, actions, button, form, link
from toolbridge_mcp.login.pages.site import SignedIn, Site
from toolbridge_mcp.login.pages.texts import say
from toolbridge_mcp.markup import tag

PATH, DONE_PATH = "/sign-out", "/signed-out"


class SignOut:
    """A session that has ended already is signed out, too."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        return [self._site.route(PATH, self._get, self._post), self._site.route(DONE_PATH, self._done)]

    async def _get(self, request: Request) -> Response:
        signed_in = await self._site.signed_in(request)
        return self._page(signed_in) if signed_in else self._signed_out(None)

    async def _post(self, request: Request) -> Response:
        site = self._site
        sent = await site.form(request)
        target = browser.next_path(sent.get("next"))
        signed_in = await site.signed_in(request)
        if signed_in is None:
            return self._signed_out(target)
        if doubt := site.doubt(request, sent, signed_in.session):
            return self._page(signed_in, doubt, 403)
        with suppress(Unknown):
            await site.api.end_session(signed_in.session)
        return self._signed_out(target)

    def _signed_out(self, target: str | None) -> Response:
        response = self._site.go(browser.sign_in_path(target) if target else DONE_PATH)
        self._site.cookies.sign_out(response)
        return response

    def _page(self, signed_in: SignedIn, problem: Problem | None = None, status: int = 200) -> Response:
        site = self._site
        return site.page(
            say("sign_out.title"),
            tag("p", say("sign_out.text")),
            form(
                f"{site.prefix}{PATH}",
                signed_in.token,
                actions(
                    button(say("sign_out.submit")), link(say("sign_out.stay"), f"{site.prefix}/connections")
                ),
            ),
            user=signed_in.user,
            status=status,
            problem=problem,
        )

    async def _done(self, request: Request) -> Response:  # noqa: ARG002  the same for everyone
        site = self._site
        return site.page(
            say("signed_out.title"),
            tag("p", say("signed_out.text")),
            actions(link(say("signed_out.in"), f"{site.prefix}/sign-in")),
        )
