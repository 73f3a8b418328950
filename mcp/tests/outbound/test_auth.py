"""How a token gets onto a request, over real sockets and through the tenant's transport."""

import pytest

from tests.harness.misbehaving import Behaviour, answer, misbehaving, received
from tests.outbound.world import client_of
from toolbridge_mcp.errors import IssuedTokenRefused
from toolbridge_mcp.identity import CallerToken
from toolbridge_mcp.outbound import ForwardedToken, Transmit
from toolbridge_mcp.outbound.auth import send_with_issued_token
from toolbridge_mcp.transport import Request, Response

pytestmark = pytest.mark.anyio
OK = answer(b"{}")
REFUSED = answer(b'{"error": "invalid token", "code": "unauthorized"}', "401 Unauthorized")
WRONG_TENANT = answer(b'{"error": "invalid tenant headers", "code": "invalid_tenant"}', "401 Unauthorized")


class Tokens:
    """Returns one token after the other, then always the last one, and remembers which were dropped."""

    def __init__(self, *tokens: str | None) -> None:
        self._tokens = list(tokens)
        self.forgotten: list[str] = []

    async def bearer_token(self, seconds: float | None = None) -> str | None:  # noqa: ARG002
        return self._tokens.pop(0) if len(self._tokens) > 1 else self._tokens[0]

    async def issued(self, request: Request, transmit: Transmit) -> Response:
        return await send_with_issued_token(request, transmit, self.bearer_token, self.forgotten.append)

    async def forwarded(self, request: Request, transmit: Transmit) -> Response:
        token = await self.bearer_token()
        caller = CallerToken(token) if token else None
        return await ForwardedToken(lambda: caller).send(request, transmit)


def sent(heads: list[str], name: str = "Authorization") -> list[str | None]:
    return [received(head).get(name) for head in heads]


async def test_each_request_carries_the_token_of_its_own_caller() -> None:
    tokens = Tokens("of.ann", "of.bob", None)
    async with misbehaving(OK) as api, client_of(api.url, tokens.forwarded) as http:
        for _ in range(3):
            await http.get("/v1/notes")
    assert sent(api.requests) == ["Bearer of.ann", "Bearer of.bob", None]


@pytest.mark.parametrize(("token", "expected"), [("of.ann", ["Bearer of.ann"]), (None, [])])
async def test_a_request_cannot_bring_its_own_token(token: str | None, expected: list[str]) -> None:
    tokens = Tokens(token)
    for auth in (tokens.forwarded, tokens.issued):
        async with misbehaving(OK) as api, client_of(api.url, auth) as http:
            await http.get("/v1/notes", headers={"Authorization": "Bearer forged"})
        assert received(api.requests[0]).get_list("Authorization") == expected


async def test_a_refused_token_is_dropped_and_the_request_sent_again_with_another_and_signed_anew() -> None:
    tokens = Tokens("old", "new")
    async with misbehaving(REFUSED, OK) as api, client_of(api.url, tokens.issued) as http:
        response = await http.post("/v1/notes", headers={"Idempotency-Key": "one"})
    assert response.status == 200
    assert sent(api.requests) == ["Bearer old", "Bearer new"]
    assert sent(api.requests, "Idempotency-Key") == ["one", "one"]
    assert sent(api.requests, "X-TB-Timestamp") == ["1700000000000", "1700000001000"]
    assert tokens.forgotten == ["old"]


async def test_the_second_refusal_is_an_error_and_no_third_request() -> None:
    tokens = Tokens("old", "new")
    async with misbehaving(REFUSED) as api, client_of(api.url, tokens.issued) as http:
        with pytest.raises(IssuedTokenRefused):
            await http.get("/v1/notes")
    assert sent(api.requests) == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize(
    ("answered", "token"), [(WRONG_TENANT, "of.ann"), (REFUSED, None)], ids=["wrong tenant", "no token"]
)
async def test_a_401_that_no_other_token_would_change_is_returned(
    answered: Behaviour, token: str | None
) -> None:
    tokens = Tokens(token)
    async with misbehaving(answered) as api, client_of(api.url, tokens.issued) as http:
        assert (await http.get("/v1/notes")).status == 401
    assert len(api.requests) == 1
    assert tokens.forgotten == []


async def test_a_forwarded_token_is_never_sent_twice() -> None:
    tokens = Tokens("of.ann", "of.bob")
    async with misbehaving(REFUSED) as api, client_of(api.url, tokens.forwarded) as http:
        assert (await http.get("/v1/notes")).status == 401
    assert sent(api.requests) == ["Bearer of.ann"]


@pytest.mark.parametrize(
    "text", ["Unauthorized: invalid tenant headers", '{"error":"Unauthorized: invalid tenant headers"}']
)
async def test_both_generations_say_when_it_is_the_tenant(text: str) -> None:
    tokens = Tokens("of.ann")
    refused = answer(text.encode(), "401 Unauthorized")
    async with misbehaving(refused) as api, client_of(api.url, tokens.issued) as http:
        await http.get("/v1/notes")
    assert len(api.requests) == 1
