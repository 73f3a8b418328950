"""The measurement of `scripts/bench.sh telemetry`: `python -m tests.bench.telemetry OPTIONS`.

Gateways with different parts of what tells about a call, each with an API of its own that has the same,
answer the same calls, one after another in each round, in an order that changes with the round.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import load, servers
from tests.bench.figures import GATEWAY, Figures, calls_per_second, processor_time
from tests.bench.gateway import existing
from tests.bench.load import GET, Target
from tests.bench.without import JOURNAL, METRICS, PARTS, SERVER_TIMING, leave_out_journal
from tests.harness.authorization_server import AuthorizationServer, running_authorization_server
from tests.harness.collector import collector
from tests.harness.processes import REPOSITORY, Process
from tests.harness.table import head, row, say

PATCH = "patch"
OFF = "everything off"
BEFORE = "before"
API = processor_time("api")


@dataclass(frozen=True)
class Variant:
    """A gateway and an API: what they lack, and the settings of both."""

    name: str
    without: frozenset[str] = frozenset()
    settings: Mapping[str, str] = field(default_factory=dict)
    is_before: bool = False
    """Whether it is that of the other checkout."""


NO_LINES = {"LOG_LEVEL": "error", "TOOLBRIDGE_LOG_LEVEL": "error"}
SAMPLED = {"OTEL_TRACES_SAMPLER": "parentbased_always_on"}
UNSAMPLED = {"OTEL_TRACES_SAMPLER": "parentbased_always_off"}


def variants(receiver: Mapping[str, str]) -> list[Variant]:
    """`receiver` is what makes a program send its traces."""
    none = frozenset({METRICS, SERVER_TIMING, JOURNAL})
    return [
        Variant(OFF, none, NO_LINES),
        Variant("log lines", none),
        Variant("metrics", none - {METRICS}, NO_LINES),
        Variant("Server-Timing", none - {SERVER_TIMING}, NO_LINES),
        Variant("journal", none - {JOURNAL}, NO_LINES),
        Variant("traces, of no call", none, {**NO_LINES, **receiver, **UNSAMPLED}),
        Variant("traces, of every call", none, {**NO_LINES, **receiver, **SAMPLED}),
        Variant("all but traces, as by default"),
        Variant("all, and traces of every call", settings={**receiver, **SAMPLED}),
    ]


def main() -> None:
    options = parse(sys.argv[1:])
    with tempfile.TemporaryDirectory() as temporary:
        figures = compare(options, Path(temporary))
    for what in options.loads:
        _table(figures, what)
    if options.json:
        measured = [
            {"load": what, "variant": name, "rounds": list(rounds.values())}
            for (what, _, name), rounds in figures.rounds.items()
        ]
        options.json.write_text(json.dumps(measured, indent=1) + "\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.sh telemetry", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=15, help="so many rounds (15)")
    add("--seconds", type=float, default=1, help="how long each measurement takes (1)")
    add("--sessions", type=int, default=10, help="sessions at once (10)")
    add("--loads", type=_words, default=[GET, PATCH], help="operations, such as get,create,list (get,patch)")
    add("--path", default="/mcp", choices=["/sse", "/mcp"], help="the transport (/mcp)")
    add("--only", type=_words, default=[""], help="variants whose names contain one of these words (all)")
    add("--before", type=existing, help="another checkout, measured beside it as it is by default")
    add("--before-api", type=existing, help="the API of that checkout")
    add("--json", type=Path, help="file for all figures")
    add("--api", type=existing, required=True, help=argparse.SUPPRESS)
    add("--load", type=existing, required=True, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _words(text: str) -> list[str]:
    return text.split(",")


def compare(options: argparse.Namespace, place: Path) -> Figures:
    figures = Figures()
    with running_authorization_server() as authority, collector(place) as receiver:
        chosen = [
            one
            for one in variants({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.process.url})
            if _is_wanted(options, one)
        ]
        if options.before:
            chosen.append(Variant(BEFORE, is_before=True))
        with targets(options, place, authority, chosen) as found:
            for number in range(options.rounds):
                for what in options.loads:
                    for target in random.sample(found, len(found)):
                        plan = target.plan(what, options.sessions, options.seconds, options.seconds / 4)
                        measured = load.run(options.load, plan)
                        figures.add(number, what, options.sessions, target.name, measured)
    return figures


def _is_wanted(options: argparse.Namespace, variant: Variant) -> bool:
    return variant.name == OFF or any(part in variant.name for part in options.only)


@contextmanager
def targets(
    options: argparse.Namespace, place: Path, authority: AuthorizationServer, chosen: Sequence[Variant]
) -> Iterator[list[Target]]:
    """Every variant runs."""
    found = []
    with ExitStack() as stack:
        for number, variant in enumerate(chosen):
            folder = place / str(number)
            folder.mkdir()
            api = _api(options, variant, folder, authority)
            stack.enter_context(servers.started(api))
            if JOURNAL in variant.without:
                leave_out_journal(folder / "toolbridge.db")
            gateway = _gateway(options, variant, folder, authority, api.url)
            stack.enter_context(servers.started(gateway))
            users = servers.Data(api.url, authority).users(options.sessions)
            watch = {"gateway": gateway.pid, "api": api.pid}
            way = "sse" if options.path == "/sse" else "session"
            found.append(Target(variant.name, f"{gateway.url}{options.path}", way, users, watch=watch))
        yield found


def _api(
    options: argparse.Namespace, variant: Variant, folder: Path, authority: AuthorizationServer
) -> Process:
    binary = options.before_api if variant.is_before and options.before_api else options.api
    return servers.api(binary, folder, authority, **_own(variant.settings, "TOOLBRIDGE_"))


def _gateway(
    options: argparse.Namespace, variant: Variant, folder: Path, authority: AuthorizationServer, api_url: str
) -> Process:
    tree = options.before if variant.is_before else REPOSITORY
    process = servers.gateway(tree, api_url, folder, authority, **_own(variant.settings, "LOG_"))
    if parts := ",".join(variant.without & PARTS):
        process.command = [sys.executable, "-m", "tests.bench.without", parts, "serve"]
    return process


def _own(settings: Mapping[str, str], others: str) -> dict[str, str]:
    return {name: value for name, value in settings.items() if not name.startswith(others)}


def _table(figures: Figures, what: str) -> None:
    """What else the machine does can only add to processor time. So the ratios are those of the lower
    quartiles of the rounds, which say more on a busy machine than medians do."""
    say(f"\n{what}, processor time of a call: lower quartiles, their ratios, and medians\n")
    head("what is on", *_columns("gateway"), *_columns("API"), "calls/s", "errors", numbers_from=1)
    names = [variant.name for variant in variants({})] + [BEFORE]
    found = [key for key in figures.rounds if key[0] == what]
    for _, sessions, name in sorted(found, key=lambda key: names.index(key[2])):
        rounds = figures.rounds[what, sessions, name].values()
        cells: list[str] = []
        for figure in (GATEWAY, API):
            low, off = (
                _lower_quartile([figure(each) for each in figures.rounds[what, sessions, one].values()])
                for one in (name, OFF)
            )
            median = figures.median(what, sessions, name, figure)
            cells += [f"{low:.0f}", f"{low / off:.2f}" if off else "-", f"{median:.0f}"]
        rate = figures.median(what, sessions, name, calls_per_second)
        row(name, *cells, f"{rate:,.0f}", sum(sum(each["errors"].values()) for each in rounds))


def _columns(program: str) -> tuple[str, str, str]:
    return f"{program} us", "to off", "median"


def _lower_quartile(values: list[float]) -> float:
    return sorted(values)[len(values) // 4]


if __name__ == "__main__":
    main()
