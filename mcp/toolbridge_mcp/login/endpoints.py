"""OAuth's endpoints as the gateway serves them."""

from collections.abc import Callable
from typing import Protocol

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from toolbridge_mcp.login.authorization import Authorization, Refusal
from toolbridge_mcp.login.failures import LoginError
from toolbridge_mcp.login.limits import PublicLimit, TooMany, page_limit
from toolbridge_mcp.login.refused import UNKNOWN_CLIENT, EndpointError, count, too_many, unavailable
from toolbridge_mcp.web.ledger import address_of

AUTHORIZE = "/authorize"
CONSENT = "/consent"


class ErrorPage(Protocol):
    """A page for a person whose client's request is not in order. `onward` is where a link leads on, to a
    place that `refusal` names; None if there is none."""

    def __call__(self, request: HttpRequest, refusal: Refusal, onward: str | None) -> Response: ...


class AuthorizationEndpoint:
    """Checks a request, and sends the browser to the page where the person decides, with the same query: it
    is checked there anew."""

    def __init__(
        self, authorization: Authorization, page: ErrorPage, limit: PublicLimit | None = None
    ) -> None:
        self._limit = limit or page_limit()
        self._authorization = authorization
        self._page = page

    def routes(self) -> list[Route]:
        return [Route(AUTHORIZE, self._answer, methods=["GET"])]

    async def _answer(self, request: HttpRequest) -> Response:
        query: bytes = request.scope["query_string"]
        address = address_of(request.scope)
        try:
            self._limit.take(address)
            await self._authorization.check(query, address)
        except TooMany as many:
            refused = too_many(many)
            count(refused.status)
            return refused.response()
        except Refusal as refusal:
            count(UNKNOWN_CLIENT if refusal.code == "invalid_client" else refusal.status)
            return answer_to(request, refusal, self._page)
        except LoginError as error:
            return answer_to(request, out_of_service(error), self._page)
        target = f"{request.scope.get('root_path', '')}{CONSENT}?{query.decode('ascii')}"
        return RedirectResponse(target, 302)


def answer_to(request: HttpRequest, refusal: Refusal, page: Callable[..., Response]) -> Response:
    """The answer to a request for authorization that is not in order: back to the client, if that needs no
    click of the person; else a page for people, or JSON for programs."""
    is_person = "text/html" in request.headers.get("accept", "")
    is_site = refusal.place is not None and refusal.place.kind == "site"
    if refusal.redirect and not (is_person and is_site):
        return RedirectResponse(refusal.redirect, 302)
    if is_person:
        return page(request, refusal, refusal.redirect)
    wait = refusal.wait_seconds
    return EndpointError(refusal.status, refusal.code, refusal.sentence, wait_seconds=wait).response()


def out_of_service(error: LoginError) -> Refusal:
    """The refusal while the API cannot be asked."""
    says = unavailable(error)
    return Refusal(says.code, says.description, status=says.status, wait_seconds=error.wait_seconds)
