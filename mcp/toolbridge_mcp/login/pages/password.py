"""The page on which a user changes the password."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toolbridge_mcp.login.failures import LoginError, SignInRefused, Unknown
from toolbridge_mcp.login.pages.frame import Problem, actions, button, field, form
from toolbridge_mcp.login.pages.passwords import NEW, lack, new_password, refused
from toolbridge_mcp.login.pages.site import SignedIn, Site
from toolbridge_mcp.login.pages.texts import say
from toolbridge_mcp.markup import tag

PATH = "/password"
CURRENT = "current"


class Password:
    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        return [self._site.route(PATH, self._get, self._post)]

    async def _get(self, request: Request) -> Response:
        signed_in = await self._site.signed_in(request)
        return self._form(signed_in) if signed_in else self._site.to_sign_in(request, PATH)

    async def _post(self, request: Request) -> Response:
        site = self._site
        sent = await site.form(request)
        signed_in = await site.signed_in(request)
        if signed_in is None:
            return site.to_sign_in(request, PATH)
        if doubt := site.doubt(request, sent, signed_in.session):
            return self._form(signed_in, doubt, 403)
        if problem := lack(sent, CURRENT):
            return self._form(signed_in, problem, 400)
        try:
            begun = await site.api.change_password(
                signed_in.session,
                current=sent[CURRENT],
                password=sent[NEW],
                address=site.address(request),
            )
        except SignInRefused:
            return self._form(signed_in, Problem(say("refused.current"), CURRENT), 403)
        except Unknown:
            raise
        except LoginError as error:
            return self._form(signed_in, *refused(error))
        response = site.go("/connections?done=password_changed")
        site.cookies.sign_in(response, begun.session, begun.browser)
        return response

    def _form(
        self,
        signed_in: SignedIn,
        problem: Problem | None = None,
        status: int = 200,
        wait: int | None = None,
    ) -> Response:
        site = self._site
        return site.page(
            say("change.title"),
            tag("p", say("change.text")),
            form(
                f"{site.prefix}{PATH}",
                signed_in.token,
                field("name", say("name"), autocomplete="username", value=signed_in.account.name, fixed=True),
                field(
                    CURRENT,
                    say("password.current"),
                    autocomplete="current-password",
                    secret=True,
                    problem=problem,
                    first=True,
                ),
                new_password(problem),
                actions(button(say("change.submit"))),
            ),
            user=signed_in.user,
            status=status,
            problem=problem,
            wait=wait,
        )
