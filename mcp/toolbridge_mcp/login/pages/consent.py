"""The page on which a user decides what a client may do."""

from collections.abc import Mapping, Sequence

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from toolbridge_mcp.login import browser
from toolbridge_mcp.login.authorization import Authorization, Refusal, Request
from toolbridge_mcp.login.failures import Full
from toolbridge_mcp.login.pages import shown
from toolbridge_mcp.login.pages.frame import Problem, actions, button, facts, form
from toolbridge_mcp.login.pages.returning import error_page, returning
from toolbridge_mcp.login.pages.site import SignedIn, Site
from toolbridge_mcp.login.pages.texts import say, say_with
from toolbridge_mcp.markup import Html, joined, tag
from toolbridge_mcp.web.ledger import address_of

PATH = "/consent"
BOTH, READ, WRITE = "both", "read", "write"
ALLOW, DENY = "allow", "deny"


class Consent:
    """Everything that the page shows and does is read from its query again, each time, so a page that was
    open for long, or in two tabs, answers what it shows. A second answer is another code, which does no
    harm."""

    def __init__(self, site: Site, authorization: Authorization) -> None:
        self._site = site
        self._authorization = authorization
        self._error_page = error_page(site)

    def routes(self) -> list[Route]:
        return [self._site.route(PATH, self._get, self._post)]

    async def _get(self, request: HttpRequest) -> Response:
        try:
            asked = await self._asked(request)
        except Refusal as refusal:
            return self._error_page(request, refusal, refusal.redirect)
        signed_in = await self._site.signed_in(request)
        if signed_in is None:
            return self._site.to_sign_in(request, PATH)
        return self._page(request, asked, signed_in)

    async def _post(self, request: HttpRequest) -> Response:
        site = self._site
        sent = await site.form(request)
        try:
            asked = await self._asked(request)
        except Refusal as refusal:
            return self._error_page(request, refusal, refusal.redirect)
        signed_in = await site.signed_in(request)
        if signed_in is None:
            return site.to_sign_in(request, PATH)
        if doubt := site.doubt(request, sent, signed_in.session):
            return self._page(request, asked, signed_in, doubt, 403)
        if sent.get("decision") == DENY:
            return self._back(asked, self._authorization.deny(asked), "returning.denied")
        allowed = self._allowed(asked, sent)
        if not allowed:
            return self._page(request, asked, signed_in, Problem(say("choose"), _radio(BOTH)), 400)
        try:
            url = await self._authorization.grant(asked, signed_in.session, allowed)
        except Full:
            return self._page(request, asked, signed_in, Problem(say("consent.full")), 409)
        return self._back(asked, url, "returning.allowed")

    def _back(self, asked: Request, url: str, says: str) -> Response:
        """To the client, with its answer."""
        if asked.place.kind == "app":
            return returning(self._site, url, say(says))
        return self._site.leave(url)

    async def _asked(self, request: HttpRequest) -> Request:
        return await self._authorization.check(request.scope["query_string"], address_of(request.scope))

    def _choices(self, asked: Request) -> Mapping[str, Sequence[str]]:
        """What the user can choose from, never more than was asked for; the widest first."""
        read, write = self._site.scope_read, self._site.scope_write
        if read in asked.scopes and write in asked.scopes:
            return {BOTH: (read, write), READ: (read,)}
        return {WRITE if write in asked.scopes else READ: asked.scopes}

    def _allowed(self, asked: Request, sent: Mapping[str, str]) -> Sequence[str]:
        if sent.get("decision") != ALLOW:
            return ()
        return self._choices(asked).get(sent.get("scopes", ""), ())

    def _page(
        self,
        request: HttpRequest,
        asked: Request,
        signed_in: SignedIn,
        problem: Problem | None = None,
        status: int = 200,
    ) -> Response:
        site = self._site
        here = browser.this_page(request, PATH)
        return site.page(
            say("consent.title"),
            _who(asked),
            form(
                f"{site.prefix}{here}",
                signed_in.token,
                _fieldset(list(self._choices(asked))),
                tag("p", say("consent.lasts", connections=say("connections.title")), class_="soft"),
                actions(
                    button(say("consent.allow"), name="decision", value=ALLOW),
                    button(say("consent.deny"), is_main=False, name="decision", value=DENY),
                ),
            ),
            form(
                f"{site.prefix}/sign-out",
                signed_in.token,
                button(say("consent.other"), is_main=False),
                next=here,
            ),
            user=signed_in.user,
            status=status,
            problem=problem,
            leads_away=True,
        )


def _who(asked: Request) -> Html:
    """Who asks, and where the answer goes. The name is the client's own word."""
    client = asked.client
    note = tag("span", say("consent.note"), class_="soft") if client.name != client.host else None
    who = joined(shown.client(client.name, client.host), " ", note)
    rows: list[tuple[str, str | Html]] = [(say("consent.who"), who)]
    if asked.is_proven:
        rows.append((say("consent.described"), shown.host(client.host)))
    rows.append((say("consent.to"), _where(asked)))
    is_on_this_device = asked.place.kind != "site"
    warning = tag("p", say("consent.warning"), class_="note") if is_on_this_device else None
    return joined(tag("div", facts(rows), class_="card"), warning)


def _where(asked: Request) -> Html:
    place = asked.place
    if place.kind == "app":
        return say_with("consent.to.app", scheme=shown.host(f"{place.name}:"))
    return say_with(f"consent.to.{place.kind}", host=shown.host(place.name))


def _fieldset(choices: Sequence[str]) -> Html:
    return tag(
        "fieldset",
        tag("legend", say("consent.scopes")),
        *(_choice(choice, is_chosen=place == 0) for place, choice in enumerate(choices)),
    )


def _choice(choice: str, *, is_chosen: bool) -> Html:
    key, hint = _radio(choice), f"{_radio(choice)}-hint"
    return tag(
        "div",
        tag(
            "input",
            type="radio",
            name="scopes",
            id=key,
            value=choice,
            checked="" if is_chosen else None,
            required="",
            aria_describedby=hint,
        ),
        tag(
            "div",
            tag("label", say(f"consent.{choice}"), for_=key),
            tag("p", say(f"consent.{choice}.hint"), id=hint, class_="hint"),
        ),
        class_="choice",
    )


def _radio(choice: str) -> str:
    return f"scopes-{choice}"
