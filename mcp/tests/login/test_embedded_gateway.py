"""A gateway with the embedded login: when it is ready, what it tells strangers, whose tokens it takes, and
what goes on for a user who was just disabled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from tests.harness.changing_proxy import ChangingProxy
from tests.harness.clients import CALL_SECONDS, over_http, over_sse, token
from tests.harness.processes import Process, api_process, gateway_process, running
from tests.login.embedded import EMBEDDED, Embedded, embedded
from tests.telemetry.raw_clients import alone, session
from toolbridge_mcp.login.keys import NO_LOGIN

pytestmark = pytest.mark.anyio
SOON_SECONDS = 5.0
PUBLIC = "https://tools.example/one"


async def problems(gateway: Process) -> list[str]:
    """What `/readyz` complains of."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{gateway.url}/readyz")
    found: list[str] = answer.json().get("problems", [])
    assert answer.status_code == (503 if found else 200)
    return found


async def until_problems_are(wanted: list[str], gateway: Process) -> None:
    async with asyncio.timeout(CALL_SECONDS):
        while await problems(gateway) != wanted:
            await asyncio.sleep(0.05)


async def test_a_gateway_whose_api_has_no_sign_in_is_not_ready(api_binary: Path, tmp_path: Path) -> None:
    without = api_process(api_binary, tmp_path)
    gateway = gateway_process(without.url, tmp_path, **EMBEDDED, TOOLBRIDGE_API_WAIT_SECONDS="0")
    gateway.ready_path = "/healthz"
    with_login = Process(
        without.command, {**without.environment, "LOGIN": "embedded"}, without.port, without.log
    )
    with running(without), running(gateway):
        await until_problems_are([NO_LOGIN], gateway)
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
            headers = {"Authorization": f"Bearer {token('ann')}"}
            assert (await http.post("/mcp", json={}, headers=headers)).status_code == 400, "a shared secret's"
        await asyncio.to_thread(without.stop)
        with running(with_login):
            await until_problems_are([], gateway)
        await asyncio.to_thread(without.start)
        await until_problems_are([NO_LOGIN], gateway)


async def test_clients_learn_that_the_gateway_is_the_issuer(api_binary: Path, tmp_path: Path) -> None:
    with embedded(api_binary, tmp_path, TOOLBRIDGE_PUBLIC_URL=PUBLIC) as both:
        async with httpx.AsyncClient(base_url=both.gateway.url, trust_env=False) as http:
            for method, path, endpoint in (
                ("POST", "/mcp", "/mcp"),
                ("GET", "/mcp", "/mcp"),
                ("GET", "/sse", "/sse"),
                ("POST", f"/messages/?session_id={'0' * 32}", "/sse"),
            ):
                where = f"{PUBLIC}/.well-known/oauth-protected-resource{endpoint}"
                stranger = await http.request(method, path)
                assert stranger.status_code == 401
                expected = f'Bearer scope="read write", resource_metadata="{where}"'
                assert stranger.headers["WWW-Authenticate"] == expected
                metadata = (await http.get(where.removeprefix(PUBLIC))).json()
                assert metadata["authorization_servers"] == [PUBLIC]
                assert metadata["resource"] == PUBLIC + endpoint


async def test_tokens_of_a_shared_secret_work_beside_those_of_the_login(
    api_binary: Path, tmp_path: Path
) -> None:
    with embedded(api_binary, tmp_path) as both:
        async with over_http(both.gateway.url, token("dev")) as tools:
            await tools.call("list_notes")
        async with both.people() as people:
            hers = await people.connected(await people.signed_in())
            service = await people.service(["read"])
        for bearer in (hers.access, service):
            async with over_sse(both.gateway.url, bearer) as tools:
                await tools.call("list_notes")
        async with over_http(both.gateway.url, service) as tools:
            assert "has no scope write" in await tools.refusal("create_note", title="t", content="c")


@dataclass
class Holding(ChangingProxy):
    """Keeps the answers about notes back until it is told to go on."""

    held: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def _pass(self, request: web.Request) -> web.Response:
        answer = await super()._pass(request)
        if request.path.startswith("/v1/notes"):
            self.held += 1
            await self.go_on.wait()
        return answer


@asynccontextmanager
async def behind_a_proxy(api_binary: Path, folder: Path) -> AsyncIterator[tuple[Embedded, Holding]]:
    api = api_process(api_binary, folder, **EMBEDDED)
    with running(api):
        async with Holding(api.url).running() as proxy:
            gateway = gateway_process(proxy.url, folder, **EMBEDDED)
            await asyncio.to_thread(gateway.start)
            try:
                yield Embedded(api, gateway), proxy
            finally:
                await asyncio.to_thread(gateway.stop)


async def test_a_call_that_runs_when_its_user_is_disabled_is_answered(
    api_binary: Path, tmp_path: Path
) -> None:
    call = {"name": "list_notes", "arguments": {}}
    async with behind_a_proxy(api_binary, tmp_path) as (both, proxy), both.people() as people:
        ann = await people.signed_in()
        hers = await people.connected(ann)
        url = both.gateway.url
        async with session(url, hers.access) as first, alone(url, hers.access) as second:
            running_calls = [asyncio.create_task(one("tools/call", call)) for one in (first, second)]
            async with asyncio.timeout(SOON_SECONDS):
                while proxy.held < 2:
                    await asyncio.sleep(0.02)
                await people.api.disable(ann.account.id)
                while (await first.post({"id": 2, "method": "ping"})).status_code != 401:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(1)  # the gateway looks twice a second for sessions to end
            proxy.go_on.set()
            for answer in await asyncio.gather(*running_calls):
                assert not answer["result"].get("isError"), answer
