"""What can be measured, in the text format of Prometheus. No label holds a user, a tenant or a uid.

Metrics of messages are derived from the tallies of `telemetry` whenever somebody reads them; docs/metrics.md
lists all.
"""

from collections.abc import Iterator
from itertools import chain
from time import sleep

from prometheus_client import REGISTRY
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from toolbridge_mcp.metrics.conventions import conventions
from toolbridge_mcp.metrics.counts import (
    count_hidden,
    count_lateness,
    count_other_name,
    count_refusal,
    count_request,
    count_retry,
    describe_build,
    refusals,
    watch_calls,
    watch_circuit,
    watch_clock,
    watch_held,
    watch_keys,
    watch_limited,
    watch_login,
    watch_replaced,
    watch_secrets,
    watch_sessions,
)
from toolbridge_mcp.metrics.dashboard import dashboard
from toolbridge_mcp.metrics.own import own
from toolbridge_mcp.metrics.process import process
from toolbridge_mcp.metrics.route import LOOPBACK, metrics_route
from toolbridge_mcp.metrics.world import World, declare

__all__ = [
    "LOOPBACK",
    "count_hidden",
    "count_lateness",
    "count_other_name",
    "count_refusal",
    "count_request",
    "count_retry",
    "declare",
    "describe_build",
    "metrics_route",
    "refusals",
    "watch_calls",
    "watch_circuit",
    "watch_clock",
    "watch_held",
    "watch_keys",
    "watch_limited",
    "watch_login",
    "watch_replaced",
    "watch_secrets",
    "watch_sessions",
]


class OfMessages(Collector):
    """The metrics that are derived from tallies."""

    def collect(self) -> Iterator[Metric]:
        world = World.now()
        for family in chain(conventions(world), dashboard(world), own(world), process()):
            yield family
            sleep(0)  # lets the event loop go on, which serves calls meanwhile

    def describe(self) -> Iterator[Metric]:
        """None in advance: the registry would collect them to learn their names."""
        return iter(())


REGISTRY.register(OfMessages())
