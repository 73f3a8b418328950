"""What was measured: medians over the rounds, and ratios of figures of the same round."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.bench.load import GET, LISTING, MIX

API = "API alone"
OURS = "ours over SSE"
FASTMCP = "from_openapi over SSE"
FASTMCP_MCP = "from_openapi over /mcp"

Measured = dict[str, Any]
Figure = Callable[[Measured], float]


def calls_per_second(measured: Measured) -> float:
    return float(measured["calls"] / measured["seconds"])


def processor_time(process: str) -> Figure:
    """Microseconds of the process for each call."""
    return lambda measured: measured["used_seconds"].get(process, 0) / max(measured["calls"], 1) * 1e6


def reported(name: str) -> Figure:
    return lambda measured: float(measured.get(name, 0))


GATEWAY = processor_time("gateway")
FIGURES: dict[str, Figure] = {
    "calls_per_second": calls_per_second,
    "p50_ms": reported("p50_ms"),
    "p95_ms": reported("p95_ms"),
    "p99_ms": reported("p99_ms"),
    "gateway_us_per_call": GATEWAY,
    "api_us_per_call": processor_time("api"),
    "rss_mb": reported("rss_mb"),
    "pss_mb": reported("pss_mb"),
    "load_us_per_call": reported("own_us_per_call"),
    "load_share": reported("own_share"),
}


@dataclass
class Figures:
    """All measurements of a run, by load, number of sessions, server and round."""

    rounds: dict[tuple[str, int, str], dict[int, Measured]] = field(default_factory=dict)
    starts: dict[str, list[float]] = field(default_factory=dict)
    """Seconds of cold starts, and of what they are compared with."""

    def add(self, number: int, load: str, sessions: int, server: str, measured: Measured | None) -> None:
        if measured is not None:
            self.rounds.setdefault((load, sessions, server), {})[number] = measured

    def median(self, load: str, sessions: int, server: str, figure: Figure) -> float:
        return statistics.median(figure(each) for each in self.rounds[load, sessions, server].values())

    def ratio(self, load: str, sessions: int, server: str, reference: str, figure: Figure) -> float | None:
        """The median of the ratios of each round; None if one of the two was not measured."""
        above = self.rounds.get((load, sessions, server), {})
        below = self.rounds.get((load, sessions, reference), {})
        ratios = [
            figure(above[number]) / figure(below[number])
            for number in above
            if below.get(number) and figure(below[number])
        ]
        return statistics.median(ratios) if ratios else None

    def to_fastmcp(self, load: str, sessions: int, server: str) -> float | None:
        """Processor time as a share of what from_openapi needs over the same transport."""
        reference = FASTMCP if server.endswith("SSE") else FASTMCP_MCP
        return self.ratio(load, sessions, server, reference, GATEWAY)

    def errors(self) -> dict[str, str]:
        """An example of each kind of error of each server."""
        return {
            f"{server}: {kind}": f"{count} times, such as {measured['examples'][kind]}"
            for (_, _, server), rounds in self.rounds.items()
            for measured in rounds.values()
            for kind, count in measured["errors"].items()
        }

    def as_json(self) -> dict[str, Any]:
        return {
            "measurements": [
                {
                    "load": load,
                    "sessions": sessions,
                    "server": server,
                    **{
                        name: round(self.median(load, sessions, server, of), 4)
                        for name, of in FIGURES.items()
                    },
                    "gateway_to_from_openapi": self.to_fastmcp(load, sessions, server),
                    "calls_to_api_alone": self.ratio(load, sessions, server, API, calls_per_second),
                    "p95_to_api_alone": self.ratio(load, sessions, server, API, reported("p95_ms")),
                    "rounds": list(rounds.values()),
                }
                for (load, sessions, server), rounds in self.rounds.items()
            ],
            "starts_seconds": self.starts,
            "targets": [target.as_json(self) for target in TARGETS],
        }


@dataclass(frozen=True)
class Goal:
    """A figure that a run must reach."""

    name: str
    limit: float
    value: Callable[[Figures], float | None]
    at_least: bool = False

    def verdict(self, figures: Figures) -> str:
        value = self.value(figures)
        if value is None:
            return "not measured"
        if value >= self.limit if self.at_least else value <= self.limit:
            return "reached"
        return f"missed by {abs(value - self.limit) / (self.limit or 1):.0%}" if self.limit else "missed"

    def as_json(self, figures: Figures) -> dict[str, Any]:
        return {
            "target": self.name,
            "limit": self.limit,
            "value": self.value(figures),
            "verdict": self.verdict(figures),
        }


def _to_fastmcp(load: str, server: str) -> Callable[[Figures], float | None]:
    return lambda figures: figures.to_fastmcp(load, 10, server)


def _start(figures: Figures) -> float | None:
    pairs = list(zip(*figures.starts.values(), strict=True))
    return statistics.median(first / imported for first, imported in pairs) if pairs else None


TARGETS = (
    Goal("processor time of get over SSE, 10 sessions, to from_openapi", 0.10, _to_fastmcp(GET, OURS)),
    Goal("the same over /mcp", 0.12, _to_fastmcp(GET, "ours over /mcp")),
    Goal("the same over /mcp of 2026-07-28", 0.12, _to_fastmcp(GET, "ours over 2026-07-28")),
    Goal("processor time of mix over SSE, 10 sessions, to from_openapi", 0.15, _to_fastmcp(MIX, OURS)),
    Goal(
        "calls a second of get over SSE, 50 sessions, to the API alone",
        0.4,
        lambda figures: figures.ratio(GET, 50, OURS, API, calls_per_second),
        at_least=True,
    ),
    Goal(
        "p95 of get over SSE, 50 sessions, to the API alone",
        4,
        lambda figures: figures.ratio(GET, 50, OURS, API, reported("p95_ms")),
    ),
    Goal("processor time of tools/list, 10 sessions, to from_openapi", 0.05, _to_fastmcp(LISTING, OURS)),
    Goal(
        "the same to the gateway without the short way",
        0.05,
        lambda figures: figures.ratio(LISTING, 10, OURS, "ours without the short way over SSE", GATEWAY),
    ),
    Goal("errors", 0, lambda figures: len(figures.errors())),
    Goal("cold start to the first answer, to the import of fastmcp.server.server", 1.5, _start),
)


def servers_of(figures: Figures, load: str) -> Iterator[tuple[int, str]]:
    """The measurements with this load, the smallest number of sessions first."""
    found = [(sessions, server) for (what, sessions, server) in figures.rounds if what == load]
    yield from sorted(found, key=lambda each: each[0])
