"""Mode `exchange`: each caller's token is exchanged for one that is meant for the API."""

import asyncio
import time

import anyio
import pytest

from tests.harness.authorization_grants import TOKEN_EXCHANGE
from tests.harness.authorization_server import AuthorizationServer
from tests.harness.clients import in_memory
from tests.harness.misbehaving import answer, misbehaving
from tests.harness.processes import Process
from tests.harness.recording import Recording
from tests.harness.wire import connections
from tests.outbound.world import API, GATEWAY, MakeEndpoint, World, client_of, eventually, gateway
from toolbridge_mcp.errors import (
    IssuedTokenRefused,
    TenantRefused,
    TimedOut,
    TokenServiceRefused,
    TokenServiceUnavailable,
)
from toolbridge_mcp.outbound.exchange import ExchangedTokens

pytestmark = pytest.mark.anyio


async def test_each_caller_reaches_the_api_as_themselves(
    api: Process, authority: AuthorizationServer, upstream: Recording
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
    api: Process, authority: AuthorizationServer, upstream: Recording
) -> None:
    server = gateway(api, authority, upstream, "exchange")
    async with in_memory(server, authority.sign("ann", GATEWAY)) as tools:
        for _ in range(3):
            await tools.call("list_notes")
        await asyncio.gather(*(tools.call("list_notes") for _ in range(10)))
    assert len(authority.grants(TOKEN_EXCHANGE)) == 1


async def test_a_token_that_the_api_refuses_is_exchanged_once_more(
    api: Process, authority: AuthorizationServer, upstream: Recording
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


async def test_an_exchanged_token_that_the_api_never_accepts_is_reported_for_the_operator(
    api: Process, authority: AuthorizationServer, upstream: Recording
) -> None:
    server = gateway(api, authority, upstream, "exchange", outbound_audience="https://elsewhere.example")
    async with in_memory(server, authority.sign("ann", GATEWAY)) as tools:
        text = await tools.refusal("list_notes")
    assert text.startswith(IssuedTokenRefused.says)
    assert "operator" in text
    assert len(authority.grants(TOKEN_EXCHANGE)) == 2
    assert len(upstream.calls) == 2


async def test_a_wrong_tenant_signature_causes_no_second_exchange(
    api: Process, authority: AuthorizationServer, upstream: Recording
) -> None:
    server = gateway(api, authority, upstream, "exchange", TENANT_HEADER_SECRET="x" * 32)
    async with in_memory(server, authority.sign("ann", GATEWAY)) as tools:
        text = await tools.refusal("list_notes")
    assert text.startswith(TenantRefused.says)
    assert len(authority.grants(TOKEN_EXCHANGE)) == 1
    assert len(upstream.calls) == 1


async def test_a_refused_exchange_asks_to_sign_in_and_sends_nothing(
    api: Process, authority: AuthorizationServer, upstream: Recording
) -> None:
    server = gateway(api, authority, upstream, "exchange")
    stale = authority.sign("ann", GATEWAY, expires_in=-1)
    async with in_memory(server, stale) as tools:
        text = await tools.refusal("list_notes")
    assert text.startswith(TokenServiceRefused.says)
    assert "sign in again" in text
    assert upstream.calls == []


async def test_a_token_service_that_is_down_is_reported_with_the_seconds_to_wait(
    api: Process, authority: AuthorizationServer, upstream: Recording
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


async def test_concurrent_callers_share_one_exchange_and_a_cancelled_one_does_not_end_it(
    exchanged: ExchangedTokens, authority: AuthorizationServer, world: World
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


async def test_the_result_is_kept_when_all_callers_were_cancelled(
    exchanged: ExchangedTokens, authority: AuthorizationServer, world: World
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
    exchanged: ExchangedTokens, authority: AuthorizationServer, world: World
) -> None:
    world.call_as("not.a.token")
    authority.gate.clear()
    callers = [asyncio.create_task(exchanged.bearer_token()) for _ in range(2)]
    await eventually(lambda: len(authority.forms) == 1)
    authority.gate.set()
    one, two = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(one, TokenServiceRefused)
    assert isinstance(two, TokenServiceRefused)


async def test_a_kept_token_is_renewed_shortly_before_it_expires(
    exchanged: ExchangedTokens, authority: AuthorizationServer, world: World
) -> None:
    authority.lifetime = 100
    world.call_as(authority.sign("ann", GATEWAY))
    first = await exchanged.bearer_token()
    world.time += 79
    assert await exchanged.bearer_token() == first
    world.time += 2
    assert await exchanged.bearer_token() != first


async def test_a_kept_token_does_not_outlive_the_callers_own(
    exchanged: ExchangedTokens, authority: AuthorizationServer, world: World
) -> None:
    world.call_as(authority.sign("ann", GATEWAY), expires_at=world.time + 10)
    first = await exchanged.bearer_token()
    world.time += 9
    assert await exchanged.bearer_token() == first
    world.time += 1
    assert await exchanged.bearer_token() != first


async def test_the_least_recently_used_token_is_dropped_when_the_cache_is_full(
    authority: AuthorizationServer, endpoint: MakeEndpoint, world: World
) -> None:
    ann, bob, eve = (authority.sign(name, GATEWAY) for name in ("ann", "bob", "eve"))
    async with ExchangedTokens(endpoint(), lambda: world.caller, max_kept=2) as tokens:
        for token in (ann, bob, ann, eve, ann, bob):
            world.call_as(token)
            await tokens.bearer_token()
    subjects = [form["subject_token"] for form in authority.forms]
    assert subjects == [ann, bob, eve, bob]


async def test_outside_of_a_message_there_is_no_token(
    exchanged: ExchangedTokens, authority: AuthorizationServer
) -> None:
    assert await exchanged.bearer_token() is None
    assert authority.forms == []


async def test_audience_scope_and_resource_are_requested(
    authority: AuthorizationServer, endpoint: MakeEndpoint, world: World
) -> None:
    world.call_as(authority.sign("ann", GATEWAY))
    wanted = {"audience": API, "scope": "read", "resource": "https://r.example"}
    async with ExchangedTokens(endpoint(parameters=wanted), lambda: world.caller) as tokens:
        assert await tokens.bearer_token()
    (form,) = authority.forms
    assert form.items() >= wanted.items()
    assert form["subject_token_type"] == "urn:ietf:params:oauth:token-type:access_token"


async def test_waiting_for_a_token_ends_with_the_requests_deadline_and_nothing_is_sent(
    exchanged: ExchangedTokens, authority: AuthorizationServer, world: World
) -> None:
    world.call_as(authority.sign("ann", GATEWAY))
    authority.gate.clear()
    async with misbehaving(answer(b"{}")) as api, client_of(api.url, exchanged.send) as http:
        with anyio.fail_after(5), pytest.raises(TimedOut):
            await http.post("/v1/notes", until=time.monotonic() + 0.2)
        assert api.opened == 0
        authority.gate.set()
        assert (await http.post("/v1/notes")).status == 200
    assert len(authority.forms) == 1
