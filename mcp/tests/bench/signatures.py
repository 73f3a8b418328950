"""The measurement of `scripts/bench.sh signatures`: `python -m tests.bench.signatures OPTIONS`.

Two gateways in front of one API sign by version 1 and by version 2. They answer the same calls, one after
another in each round, in an order that changes with the round. Then one signature is measured in a row.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import load, servers
from tests.bench.figures import GATEWAY, Figure, Figures, processor_time
from tests.bench.gateway import existing
from tests.bench.load import GET, WORDS, Target
from tests.harness.authorization_server import AuthorizationServer, running_authorization_server
from tests.harness.processes import REPOSITORY
from tests.harness.table import head, row, say
from toolbridge_mcp.keyring import Keyring
from toolbridge_mcp.transport import Request, Signer
from toolbridge_mcp.transport.signer import Choice

VERSIONS: tuple[Choice, ...] = ("v1", "v2")
PATCH = "patch"
API = processor_time("api")
IN_A_ROW = 20_000
REPEATED = 5


def main() -> None:
    options = parse(sys.argv[1:])
    with tempfile.TemporaryDirectory() as temporary:
        figures = compare(options, Path(temporary))
    head("a call", "program", "v1, us", "v2, us", "more, us", "v2 to v1", "calls", "errors", numbers_from=2)
    for what in options.loads:
        for program, figure in (("gateway", GATEWAY), ("API", API)):
            _row(figures, what, options.sessions, program, figure)
    say("")
    alone = in_a_row()
    head("a signature in a row", "us", numbers_from=1)
    for name, microseconds in alone.items():
        row(name, f"{microseconds:.1f}")
    if options.json:
        measured = [
            {"load": what, "version": name, "rounds": list(rounds.values())}
            for (what, _, name), rounds in figures.rounds.items()
        ]
        options.json.write_text(json.dumps({"calls": measured, "in_a_row": alone}, indent=1) + "\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.sh signatures", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=20, help="so many rounds (20)")
    add("--seconds", type=float, default=1, help="how long each measurement takes (1)")
    add("--sessions", type=int, default=10, help="sessions at once (10)")
    add("--loads", type=lambda text: text.split(","), default=[GET, PATCH], help="operations (get,patch)")
    add("--json", type=Path, help="file for all figures")
    add("--api", type=existing, required=True, help=argparse.SUPPRESS)
    add("--load", type=existing, required=True, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def compare(options: argparse.Namespace, place: Path) -> Figures:
    figures = Figures()
    with running_authorization_server() as authority, targets(options, place, authority) as found:
        for number in range(options.rounds):
            for what in options.loads:
                for target in random.sample(found, len(found)):
                    plan = target.plan(what, options.sessions, options.seconds, options.seconds / 4)
                    measured = load.run(options.load, plan)
                    figures.add(number, what, options.sessions, target.name, measured)
    return figures


@contextmanager
def targets(
    options: argparse.Namespace, place: Path, authority: AuthorizationServer
) -> Iterator[list[Target]]:
    api = servers.api(options.api, place, authority, TENANT_SIGNATURES="v1 v2")
    with servers.started(api):
        users = servers.Data(api.url, authority).users(options.sessions)
        gateways = [
            servers.gateway(REPOSITORY, api.url, place, authority, TOOLBRIDGE_SIGNATURE=version)
            for version in VERSIONS
        ]
        with servers.started(*gateways):
            yield [
                Target(
                    version,
                    f"{gateway.url}/mcp",
                    "session",
                    users,
                    watch={"gateway": gateway.pid, "api": api.pid},
                )
                for version, gateway in zip(VERSIONS, gateways, strict=True)
            ]


def _row(figures: Figures, what: str, sessions: int, program: str, figure: Figure) -> None:
    """What else the machine does can only add to processor time, so these are the lower quartiles of the
    rounds."""
    rounds = {version: list(figures.rounds[what, sessions, version].values()) for version in VERSIONS}
    before, after = (
        statistics.quantiles([figure(each) for each in rounds[version]] * 2, n=4)[0] for version in VERSIONS
    )
    every = [each for version in VERSIONS for each in rounds[version]]
    calls, errors = sum(each["calls"] for each in every), sum(sum(each["errors"].values()) for each in every)
    ratio = f"{after / before:.3f}" if before else "-"
    row(what, program, f"{before:.0f}", f"{after:.0f}", f"{after - before:.1f}", ratio, calls, errors)


def in_a_row() -> dict[str, float]:
    """Microseconds of processor time for one signature, by what is signed: the least of some series."""
    return {name: _microseconds(sign) for name, sign in _signed().items()}


def _signed() -> dict[str, Callable[[], object]]:
    keyring = Keyring.of_secret("a-secret-of-at-least-thirty-two-bytes")
    headers = {
        "Host": "127.0.0.1:8081",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "toolbridge-mcp",
        "Authorization": f"Bearer {'x' * 400}",
        "X-Correlation-ID": "c" * 32,
        "X-TB-Tool": "get_note",
        "X-TB-Client": "a client/1.0",
        "X-Sync-Session": "new",
        "X-Request-Timeout-Ms": "29750",
    }
    read = Request("GET", f"/v1/notes/{'0' * 36}?mirrors=false", headers)
    own = {**headers, "Idempotency-Key": "c" * 32, "If-Match": "3", "Content-Type": "application/json"}
    write = Request("PATCH", f"/v1/notes/{'0' * 36}?return=minimal", own, WORDS.encode())
    v1, v2 = (Signer(keyring, "acme", choice=version) for version in VERSIONS)
    v2.learn("0" * 32, "")
    return {
        "v1": lambda: v1.headers(read),
        "v2, without a body": lambda: v2.headers(read),
        f"v2, with a body of {len(write.content)} bytes": lambda: v2.headers(write),
    }


def _microseconds(sign: Callable[[], object]) -> float:
    series = timeit.repeat(sign, number=IN_A_ROW, repeat=REPEATED, timer=time.thread_time)
    return min(series) / IN_A_ROW * 1e6


if __name__ == "__main__":
    main()
