"""Which token the API gets: real authorization server, real API that verifies by its keys, real sockets."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp import FastMCP

from tests.harness.authorization_grants import TOKEN_EXCHANGE
from tests.harness.authorization_server import (
    SERVICE,
    AuthorizationServer,
    running_authorization_server,
)
from tests.harness.clients import in_memory, settings_for
from tests.harness.misbehaving import answer, misbehaving
from tests.harness.processes import Process, api_process, running
from tests.harness.recording import Recording
from toolbridge_mcp.app import create_server
from toolbridge_mcp.errors import (
    IssuedTokenRefused,
    TenantRefused,
    TokenServiceMisconfigured,
    TokenServiceRefused,
    TokenServiceUnavailable,
    ToolBridgeError,
)
from toolbridge_mcp.identity import CallerToken
from toolbridge_mcp.outbound.exchange import ExchangedTokens
from toolbridge_mcp.outbound.service import ServiceToken
from toolbridge_mcp.outbound.token_endpoint import RETRY_AFTER_SECONDS, TokenEndpoint
from toolbridge_mcp.transport import connections

pytestmark = pytest.mark.anyio
GATEWAY, API = "https://gateway.example/mcp", "https://api.example"


class World:
    """The time, and the caller of the moment."""

    def __init__(self) -> None:
        self.time = time.time()
        self.caller: CallerToken | None = None

    def now(self) -> float:
        return self.time

    def call_as(self, token: str, expires_at: float | None = None) -> None:
        self.caller = CallerToken(token, expires_at)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def authority() -> Iterator[AuthorizationServer]:
    with running_authorization_server(algorithm="ES256") as server:
        yield server


@pytest.fixture
def api(api_binary: Path, tmp_path: Path, authority: AuthorizationServer) -> Iterator[Process]:
    """An API that takes tokens of `authority` for the audience API only."""
    with running(api_process(api_binary, tmp_path, **authority.verifiers(API))) as process:
        yield process


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


Endpoint = Callable[..., TokenEndpoint]


@pytest.fixture
def endpoint(authority: AuthorizationServer, world: World, http: httpx.AsyncClient) -> Endpoint:
    """Makes the gateway's side of `authority`'s token endpoint."""

    def make(**changes: Any) -> TokenEndpoint:
        options = {"client": SERVICE, "parameters": {"audience": API}, "delays": (0, 0), "now": world.now}
        return TokenEndpoint(authority.token_url, http, **{**options, **changes})

    return make


@pytest.fixture
async def exchanged(endpoint: Endpoint, world: World) -> AsyncIterator[ExchangedTokens]:
    async with ExchangedTokens(endpoint(), lambda: world.caller) as tokens:
        yield tokens


@pytest.fixture
async def service(endpoint: Endpoint, world: World) -> AsyncIterator[ServiceToken]:
    world.call_as("any")
    async with ServiceToken(endpoint(), lambda: world.caller) as tokens:
        yield tokens


def gateway(
    api: Process, authority: AuthorizationServer, upstream: Recording, mode: str, **more: Any
) -> FastMCP:
    name, secret = SERVICE
    given = {
        "outbound_identity": mode,
        "token_url": authority.token_url,
        "client_id": name,
        "client_secret": secret,
        "outbound_audience": API,
        **more,
    }
    return create_server(settings_for(api.url, **given), transport=upstream)


@pytest.fixture
def upstream() -> Recording:
    return Recording(connections())


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


class TestExchange:
    async def test_each_caller_reaches_the_api_as_themselves(
        self, api: Process, authority: AuthorizationServer, upstream: Recording
    ) -> None:
        server = gateway(api, authority, upstream, "exchange")
        ann, bob = authority.sign("ann", GATEWAY), authority.sign("bob", GATEWAY)
        async with in_memory(server, ann) as tools:
            note = await tools.call("create_note", title="of ann", content="a")
            assert [item["uid"] for item in (await tools.call("list_notes"))["items"]] == [note["uid"]]
        upstream_of_bob = Recording(connections())
        async with in_memory(gateway(api, authority, upstream_of_bob, "exchange"), bob) as tools:
            assert (await tools.call("list_notes"))["items"] == []
            assert "has no note" in await tools.refusal("get_note", uid=note["uid"])
        calls = upstream.calls + upstream_of_bob.calls
        assert not {request.headers["Authorization"] for request in calls} & {
            f"Bearer {ann}",
            f"Bearer {bob}",
        }

    async def test_a_token_is_exchanged_once_for_many_calls(
        self, api: Process, authority: AuthorizationServer, upstream: Recording
    ) -> None:
        server = gateway(api, authority, upstream, "exchange")
        async with in_memory(server, authority.sign("ann", GATEWAY)) as tools:
            for _ in range(3):
                await tools.call("list_notes")
            await asyncio.gather(*(tools.call("list_notes") for _ in range(10)))
        assert len(authority.grants(TOKEN_EXCHANGE)) == 1

    async def test_a_token_that_the_api_refuses_is_exchanged_anew_once(
        self, api: Process, authority: AuthorizationServer, upstream: Recording
    ) -> None:
        server = gateway(api, authority, upstream, "exchange")
        async with in_memory(server, authority.sign("ann", GATEWAY)) as tools:
            await tools.call("list_notes")
            authority.rotate(withdraw=True)
            api.stop()
            await asyncio.to_thread(api.start)
            note = await tools.call("create_note", title="written once", content="a")
            items = (await tools.call("list_notes"))["items"]
        assert [item["uid"] for item in items] == [note["uid"]]
        assert len(authority.grants(TOKEN_EXCHANGE)) == 2

    async def test_an_exchanged_token_that_never_fits_is_the_operators_affair(
        self, api: Process, authority: AuthorizationServer, upstream: Recording
    ) -> None:
        server = gateway(api, authority, upstream, "exchange", outbound_audience="https://elsewhere.example")
        async with in_memory(server, authority.sign("ann", GATEWAY)) as tools:
            text = await tools.refusal("list_notes")
        assert text.startswith(IssuedTokenRefused.says)
        assert "operator" in text
        assert len(authority.grants(TOKEN_EXCHANGE)) == 2
        assert len(upstream.calls) == 2

    async def test_a_wrong_tenant_signature_is_no_reason_to_exchange_again(
        self, api: Process, authority: AuthorizationServer, upstream: Recording
    ) -> None:
        server = gateway(api, authority, upstream, "exchange", TENANT_HEADER_SECRET="x" * 32)
        async with in_memory(server, authority.sign("ann", GATEWAY)) as tools:
            text = await tools.refusal("list_notes")
        assert text.startswith(TenantRefused.says)
        assert len(authority.grants(TOKEN_EXCHANGE)) == 1
        assert len(upstream.calls) == 1

    async def test_a_refused_exchange_asks_to_sign_in_and_sends_nothing(
        self, api: Process, authority: AuthorizationServer, upstream: Recording
    ) -> None:
        server = gateway(api, authority, upstream, "exchange")
        stale = authority.sign("ann", GATEWAY, expires_in=-1)
        async with in_memory(server, stale) as tools:
            text = await tools.refusal("list_notes")
        assert text.startswith(TokenServiceRefused.says)
        assert "sign in again" in text
        assert upstream.calls == []

    async def test_a_token_service_that_is_away_is_said_with_the_seconds_to_wait(
        self, api: Process, authority: AuthorizationServer, upstream: Recording
    ) -> None:
        server = gateway(api, authority, upstream, "exchange")
        token = authority.sign("ann", GATEWAY)
        authority.stop()
        async with in_memory(server, token) as tools:
            text = await tools.refusal("create_note", title="lost", content="a")
            assert text.startswith(TokenServiceUnavailable.says)
            assert "Wait 5 seconds" in text
            assert upstream.calls == []
            authority.start()
            await tools.call("create_note", title="kept", content="a")

    async def test_concurrent_callers_share_one_exchange_and_one_who_leaves_does_not_end_it(
        self, exchanged: ExchangedTokens, authority: AuthorizationServer, world: World
    ) -> None:
        world.call_as(authority.sign("ann", GATEWAY))
        authority.gate.clear()
        callers = [asyncio.create_task(exchanged.bearer_token()) for _ in range(5)]
        await eventually(lambda: len(authority.forms) == 1)
        callers[0].cancel()
        authority.gate.set()
        first, *others = await asyncio.gather(*callers, return_exceptions=True)
        assert isinstance(first, asyncio.CancelledError)
        assert len(set(others)) == 1
        assert others[0]
        assert len(authority.forms) == 1

    async def test_when_all_callers_leave_the_result_is_there_for_the_next(
        self, exchanged: ExchangedTokens, authority: AuthorizationServer, world: World
    ) -> None:
        world.call_as(authority.sign("ann", GATEWAY))
        authority.gate.clear()
        caller = asyncio.create_task(exchanged.bearer_token())
        await eventually(lambda: len(authority.forms) == 1)
        caller.cancel()
        authority.gate.set()
        assert await exchanged.bearer_token()
        assert len(authority.forms) == 1

    async def test_each_of_several_waiting_callers_gets_the_error(
        self, exchanged: ExchangedTokens, authority: AuthorizationServer, world: World
    ) -> None:
        world.call_as("not.a.token")
        authority.gate.clear()
        callers = [asyncio.create_task(exchanged.bearer_token()) for _ in range(2)]
        await eventually(lambda: len(authority.forms) == 1)
        authority.gate.set()
        one, two = await asyncio.gather(*callers, return_exceptions=True)
        assert isinstance(one, TokenServiceRefused)
        assert isinstance(two, TokenServiceRefused)

    async def test_a_kept_token_is_replaced_a_little_before_it_expires(
        self, exchanged: ExchangedTokens, authority: AuthorizationServer, world: World
    ) -> None:
        authority.lifetime = 100
        world.call_as(authority.sign("ann", GATEWAY))
        first = await exchanged.bearer_token()
        world.time += 79
        assert await exchanged.bearer_token() == first
        world.time += 2
        assert await exchanged.bearer_token() != first

    async def test_a_kept_token_does_not_outlive_the_callers_own(
        self, exchanged: ExchangedTokens, authority: AuthorizationServer, world: World
    ) -> None:
        world.call_as(authority.sign("ann", GATEWAY), expires_at=world.time + 10)
        first = await exchanged.bearer_token()
        world.time += 9
        assert await exchanged.bearer_token() == first
        world.time += 1
        assert await exchanged.bearer_token() != first

    async def test_the_least_used_tokens_make_room(
        self, authority: AuthorizationServer, endpoint: Endpoint, world: World
    ) -> None:
        ann, bob, eve = (authority.sign(name, GATEWAY) for name in ("ann", "bob", "eve"))
        async with ExchangedTokens(endpoint(), lambda: world.caller, max_kept=2) as tokens:
            for token in (ann, bob, ann, eve, ann, bob):
                world.call_as(token)
                await tokens.bearer_token()
        subjects = [form["subject_token"] for form in authority.forms]
        assert subjects == [ann, bob, eve, bob]

    async def test_outside_of_a_message_there_is_no_token(
        self, exchanged: ExchangedTokens, authority: AuthorizationServer
    ) -> None:
        assert await exchanged.bearer_token() is None
        assert authority.forms == []

    async def test_audience_scope_and_resource_are_asked_for(
        self, authority: AuthorizationServer, endpoint: Endpoint, world: World
    ) -> None:
        world.call_as(authority.sign("ann", GATEWAY))
        wanted = {"audience": API, "scope": "read", "resource": "https://r.example"}
        async with ExchangedTokens(endpoint(parameters=wanted), lambda: world.caller) as tokens:
            assert await tokens.bearer_token()
        (form,) = authority.forms
        assert form.items() >= wanted.items()
        assert form["subject_token_type"] == "urn:ietf:params:oauth:token-type:access_token"


class TestService:
    async def test_every_caller_acts_as_the_service_user(
        self, api: Process, authority: AuthorizationServer, upstream: Recording
    ) -> None:
        def server(upstream: Recording) -> FastMCP:
            return gateway(api, authority, upstream, "client_credentials", all_callers_act_as_one_user=True)

        async with in_memory(server(upstream), "token.of.ann") as tools:
            note = await tools.call("create_note", title="of the service", content="a")
        async with in_memory(server(Recording(connections())), "token.of.bob") as tools:
            assert (await tools.call("get_note", uid=note["uid"]))["uid"] == note["uid"]
        sent = {request.headers["Authorization"] for request in upstream.calls}
        assert len(sent) == 1
        assert "Bearer token.of.ann" not in sent

    async def test_only_requests_of_a_caller_carry_the_token(
        self, service: ServiceToken, world: World
    ) -> None:
        assert await service.bearer_token()
        world.caller = None
        assert await service.bearer_token() is None

    async def test_it_is_fetched_at_the_start_and_shared(
        self, service: ServiceToken, authority: AuthorizationServer
    ) -> None:
        tokens = await asyncio.gather(*(service.bearer_token() for _ in range(20)))
        assert len(set(tokens)) == 1
        assert len(authority.forms) == 1

    async def test_the_next_one_is_fetched_ahead_while_the_present_one_serves(
        self, service: ServiceToken, authority: AuthorizationServer, world: World
    ) -> None:
        first = await service.bearer_token()
        world.time += 3600 - 20
        authority.gate.clear()
        assert [await service.bearer_token() for _ in range(3)] == [first] * 3
        await eventually(lambda: len(authority.forms) == 2)
        authority.gate.set()
        while (second := await service.bearer_token()) == first:
            await asyncio.sleep(0.005)
        assert second
        assert len(authority.forms) == 2

    async def test_it_fails_closed_when_no_valid_token_can_be_had(
        self, service: ServiceToken, authority: AuthorizationServer, world: World
    ) -> None:
        await service.bearer_token()
        authority.stop()
        world.time += 3590
        assert await service.bearer_token()
        world.time += 10
        with pytest.raises(TokenServiceUnavailable):
            await service.bearer_token()
        authority.start()
        assert await service.bearer_token()

    async def test_a_refusal_is_not_repeated_with_every_call_and_heals(
        self, authority: AuthorizationServer, endpoint: Endpoint, world: World
    ) -> None:
        world.call_as("any")
        wrong = endpoint(client=(SERVICE[0], "wrong secret"))
        async with ServiceToken(wrong, lambda: world.caller) as tokens:
            for _ in range(3):
                with pytest.raises(TokenServiceMisconfigured):
                    await tokens.bearer_token()
            assert len(authority.forms) == 1
            world.time += 31
            wrong._client = SERVICE
            assert await tokens.bearer_token()

    async def test_a_dropped_token_is_fetched_anew(
        self, service: ServiceToken, authority: AuthorizationServer
    ) -> None:
        first = await service.bearer_token()
        assert first
        service.forget("another")
        assert await service.bearer_token() == first
        service.forget(first)
        assert await service.bearer_token() != first
        assert len(authority.forms) == 2


class TestTokenEndpoint:
    async def test_a_failing_service_is_tried_again_and_then_unavailable(
        self, authority: AuthorizationServer, endpoint: Endpoint
    ) -> None:
        authority.failure = 503
        tokens = endpoint()
        with pytest.raises(TokenServiceUnavailable):
            await tokens.issue({"grant_type": "client_credentials"})
        assert len(authority.forms) == 3

    async def test_a_short_failure_is_not_noticed(
        self, authority: AuthorizationServer, endpoint: Endpoint
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
    async def test_a_refusal_is_not_tried_again(
        self,
        status: int,
        error: type[Exception],
        authority: AuthorizationServer,
        endpoint: Endpoint,
    ) -> None:
        authority.failure = status
        tokens = endpoint()
        with pytest.raises(error):
            await tokens.issue({"grant_type": "client_credentials"})
        assert len(authority.forms) == 1

    @pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("soon", RETRY_AFTER_SECONDS)])
    async def test_a_busy_service_says_how_long_to_wait(
        self, header: str, seconds: int, http: httpx.AsyncClient
    ) -> None:
        busy = answer(b"", "429 Too Many Requests", Retry_After=header)
        async with misbehaving(busy) as service:
            tokens = TokenEndpoint(service.url, http, client=SERVICE)
            with pytest.raises(TokenServiceUnavailable) as caught:
                await tokens.issue({"grant_type": "client_credentials"})
        assert f"Wait {seconds} seconds" in str(caught.value)

    async def test_an_answer_that_cannot_be_decoded_is_no_token(self, http: httpx.AsyncClient) -> None:
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
        self, text: str, authority: AuthorizationServer, endpoint: Endpoint
    ) -> None:
        authority.garbage = text
        tokens = endpoint()
        with pytest.raises(TokenServiceMisconfigured):
            await tokens.issue({"grant_type": "client_credentials"})

    async def test_a_token_without_lifetime_is_used_for_a_minute(
        self, authority: AuthorizationServer, endpoint: Endpoint, world: World
    ) -> None:
        authority.garbage = '{"access_token": "abc", "token_type": "bearer"}'
        tokens = endpoint()
        token = await tokens.issue({"grant_type": "client_credentials"})
        assert token.expires_at == world.time + 60

    async def test_the_client_can_name_itself_in_the_form(
        self, authority: AuthorizationServer, endpoint: Endpoint
    ) -> None:
        tokens = endpoint(in_body=True)
        assert (await tokens.issue({"grant_type": "client_credentials"})).value
        assert authority.forms[0]["client_id"] == SERVICE[0]

    async def test_nothing_secret_is_logged_or_said(
        self,
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
