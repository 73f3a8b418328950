"""The pages that lead back to a client."""

from starlette.requests import Request
from starlette.responses import Response

from toolbridge_mcp.login.authorization import Refusal
from toolbridge_mcp.login.endpoints import ErrorPage
from toolbridge_mcp.login.pages import shown
from toolbridge_mcp.login.pages.frame import actions, link
from toolbridge_mcp.login.pages.site import Site
from toolbridge_mcp.login.pages.texts import say, say_with
from toolbridge_mcp.markup import Html, tag


def returning(site: Site, url: str, says: str) -> Response:
    """A page that goes on to an app by itself, by a header (`Refresh`; HTML standard, shared declarative
    refresh steps), and has a link for a browser that does not: the app opens beside the page, which then says
    what has happened."""
    response = site.page(
        say("returning.title"),
        tag("p", says, role="status"),
        tag("p", say("returning.app")),
        actions(link(say("returning.link"), url, is_main=True)),
    )
    response.headers["Refresh"] = f"0; url={url}"
    return response


def error_page(site: Site) -> ErrorPage:
    """The page for a request that is not in order. The answer to the client is a link there: anyone may have
    registered its address, so nobody gets to it without a click (RFC 9700, section 4.11.2)."""

    def page(request: Request, refusal: Refusal, onward: str | None) -> Response:  # noqa: ARG001
        way: Html | None = None
        if onward and refusal.place:
            way = tag(
                "div",
                tag("p", say_with("wrong.onward", place=shown.host(refusal.place.name))),
                actions(link(say("returning.link"), onward)),
            )
        return site.wrong(
            refusal.status, say("wrong.request"), refusal.sentence, onward=way, wait=refusal.wait_seconds
        )

    return page
