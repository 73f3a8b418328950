"""A real Prometheus reads what the programs export."""

from pathlib import Path

import pytest

from tests.harness.clients import over_http
from tests.harness.processes import Process
from tests.harness.prometheus import prometheus, scrape

pytestmark = [pytest.mark.anyio, pytest.mark.programs]


async def test_a_call_is_in_prometheus_at_the_next_scrape(
    gateway: Process, bearer: str, tmp_path: Path
) -> None:
    async with over_http(gateway.url, bearer) as tools:
        await tools.call("list_notes")
    counted = 'toolbridge_calls_total{job="gateway",tool="list_notes",outcome="ok"}'
    with prometheus(tmp_path, scrape("gateway", gateway.url)) as server:
        await server.until(lambda: server.is_healthy("gateway"))
        await server.until(lambda: bool(server.query(counted)))
        (sample,) = server.query(counted)
    assert sample.value >= 1
