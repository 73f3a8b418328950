"""Mode `client_credentials`: all callers act as the one service user."""

import asyncio
import time

import anyio
import pytest
from fastmcp import FastMCP

from tests.harness.authorization_server import SERVICE, AuthorizationServer
from tests.harness.clients import in_memory
from tests.harness.misbehaving import answer, misbehaving
from tests.harness.processes import Process
from tests.harness.recording import Recording
from tests.harness.wire import connections
from tests.outbound.world import MakeEndpoint, World, client_of, eventually, gateway
from toolbridge_mcp.errors import TimedOut, TokenServiceMisconfigured, TokenServiceUnavailable
from toolbridge_mcp.outbound.service import ServiceToken

pytestmark = pytest.mark.anyio


async def test_every_caller_acts_as_the_service_user(
    api: Process, authority: AuthorizationServer, upstream: Recording
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


async def test_only_requests_of_a_caller_carry_the_token(service: ServiceToken, world: World) -> None:
    assert await service.bearer_token()
    world.caller = None
    assert await service.bearer_token() is None


async def test_the_token_is_fetched_at_the_start_and_shared(
    service: ServiceToken, authority: AuthorizationServer
) -> None:
    tokens = await asyncio.gather(*(service.bearer_token() for _ in range(20)))
    assert len(set(tokens)) == 1
    assert len(authority.forms) == 1


async def test_the_next_token_is_fetched_in_the_background_while_the_present_one_serves(
    service: ServiceToken, authority: AuthorizationServer, world: World
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


async def test_without_a_valid_token_nothing_is_sent_until_the_service_is_back(
    service: ServiceToken, authority: AuthorizationServer, world: World
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


async def test_after_a_refusal_no_token_is_requested_for_half_a_minute(
    authority: AuthorizationServer, endpoint: MakeEndpoint, world: World
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


async def test_a_forgotten_token_is_fetched_again(
    service: ServiceToken, authority: AuthorizationServer
) -> None:
    first = await service.bearer_token()
    assert first
    service.forget("another")
    assert await service.bearer_token() == first
    service.forget(first)
    assert await service.bearer_token() != first
    assert len(authority.forms) == 2


async def test_waiting_for_a_token_ends_with_the_requests_deadline_and_nothing_is_sent(
    authority: AuthorizationServer, endpoint: MakeEndpoint, world: World
) -> None:
    world.call_as("any")
    authority.gate.clear()
    async with (
        ServiceToken(endpoint(), lambda: world.caller) as tokens,
        misbehaving(answer(b"{}")) as api,
        client_of(api.url, tokens.send) as http,
    ):
        with anyio.fail_after(5), pytest.raises(TimedOut):
            await http.post("/v1/notes", until=time.monotonic() + 0.2)
        assert api.opened == 0
        authority.gate.set()
        assert (await http.post("/v1/notes")).status == 200
    assert len(authority.forms) == 1
