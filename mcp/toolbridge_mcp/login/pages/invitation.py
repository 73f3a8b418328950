"""The page behind a link that lets somebody choose a password: an invitation, or a reset."""

import re
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toolbridge_mcp.login import browser
from toolbridge_mcp.login.answers import LinkRead
from toolbridge_mcp.login.failures import LoginError, Unknown
from toolbridge_mcp.login.pages.frame import Problem, actions, button, field, form, link
from toolbridge_mcp.login.pages.passwords import NEW, lack, new_password, refused
from toolbridge_mcp.login.pages.site import Site
from toolbridge_mcp.login.pages.texts import say
from toolbridge_mcp.markup import tag

PATH = "/invitation"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Invitation:
    """Reading the page uses nothing up: programs that check mails open links, too."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        return [self._site.route(PATH, self._get, self._post)]

    async def _get(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        return await self._shown(request, token)

    async def _post(self, request: Request) -> Response:
        site = self._site
        sent = await site.form(request)
        token = request.query_params.get("token", "")
        if doubt := site.doubt(request, sent, site.cookies.form(request)):
            return await self._shown(request, token, doubt, 403)
        if problem := lack(sent):
            return await self._shown(request, token, problem, 400)
        if not _TOKEN.fullmatch(token):
            return self._gone()
        try:
            begun = await site.api.redeem_link(token, password=sent[NEW], address=site.address(request))
        except Unknown:
            return self._gone()
        except LoginError as error:
            return await self._shown(request, token, *refused(error))
        response = site.go("/connections?done=password_set")
        site.cookies.sign_in(response, begun.session, begun.browser)
        return response

    async def _shown(
        self,
        request: Request,
        token: str,
        problem: Problem | None = None,
        status: int = 200,
        wait: int | None = None,
    ) -> Response:
        if not _TOKEN.fullmatch(token):
            return self._gone()
        try:
            read = await self._site.api.read_link(token)
        except Unknown:
            return self._gone()
        return self._form(request, token, read, problem, status, wait)

    def _form(
        self,
        request: Request,
        token: str,
        read: LinkRead,
        problem: Problem | None,
        status: int,
        wait: int | None,
    ) -> Response:
        site, kind = self._site, read.purpose
        cookie = site.cookies.form(request) or browser.new_secret()
        response = site.page(
            say(f"{kind}.title", product=site.look.product),
            tag("p", say(f"{kind}.text")),
            form(
                f"{site.prefix}{PATH}?{urlencode({'token': token})}",
                browser.csrf_token(cookie),
                field("name", say("name"), autocomplete="username", value=read.account.name, fixed=True),
                new_password(problem, first=True),
                actions(button(say(f"{kind}.submit"))),
            ),
            status=status,
            problem=problem,
            wait=wait,
        )
        site.cookies.keep_form(response, cookie)
        return response

    def _gone(self) -> Response:
        site = self._site
        return site.page(
            say("link.gone.title"),
            tag("p", say("link.gone.text")),
            actions(link(say("sign_in.title"), f"{site.prefix}/sign-in")),
            status=404,
        )
