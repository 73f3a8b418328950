"""The measurement of `scripts/bench.sh soak`: `python -m tests.bench.soak [MINUTES] OPTIONS`.

Clients call for minutes through all of the container, under supervisord as in production, while its memory is
watched. With --kill-every the serving process is killed again and again, or frozen with --freeze. At the end
the API says whether it has every note whose creation was acknowledged, once.
"""

import argparse
import json
import os
import signal
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.bench import load, servers
from tests.bench.gateway import existing
from tests.bench.load import MIX, MIXED, Session, Target
from tests.harness.authorization_server import AuthorizationServer, running_authorization_server
from tests.harness.clients import signed
from tests.harness.processes import REPOSITORY, Process, running
from tests.harness.stack import stack_process
from tests.harness.table import head, row, say

SAMPLE_SECONDS = 2
SAMPLE_TRIES = 30
LOG_BYTES = 50_000_000
"""The log is emptied when it is longer, so that minutes of it do not fill the disk."""

GATEWAY_COMMAND = ["-m", "toolbridge_mcp", "serve"]

SETTLED_SECONDS = 15
"""How long after a kill a client may still have an error because of it."""


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as temporary, running_authorization_server() as authority:
        stack = stack_of(options.tree, options.api, Path(temporary), authority)
        with running(stack):
            api_url = f"http://127.0.0.1:{stack.environment['API_PORT']}"
            users = servers.Data(api_url, authority).users(options.sessions)
            watch = Watch(stack, options.kill_every, signal.SIGSTOP if options.freeze else signal.SIGKILL)
            with watch:
                report = load.run(options.load, plan(options, f"{stack.url}{options.path}", users))
                parts = memory_by_program(stack.pid)
            stored = Counter(title for user in users for title in titles(api_url, user))
            failed = write(report, watch, stored, options.freeze)
            say(f"\nContainer at the end, PSS in MB: {', '.join(parts)}")
    if options.json:
        options.json.write_text(json.dumps({"load": report, "samples": watch.samples, "kills": watch.kills}))
    if failed:
        raise SystemExit(1)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.sh soak", description=__doc__)
    add = parser.add_argument
    add("minutes", type=float, nargs="?", default=10, help="how long (10)")
    add("--kill-every", type=float, metavar="SECONDS", help="kill the serving process so often")
    add("--freeze", action="store_true", help="freeze it instead of killing it")
    add("--sessions", type=int, default=50, help="sessions at once, each of a user of its own (50)")
    add("--path", default="/sse", choices=["/sse", "/mcp"], help="the transport (/sse)")
    add("--pause", type=float, default=0.02, help="seconds between two calls of a session (0.02)")
    add("--tree", type=existing, default=REPOSITORY, help="the checkout whose gateway is measured (this one)")
    add("--json", type=Path, help="file for everything that was seen")
    add("--api", type=existing, required=True, help=argparse.SUPPRESS)
    add("--load", type=existing, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def stack_of(tree: Path, api: Path, place: Path, authority: AuthorizationServer) -> Process:
    """What the container runs, from this tree, with tokens of RS256."""
    settings = authority.verifiers(servers.AUDIENCE)
    stack = stack_process(
        api, place, **settings, **servers.LIMITS_OF_THE_API, **servers.LIMITS_OF_THE_GATEWAY
    )
    (place / "mcp").unlink()
    (place / "mcp").symlink_to(tree / "mcp")
    (place / "supervisord.conf").write_text((tree / "supervisord.conf").read_text())
    environment = {name: value for name, value in stack.environment.items() if name != "JWT_HS256_SECRET"}
    return replace(stack, environment=environment, folder=tree / "mcp")


def plan(options: argparse.Namespace, url: str, users: list[Session]) -> dict[str, Any]:
    target = Target("soak", url, "sse" if options.path == "/sse" else "session", users)
    planned = target.plan(MIX, len(users), options.minutes * 60, warmup=0)
    for session in planned["sessions"]:
        session["calls"][MIXED.index("create")]["keep"] = True
    return {**planned, "soak": {"pause_seconds": options.pause, "retry_seconds": 0.02}}


def titles(api_url: str, user: Session) -> Iterator[str]:
    """The titles of all notes of the user."""
    headers = {"Authorization": f"Bearer {user.bearer}", "X-Sync-Session": "new"}
    query: dict[str, str] = {"limit": "1000", "sort": "created"}
    with httpx.Client(headers=headers, auth=signed, trust_env=False, timeout=60) as client:
        while True:
            page = client.get(f"{api_url}/v1/notes", params=query).raise_for_status().json()
            yield from (item["payload"]["title"] for item in page["items"])
            if not page.get("nextCursor"):
                return
            query["cursor"] = page["nextCursor"]


@dataclass
class Watch:
    """Samples the memory of a stack, and kills its serving process, until the load ends."""

    stack: Process
    kill_every: float | None
    number: signal.Signals
    samples: list[dict[str, float]] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)

    def __enter__(self) -> None:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        started = time.time()
        self._sample()
        while not self._end.wait(SAMPLE_SECONDS):
            self._sample()
            self._shorten_log()
            if self.kill_every and time.time() - started >= self.kill_every * (len(self.kills) + 1):
                self._kill()

    def _kill(self) -> None:
        with suppress(psutil.Error, LookupError):  # between two serving processes; the next turn tries again
            process = serving(self.stack.pid)
            self.kills.append(time.time())
            process.send_signal(self.number)

    def _sample(self) -> None:
        """Takes a sample, if there is a serving process within a few seconds: one may just be replaced."""
        for _ in range(SAMPLE_TRIES):
            with suppress(psutil.Error, LookupError):
                self.samples.append(self._present())
                return
            time.sleep(0.1)

    def _present(self) -> dict[str, float]:
        gateway = psutil.Process(serving(self.stack.pid).pid)
        return {
            "at": time.time(),
            **{f"stack_{name}": value for name, value in servers.memory(self.stack.pid).items()},
            **{f"gateway_{name}": value for name, value in servers.memory(gateway.pid).items()},
            "descriptors": gateway.num_fds(),
        }

    def _shorten_log(self) -> None:
        if self.stack.log.stat().st_size > LOG_BYTES:
            os.truncate(self.stack.log, 0)


def serving(pid: int) -> psutil.Process:
    """The process that serves, among this one and its descendants: it has the gateway's command line, and no
    child that has it too."""
    root = psutil.Process(pid)
    found = [
        each for each in (root, *root.children(recursive=True)) if each.cmdline()[1:4] == GATEWAY_COMMAND
    ]
    parents = {each.ppid() for each in found}
    last = [each for each in found if each.pid not in parents]
    if not last:
        raise LookupError("no process serves")
    return last[-1]


def write(report: dict[str, Any], watch: Watch, stored: Counter[str], freeze: bool) -> bool:
    """The tables; whether a call failed for no reason, or the API has not what it acknowledged."""
    soak = report["soak"]
    kept = {
        name: {f"Created {unique}" for unique in soak[name] or ()} for name in ("acknowledged", "unknown")
    }
    lost = [title for title in kept["acknowledged"] if not stored[title]]
    double = [title for title, count in stored.items() if count > 1 and title.startswith("Created ")]
    events, between = soak["events"] or [], soak["gaps"] or []
    apart = [event for event in events if not _is_of_a_kill(event["at"], watch.kills)]
    memory_table(watch.samples)
    gaps = [longest_gap(between, at, only_all=True) for at in watch.kills]
    each = [longest_gap(between, at, only_all=False) for at in watch.kills]
    say("")
    head("what", "value")
    row("calls, a second", f"{report['calls']:,}, {report['calls'] / report['seconds']:,.0f}")
    row("p50, p95, p99 in ms", f"{report['p50_ms']:.1f}, {report['p95_ms']:.1f}, {report['p99_ms']:.1f}")
    row("kills" if not freeze else "freezes", len(watch.kills))
    row("failures by kind", json.dumps(Counter(event["kind"] for event in events)))
    row("failures apart from kills", len(apart))
    if gaps:
        row("longest time without any answer after each, s", ", ".join(f"{gap:.2f}" for gap in gaps))
        row("of these the median and the longest, s", f"{statistics.median(gaps):.2f}, {max(gaps):.2f}")
        row("longest time without an answer of one session, s", f"{max(each):.2f}")
    row("creations acknowledged", f"{len(kept['acknowledged']):,}")
    row("of these not stored (lost)", len(lost))
    row("creations of which the answer was cut off", len(kept["unknown"]))
    row("of these stored", sum(1 for title in kept["unknown"] if stored[title]))
    row("creations stored twice", len(double))
    say("")
    head("target", "limit", "measured", "verdict")
    middle, end = watch.samples[len(watch.samples) // 2], watch.samples[-1]
    target("container, PSS in MB", 150, end["stack_pss_mb"])
    target("container at the end, to the middle", 1.1, end["stack_pss_mb"] / middle["stack_pss_mb"])
    if gaps:
        what, limit = ("freeze", 5) if freeze else ("kill", 0.5)
        target(f"seconds without any answer after a {what}", limit, max(gaps))
    correct = [
        target("failures apart from kills", 0, len(apart)),
        target("acknowledged creations that are lost", 0, len(lost)),
        target("creations stored twice", 0, len(double)),
    ]
    for event in apart[:5]:
        say(f"apart from kills: {event}")
    return not all(correct)


def target(name: str, limit: float, value: float) -> bool:
    reached = value <= limit
    row(name, f"at most {limit:g}", f"{value:.3g}", "reached" if reached else "missed")
    return reached


def memory_table(samples: list[dict[str, float]]) -> None:
    say("")
    head("MB", "container, PSS", "gateway, PSS", "gateway, RSS", "descriptors of the gateway")
    for name, sample in (
        ("start", samples[0]),
        ("middle", samples[len(samples) // 2]),
        ("end", samples[-1]),
        ("most", {name: max(sample[name] for sample in samples) for name in samples[0]}),
    ):
        values = (sample["stack_pss_mb"], sample["gateway_pss_mb"], sample["gateway_rss_mb"])
        row(name, *(f"{value:.0f}" for value in values), int(sample["descriptors"]))


def memory_by_program(pid: int) -> list[str]:
    root = psutil.Process(pid)
    each = [(one, one.memory_full_info().pss / 1e6) for one in (root, *root.children(recursive=True))]
    return [f"{' '.join(Path(word).name for word in one.cmdline()[:4])} {used:.0f}" for one, used in each]


def _is_of_a_kill(at: float, kills: list[float]) -> bool:
    return any(0 <= at - kill + 0.01 <= SETTLED_SECONDS for kill in kills)


def longest_gap(gaps: list[dict[str, float]], at: float, *, only_all: bool) -> float:
    """How long nobody was answered after a kill, or how long any one session was not."""
    found = [gap for gap in gaps if gap["from"] <= at + 0.5 and gap["to"] >= at]
    if only_all:
        found = [gap for gap in found if gap["session"] < 0]
    return max((gap["to"] - max(gap["from"], at) for gap in found), default=0)


if __name__ == "__main__":
    main()
