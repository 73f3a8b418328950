"""What dashboards and alerts ask for is what the programs export, as a real Prometheus sees it."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.grafana.board import FILE
from tests.grafana.public import QUERIES
from tests.grafana.rules import alerts
from tests.grafana.world import NO_COLLECTOR, QUIET_SECONDS, Watched, watched
from tests.harness.processes import TENANT_HEADER_SECRET

pytestmark = [pytest.mark.anyio, pytest.mark.programs]

OF_PROMETHEUS = {"__name__", "job", "instance", "le"}
ROUNDS = 2
"""A counter that appears between two readings has not risen yet."""


@pytest.fixture(scope="module")
async def world(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A Prometheus that has read what many calls left behind."""
    folder = tmp_path_factory.mktemp("watched")
    settings = {**NO_COLLECTOR, "TENANT_HEADER_KEYS": f"k1:2026-01-31:{TENANT_HEADER_SECRET}"}
    with watched(api_binary, folder, of_api=settings, of_gateway=settings) as world:
        for _ in range(ROUNDS):
            await world.until_read()
            await world.everything()
        await world.prometheus.until(lambda: has_seen_runs(world), 10 * QUIET_SECONDS)
        await world.until_read()
        yield world


@pytest.fixture(scope="module")
def known(world: Watched) -> dict[str, set[str]]:
    """The metrics that there are, and the labels of each."""
    return {"up": set(), **world.exported()}


def has_seen_runs(world: Watched) -> bool:
    """Also that the collector has not taken any traces."""
    lost = world.prometheus.query('toolbridge_api_spans_total{result="failed"}')
    return bool(lost) and sum(one.value for one in world.prometheus.query("mcp_task_success_total")) > 0


PANELS = json.loads(FILE.read_text())["panels"]
SHOWN = {f"{panel['title']} {of['refId']}": of["expr"] for panel in PANELS for of in panel.get("targets", ())}
BY_DASHBOARDS = SHOWN | {query: query for query in QUERIES}
BY_ALERTS = {alert.name: alert.query for alert in alerts()}


def asked(query: str) -> str:
    """The query as Grafana sends it."""
    given = {'"$job"': '".*"', '"$instance"': '".*"', "$__rate_interval": "1m", "$__range": "5m"}
    for variable, value in given.items():
        query = query.replace(variable, value)
    return query


@pytest.mark.parametrize("query", BY_DASHBOARDS.values(), ids=BY_DASHBOARDS)
async def test_a_query_of_a_dashboard_returns_data(world: Watched, query: str) -> None:
    samples = world.prometheus.query(asked(query))
    assert [sample for sample in samples if not math.isnan(sample.value)], samples


def parts(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node of a parsed expression."""
    if isinstance(tree, dict):
        if "type" in tree:
            yield tree
        for value in tree.values():
            yield from parts(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from parts(value)


def names_in(node: dict[str, Any]) -> set[str]:
    """The names of the metrics that a selector asks for."""
    named = {one["value"] for one in node["matchers"] if one["name"] == "__name__"}
    return {name for value in named for name in value.split("|")}


ALL = BY_DASHBOARDS | BY_ALERTS


@pytest.mark.parametrize("query", ALL.values(), ids=ALL)
async def test_a_query_names_metrics_and_labels_that_there_are(
    world: Watched, known: dict[str, set[str]], query: str
) -> None:
    nodes = list(parts(world.prometheus.parsed(asked(query))))
    selectors = [node for node in nodes if node["type"] in {"vectorSelector", "matrixSelector"}]
    assert selectors
    labels = set(OF_PROMETHEUS)
    for selector in selectors:
        names = names_in(selector)
        assert names <= known.keys()
        own = set.union(*(known[name] for name in names))
        assert {one["name"] for one in selector["matchers"]} <= own | OF_PROMETHEUS
        labels |= own
    for node in nodes:
        used = {*node.get("grouping", ()), *((node.get("matching") or {}).get("labels") or ())}
        assert used <= labels
