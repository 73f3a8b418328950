"""The pages of FastMCP's proxy, as those of the other sign-in look: FastMCP's own lead to other sites, and
have no colour of the product's."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from toolbridge_mcp.login import redirects
from toolbridge_mcp.login.pages import shown
from toolbridge_mcp.login.pages.frame import Look, actions, button, document, facts, form, link
from toolbridge_mcp.login.pages.style import style
from toolbridge_mcp.login.pages.texts import LANGUAGE, say, say_with
from toolbridge_mcp.login.proxy.clients import Client
from toolbridge_mcp.markup import Html, joined, tag


class Pages:
    """`provider` is the host where people sign in, and `scopes` are the names of our two under which clients
    ask.

    Their policy has no `form-action`: the answer to consent leads to the provider, and Chromium applies it to
    that, too.
    """

    def __init__(self, *, base: str, product: str, color: str, provider: str, scopes: Sequence[str]) -> None:
        made = style(color)
        self._prefix = urlsplit(base).path
        self._look = Look(product, self._prefix, made.text)
        self._provider = urlsplit(provider).netloc
        self._read, self._write = scopes
        policy = f"default-src 'none'; style-src {made.source}; img-src data:; base-uri 'none'"
        self._headers = {
            "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
            "Cache-Control": "no-store",
            "Content-Language": LANGUAGE,
            # Under no-referrer a browser sends its own pages' forms with the Origin null (Fetch standard).
            "Referrer-Policy": "same-origin",
            "X-Frame-Options": "DENY",
        }

    def consent(
        self, client: Client, redirect_uri: str, scopes: Sequence[str], txn_id: str, csrf_token: str
    ) -> Response:
        """Asks whether the client may sign the user in. The fields are those that FastMCP reads."""
        place = redirects.place_of(redirect_uri)
        is_proven = client.cimd_document is not None
        host = urlsplit(client.client_id or "").netloc if is_proven else place.name
        name = client.client_name or host
        note = tag("span", say("consent.note"), class_="soft") if name != host else None
        rows: list[tuple[str, str | Html]] = [
            (say("consent.who"), joined(shown.client(name, host), " ", note))
        ]
        if is_proven:
            rows.append((say("consent.described"), shown.host(host)))
        rows.append((say("consent.to"), _where(place)))
        rows.append((say("consent.scopes"), shown.may(scopes, self._read, self._write)))
        warning = tag("p", say("consent.warning"), class_="note") if place.kind != "site" else None
        return self._page(
            say("consent.title"),
            tag("div", facts(rows), class_="card"),
            warning,
            tag("p", say_with("consent.elsewhere", host=shown.host(self._provider)), class_="soft"),
            form(
                f"{self._prefix}/consent",
                "",
                actions(
                    button(say("consent.allow"), name="action", value="approve"),
                    button(say("consent.deny"), is_main=False, name="action", value="deny"),
                ),
                txn_id=txn_id,
                csrf_token=csrf_token,
            ),
        )

    def wrong(self, status: int, reason: str = "") -> Response:
        """A page in place of one that cannot be. `reason` is for those who run a client."""
        why = joined(say("wrong.reason"), " ", tag("code", shown.text(reason, 300)))
        return self._page(
            say("wrong.title"),
            tag("p", say("wrong.request")),
            tag("p", why, class_="soft") if reason else None,
            tag("p", say("wrong.close"), class_="soft"),
            status=status,
        )

    def onward(self, url: str) -> Response:
        """A page in place of a redirect to a client that asked for something impossible. Anyone may have
        registered that address, so nobody gets to it without a click (RFC 9700, section 4.11.2)."""
        place = shown.host(urlsplit(url).netloc)
        return self._page(
            say("wrong.title"),
            tag("p", say("wrong.request")),
            tag("p", say_with("wrong.onward", place=place)),
            actions(link(say("returning.link"), url)),
            status=400,
        )

    def _page(self, title: str, *content: Html | None, status: int = 200) -> Response:
        return HTMLResponse(document(self._look, title, *content), status, self._headers)


def is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _where(place: redirects.Place) -> Html:
    if place.kind == "app":
        return say_with("consent.to.app", scheme=shown.host(f"{place.name}:"))
    return say_with(f"consent.to.{place.kind}", host=shown.host(place.name))
