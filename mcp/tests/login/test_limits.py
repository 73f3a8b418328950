"""How much people and programs without an account may ask for."""

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from tests.login.known import authorization, query
from toolbridge_mcp.login.endpoints import AuthorizationEndpoint
from toolbridge_mcp.login.limits import AttemptLimit, PublicLimit, TooMany
from toolbridge_mcp.login.pages import Site, error_page


def generous() -> PublicLimit:
    return PublicLimit((6, 100), (6, 1_000))


def test_each_address_and_all_together_have_a_limit() -> None:
    limit = PublicLimit((6, 2), (6, 3))
    limit.take("a")
    limit.take("a")
    with pytest.raises(TooMany) as caught:
        limit.take("a")
    assert 1 <= caught.value.wait_seconds <= 10
    limit.take("b")
    with pytest.raises(TooMany):
        limit.take("c")


def test_an_address_whose_attempts_fail_waits_and_others_do_not() -> None:
    limit = AttemptLimit(generous(), (6, 3))
    for _ in range(3):
        limit.take("guesses")
        limit.failed("guesses")
        limit.take("works")
    with pytest.raises(TooMany):
        limit.take("guesses")
    limit.take("works")


def test_attempts_that_succeed_are_many() -> None:
    limit = AttemptLimit(generous(), (6, 3))
    for _ in range(100):
        limit.take("a company")
    with pytest.raises(TooMany):
        limit.take("a company")


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "status"), [("/page", 200), (f"/authorize?{query('unknown')}", 400)])
async def test_pages_and_requests_for_authorization_have_a_limit(path: str, status: int) -> None:
    no_api: Any = None
    limit = PublicLimit((6, 2), (6, 100))
    look = {"base": "http://127.0.0.1", "product": "P", "color": "#123456"}
    site = Site(no_api, **look, scope_read="read", scope_write="write", limit=limit)

    async def page(_: Request) -> Response:
        return site.page("a page")

    endpoint = AuthorizationEndpoint(authorization(), error_page(site), limit)
    app = Starlette(routes=[site.route("/page", page), *endpoint.routes()])
    for address in ("192.0.2.1", "192.0.2.2"):
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            answers = [await http.get(path) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [status, status, 429]
        assert int(answers[2].headers["Retry-After"]) >= 1
