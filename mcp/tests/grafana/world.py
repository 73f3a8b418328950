"""A gateway and an API in front of users who do everything, and a Prometheus that reads both."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from uuid import uuid4

import httpx
from mcp import MCPError
from mcp.types import ResourceTemplateReference
from prometheus_client.parser import text_string_to_metric_families

from tests.harness.authorization_server import AuthorizationServer, running_authorization_server
from tests.harness.clients import Tools, over_http, over_sse
from tests.harness.processes import Process, api_process, free_port, gateway_process, running
from tests.harness.prometheus import Prometheus, prometheus, scrape

GATEWAY, API = "toolbridge-gateway", "toolbridge-api"
AUDIENCE = "https://watched.example"
BURST = 200
"""Calls that a user may make at once."""

QUIET_SECONDS = 2
IMPATIENT = f"""
import runpy
from toolbridge_mcp.telemetry import tasks
tasks.QUIET_SECONDS = {QUIET_SECONDS}.0
runpy.run_module("toolbridge_mcp", run_name="__main__")
"""
"""A gateway for which a user's run of calls is over sooner than after a minute."""


NOTHING: Mapping[str, str] = MappingProxyType({})
NO_COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "500"}
"""Traces are on, and nobody takes them."""


@dataclass(frozen=True)
class Watched:
    """A gateway with an API, and the Prometheus that reads them."""

    gateway: Process
    api: Process
    addresses: tuple[str, str]
    """Where Prometheus reads the gateway's metrics and the API's."""

    authority: AuthorizationServer
    prometheus: Prometheus

    def bearer(self, user: str) -> str:
        return self.authority.sign(user, AUDIENCE)

    def exported(self) -> dict[str, set[str]]:
        """The names of all metrics, with the labels of each; Prometheus keeps no label that is empty."""
        labels: dict[str, set[str]] = {}
        for address in self.addresses:
            text = httpx.get(address, trust_env=False).raise_for_status().text
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    labels.setdefault(sample.name, set()).update(sample.labels)
        return labels

    async def until_read(self) -> None:
        """Returns when Prometheus has read both programs once more."""
        before = self._scrapes()
        async with asyncio.timeout(30):
            while min(self._scrapes()) < min(before) + 2:
                await asyncio.sleep(0.1)

    def _scrapes(self) -> list[float]:
        asked = "count_over_time(up{job=~'toolbridge-.*'}[1h])"
        return [one.value for one in self.prometheus.query(asked)] or [0]

    async def everything(self) -> None:
        """What users do: with success and without, by every transport."""
        url = self.gateway.url
        user = f"user-{uuid4()}"
        for connect in (over_sse, over_http):
            async with connect(url, self.bearer(user)) as tools:
                await work(tools)
        async with over_http(url, self.bearer(user), mode="legacy") as tools:
            await work(tools)
        await self._too_much()
        await self._strangers()
        await self._restart()
        await self._unsigned()

    async def _restart(self) -> None:
        """The API is gone for a moment, and a call is repeated."""
        self.api.kill()
        async with over_http(self.gateway.url, self.bearer("patient")) as tools:
            await tools.result("list_notes")
        await asyncio.to_thread(self.api.start)

    async def _unsigned(self) -> None:
        """A request to the API that no gateway has signed."""
        headers = {"Authorization": f"Bearer {self.bearer('ann')}", "X-Sync-Session": "new"}
        async with httpx.AsyncClient(base_url=self.api.url, trust_env=False, headers=headers) as http:
            assert (await http.get("/v1/notes")).json()["code"] == "invalid_tenant"

    async def _too_much(self) -> None:
        async with over_http(self.gateway.url, self.bearer(f"busy-{uuid4()}")) as tools:
            await asyncio.gather(*(tools.result("list_notes") for _ in range(BURST + 20)))

    async def _strangers(self) -> None:
        """A token that is not valid, none at all, and a session that is not there."""
        known = {"Authorization": f"Bearer {self.bearer('ann')}", "Mcp-Session-Id": "0" * 32}
        accepting = {"Accept": "application/json, text/event-stream"}
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        async with httpx.AsyncClient(base_url=self.gateway.url, trust_env=False) as http:
            for headers in ({}, {"Authorization": "Bearer nonsense"}, known):
                answer = await http.post("/mcp", headers={**accepting, **headers}, json=ping)
                assert answer.is_client_error


async def work(tools: Tools) -> None:
    """Writes, reads, lists and searches; makes mistakes, and corrects one of them."""
    note = await tools.call("create_note", title="t", content="c" * 300)
    await tools.refusal("get_note", uid=note["uid"], nonsense=1)
    await tools.call("get_note", uid=note["uid"])
    await tools.call("list_notes")
    await tools.refusal("get_task", uid=str(uuid4()))
    with suppress(MCPError):
        await tools.result("destroy_everything")
    client = tools.client
    await client.read_resource(f"toolbridge://note/{note['uid']}")
    for wrong in (f"toolbridge://note/{uuid4()}", "toolbridge://nothing"):
        with suppress(MCPError):
            await client.read_resource(wrong)
    for prompt in await client.list_prompts():
        with suppress(MCPError):
            await client.get_prompt(prompt.name)
    await client.complete(
        ResourceTemplateReference(uri="toolbridge://note/{uid}"), {"name": "uid", "value": "t"}
    )


@contextmanager
def watched(
    binary: Path,
    folder: Path,
    *,
    of_api: Mapping[str, str] = NOTHING,
    of_gateway: Mapping[str, str] = NOTHING,
    program: str = IMPATIENT,
    rules: Path | None = None,
    interval: str = "1s",
) -> Iterator[Watched]:
    with ExitStack() as stack:
        authority = stack.enter_context(running_authorization_server())
        both = authority.verifiers(AUDIENCE)
        api = stack.enter_context(running(api_process(binary, folder, **both, **of_api)))
        private = free_port()
        own = {"TOOLBRIDGE_METRICS_PORT": str(private), "TOOLBRIDGE_RATE_LIMIT": f"600:{BURST}", **of_gateway}
        process = gateway_process(api.url, folder, **both, **own)
        process.command[1:3] = ["-c", program]
        gateway = stack.enter_context(running(process))
        address = f"http://127.0.0.1:{private}"
        jobs = scrape(GATEWAY, address), scrape(API, address, "/metrics/api")
        server = stack.enter_context(prometheus(folder, *jobs, rules=rules, interval=interval))
        addresses = f"{address}/metrics", f"{address}/metrics/api"
        yield Watched(gateway, api, addresses, authority, server)
