"""The page that shows which clients may use the account, and ends that."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toolbridge_mcp.login.answers import Connection
from toolbridge_mcp.login.failures import Unknown
from toolbridge_mcp.login.pages import shown
from toolbridge_mcp.login.pages.frame import Problem, actions, button, done, facts, form
from toolbridge_mcp.login.pages.site import SignedIn, Site
from toolbridge_mcp.login.pages.texts import say, say_with
from toolbridge_mcp.markup import Html, joined, tag
from toolbridge_mcp.web.entry.address import MCP_PATH

PATH = "/connections"
DONE = frozenset({"disconnected", "gone", "password_set", "password_changed"})
ID_CHARACTERS = 128


class Connections:
    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        return [self._site.route(PATH, self._get, self._post)]

    async def _get(self, request: Request) -> Response:
        signed_in = await self._site.signed_in(request)
        if signed_in is None:
            return self._site.to_sign_in(request, PATH)
        return await self._page(signed_in, request.query_params.get("done", ""))

    async def _post(self, request: Request) -> Response:
        site = self._site
        sent = await site.form(request)
        signed_in = await site.signed_in(request)
        if signed_in is None:
            return site.to_sign_in(request, PATH)
        if doubt := site.doubt(request, sent, signed_in.session):
            return await self._page(signed_in, problem=doubt, status=403)
        if sent.get("everywhere"):
            await site.api.end_session(signed_in.session, everywhere=True)
            response = site.go("/signed-out")
            site.cookies.sign_out(response)
            return response
        try:
            await site.api.end_connection(signed_in.session, sent.get("id", "")[:ID_CHARACTERS])
        except Unknown:
            return site.go(f"{PATH}?done=gone")
        return site.go(f"{PATH}?done=disconnected")

    async def _page(
        self, signed_in: SignedIn, said: str = "", problem: Problem | None = None, status: int = 200
    ) -> Response:
        connected = await self._site.api.connections(signed_in.session)
        cards = tag("ul", *(self._card(one, signed_in) for one in connected), class_="cards")
        return self._site.page(
            say("connections.title"),
            done(say(f"done.{said}")) if said in DONE else None,
            cards if connected else tag("p", say("connections.none")),
            tag("p", say_with("connections.how", address=tag("code", f"{self._site.base}{MCP_PATH}"))),
            tag("hr"),
            self._everywhere(signed_in),
            user=signed_in.user,
            status=status,
            problem=problem,
        )

    def _card(self, one: Connection, signed_in: SignedIn) -> Html:
        site, client = self._site, one.client
        rows: list[tuple[str, str | Html]] = [
            (say("connections.host"), shown.host(client.host)),
            (say("connections.may"), shown.may(one.scopes, site.scope_read, site.scope_write)),
            (say("connections.since"), shown.time(one.created_at)),
            (say("connections.used"), shown.time(one.used_at) if one.used_at else say("connections.never")),
        ]
        which = say("connections.end.which", client=shown.text(client.name), host=shown.text(client.host))
        return tag(
            "li",
            tag("h2", shown.client(client.name, client.host)),
            facts(rows),
            form(
                f"{site.prefix}{PATH}",
                signed_in.token,
                button(say("connections.end"), is_main=False, note=which),
                id=one.id,
            ),
            class_="card",
        )

    def _everywhere(self, signed_in: SignedIn) -> Html:
        return joined(
            tag("h2", say("connections.all.title")),
            tag("p", say("connections.all.text")),
            form(
                f"{self._site.prefix}{PATH}",
                signed_in.token,
                actions(button(say("connections.all.submit"), is_main=False)),
                everywhere="yes",
            ),
        )
