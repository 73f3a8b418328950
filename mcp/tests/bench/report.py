"""A run as tables."""

from tests.bench.figures import API, FIGURES, TARGETS, Figures, calls_per_second, reported, servers_of
from tests.bench.load import GET, LISTING, MIX
from tests.harness.table import head, row, say

TITLES = {
    GET: "get_note alone",
    MIX: "create, get, list, patch and search, a fifth each (from_openapi creates by its tool batch)",
    LISTING: "tools/list",
}


def write(figures: Figures) -> None:
    for load in dict.fromkeys(load for load, _, _ in figures.rounds):
        _table(figures, load)
    say("\nRatios are medians of those in each round: processor time of the gateway to that of from_openapi")
    say("over the same transport, as it comes; calls a second and p95 to those of the API alone.\n")
    _targets(figures)
    for kind, example in figures.errors().items():
        say(f"{kind}: {example}")


def _table(figures: Figures, load: str) -> None:
    say(f"\n{TITLES[load]}\n")
    head(
        "sessions", "server", "calls/s", "to API", "p50 ms", "p95 ms", "to API", "p99 ms",
        "gateway us", "to from_openapi", "API us", "PSS MB", "RSS MB", "errors", "load us", "load busy",
        numbers_from=2,
    )  # fmt: skip
    for sessions, server in servers_of(figures, load):
        value = {name: figures.median(load, sessions, server, of) for name, of in FIGURES.items()}
        rounds = figures.rounds[load, sessions, server].values()
        row(
            sessions,
            server,
            f"{value['calls_per_second']:,.0f}",
            _ratio(figures.ratio(load, sessions, server, API, calls_per_second)),
            f"{value['p50_ms']:.2f}",
            f"{value['p95_ms']:.2f}",
            _ratio(figures.ratio(load, sessions, server, API, reported("p95_ms"))),
            f"{value['p99_ms']:.2f}",
            f"{value['gateway_us_per_call']:,.0f}",
            _ratio(figures.to_fastmcp(load, sessions, server)),
            f"{value['api_us_per_call']:,.0f}",
            f"{value['pss_mb']:.0f}",
            f"{value['rss_mb']:.0f}",
            sum(sum(each["errors"].values()) for each in rounds),
            f"{value['load_us_per_call']:.0f}",
            f"{value['load_share']:.0%}",
        )


def _targets(figures: Figures) -> None:
    head("target", "limit", "measured", "verdict")
    for target in TARGETS:
        limit = f"{'at least' if target.at_least else 'at most'} {target.limit:g}"
        row(target.name, limit, _ratio(target.value(figures)), target.verdict(figures))


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
