"""Requests to the token endpoint of a real authorization server."""

import asyncio
import logging

import httpx
import pytest

from tests.harness.authorization_server import SERVICE, AuthorizationServer
from tests.harness.misbehaving import answer, misbehaving
from tests.outbound.world import GATEWAY, MakeEndpoint, World, eventually
from toolbridge_mcp.errors import TokenServiceMisconfigured, TokenServiceUnavailable, ToolBridgeError
from toolbridge_mcp.outbound.exchange import ExchangedTokens
from toolbridge_mcp.outbound.token_endpoint import DEFAULT_WAIT_SECONDS, TokenEndpoint

pytestmark = pytest.mark.anyio


async def test_a_failing_service_is_retried_and_then_unavailable(
    authority: AuthorizationServer, endpoint: MakeEndpoint
) -> None:
    authority.failure = 503
    tokens = endpoint()
    with pytest.raises(TokenServiceUnavailable):
        await tokens.issue({"grant_type": "client_credentials"})
    assert len(authority.forms) == 3


async def test_a_short_failure_is_retried_without_an_error(
    authority: AuthorizationServer, endpoint: MakeEndpoint
) -> None:
    authority.failure = 502
    tokens = endpoint(delays=(0.05, 0.05))
    issue = asyncio.create_task(tokens.issue({"grant_type": "client_credentials"}))
    await eventually(lambda: len(authority.forms) == 1)
    authority.failure = None
    assert (await issue).value


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, TokenServiceMisconfigured),
        (401, TokenServiceMisconfigured),
        (403, TokenServiceMisconfigured),
        (302, TokenServiceMisconfigured),
        (429, TokenServiceUnavailable),
    ],
)
async def test_a_refusal_is_not_retried(
    status: int,
    error: type[Exception],
    authority: AuthorizationServer,
    endpoint: MakeEndpoint,
) -> None:
    authority.failure = status
    tokens = endpoint()
    with pytest.raises(error):
        await tokens.issue({"grant_type": "client_credentials"})
    assert len(authority.forms) == 1


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("soon", DEFAULT_WAIT_SECONDS)])
async def test_a_busy_service_says_how_long_to_wait(
    header: str, seconds: int, http: httpx.AsyncClient
) -> None:
    busy = answer(b"", "429 Too Many Requests", Retry_After=header)
    async with misbehaving(busy) as service:
        tokens = TokenEndpoint(service.url, http, client=SERVICE)
        with pytest.raises(TokenServiceUnavailable) as caught:
            await tokens.issue({"grant_type": "client_credentials"})
    assert f"Wait {seconds} seconds" in str(caught.value)


async def test_an_answer_that_cannot_be_decoded_is_no_token(http: httpx.AsyncClient) -> None:
    async with misbehaving(answer(b"not gzip", Content_Encoding="gzip")) as service:
        tokens = TokenEndpoint(service.url, http, client=SERVICE)
        with pytest.raises(TokenServiceMisconfigured):
            await tokens.issue({"grant_type": "client_credentials"})
        assert len(service.requests) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"access_token": "a b", "token_type": "Bearer"}',
        '{"access_token": "a\\r\\nX: y", "token_type": "Bearer"}',
        '{"access_token": "abc", "token_type": "mac"}',
        '{"access_token": "abc"}',
        '{"access_token": "abc", "token_type": "Bearer", "expires_in": -1}',
        '{"access_token": "abc", "token_type": "Bearer", "expires_in": "soon"}',
        '{"access_token": "", "token_type": "Bearer"}',
    ],
)
async def test_an_answer_that_is_no_token_is_not_used(
    text: str, authority: AuthorizationServer, endpoint: MakeEndpoint
) -> None:
    authority.garbage = text
    tokens = endpoint()
    with pytest.raises(TokenServiceMisconfigured):
        await tokens.issue({"grant_type": "client_credentials"})


async def test_a_token_without_lifetime_is_used_for_a_minute(
    authority: AuthorizationServer, endpoint: MakeEndpoint, world: World
) -> None:
    authority.garbage = '{"access_token": "abc", "token_type": "bearer"}'
    tokens = endpoint()
    token = await tokens.issue({"grant_type": "client_credentials"})
    assert token.expires_at == world.time + 60


async def test_client_id_and_secret_can_be_sent_in_the_form(
    authority: AuthorizationServer, endpoint: MakeEndpoint
) -> None:
    tokens = endpoint(in_body=True)
    assert (await tokens.issue({"grant_type": "client_credentials"})).value
    assert authority.forms[0]["client_id"] == SERVICE[0]


async def test_no_secret_is_in_a_log_or_an_error(
    exchanged: ExchangedTokens,
    authority: AuthorizationServer,
    world: World,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "toolbridge_mcp")
    token = authority.sign("ann", GATEWAY, expires_in=-1)
    said: list[str] = []
    world.call_as(token)
    for failure, garbage in ((None, None), (None, f'{{"access_token": "{token} "}}'), (500, None)):
        authority.failure, authority.garbage = failure, garbage
        with pytest.raises(ToolBridgeError, match="token service") as caught:
            await exchanged.bearer_token()
        said.append(str(caught.value))
    shown = "".join(said) + "".join(str(record.__dict__) for record in caplog.records)
    assert len(caplog.records) == 3
    for secret in (token, token[:20], SERVICE[1], authority.token_url):
        assert secret not in shown
