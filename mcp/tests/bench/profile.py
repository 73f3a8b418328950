"""The measurement of `scripts/bench.sh profile`: `python -m tests.bench.profile OPTIONS`.

py-spy looks 250 times a second where a gateway is that answers get_note as fast as it can. Each look counts
for the innermost part of the gateway, or library, that is at work: the standard library, pydantic and the
kernel count for whoever called them.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from tests.bench import load, servers
from tests.bench.figures import GATEWAY, calls_per_second
from tests.bench.gateway import existing
from tests.bench.load import Target
from tests.bench.soak import serving
from tests.harness.authorization_server import running_authorization_server
from tests.harness.processes import REPOSITORY
from tests.harness.table import head, row, say

RATE = 250
PARTS = (
    ("log line and metrics", r"toolbridge_mcp/(logs|metrics)|/prometheus_client/|/logging/__init__"),
    ("way out: answers and their writing", r"^(\w+\.)?(send|_respond) \(.*(/uvicorn/|/connections\.py)"),
    (
        "way out: answers and their writing",
        r"toolbridge_mcp/web/(sessions/(exchanges|streams)|wire|streaming|answers)",
    ),
    ("way out: answers and their writing", r"/sse_starlette/"),
    ("connections and HTTP parser", r"/uvicorn/protocols/|toolbridge_mcp/(connections|library_seams)"),
    (
        "way in: addresses, token, limits, session",
        r"toolbridge_mcp/(web|auth|identity|choice|unread)|/joserfc/",
    ),
    ("way in: addresses, token, limits, session", r"/starlette/|/uvicorn/middleware/"),
    ("client: request to the API", r"toolbridge_mcp/(client|transport|outbound|http_clients)"),
    (
        "client: request to the API",
        r"/(httpx|httpx_aiohttp|aiohttp|httpcore|yarl|multidict|frozenlist|aiosignal)/",
    ),
    (
        "tool: arguments, deadline, result",
        r"toolbridge_mcp/(tools|rendering|entities|resilience|errors|retry_after)",
    ),
    ("FastMCP and the SDK", r"/(fastmcp|mcp|mcp_types|anyio|opentelemetry|key_value)/(?!toolbridge_mcp)"),
)
WAITING = re.compile(r"/(selectors|threading)\.py")
"""Threads beside the event loop, which wait."""

OTHER = "event loop, reading from sockets, and the rest"


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as name:
        stacks, report = record(options, Path(name))
    stacks = Counter({stack: count for stack, count in stacks.items() if not WAITING.search(stack[-1])})
    looks = Counter[str]()
    for stack, count in stacks.items():
        looks[part(stack)] += count
    total = looks.total()
    per_call = GATEWAY(report)
    rate = calls_per_second(report)
    say(f"\n{rate:,.0f} calls a second, {per_call:,.0f} us of the gateway for each, {total} looks\n")
    head("part", "share", "us a call")
    for name, count in looks.most_common():
        row(name, f"{count / total:.1%}", f"{count / total * per_call:,.0f}")
    if options.lines:
        say("\nThe functions in which the gateway is most often:\n")
        head("function", "share")
        inner = Counter[str]()
        for stack, count in stacks.items():
            inner[short(stack[-1])] += count
        for frame, count in inner.most_common(options.lines):
            row(frame, f"{count / total:.1%}")
    if options.stacks:
        options.stacks.write_text("".join(f"{';'.join(stack)} {count}\n" for stack, count in stacks.items()))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.sh profile", description=__doc__)
    add = parser.add_argument
    add("--path", default="/sse", choices=["/sse", "/mcp"], help="the transport (/sse)")
    add("--load-of", default="get", choices=["get", "mix"], help="what is called (get)")
    add("--sessions", type=int, default=10, help="sessions at once (10)")
    add("--seconds", type=float, default=5, help="how long (5)")
    add("--lines", type=int, default=0, help="also show so many functions")
    add("--stacks", type=Path, help="file for the stacks, collapsed, as programs for flame graphs read them")
    add("--tree", type=existing, default=REPOSITORY, help="the checkout whose gateway is measured (this one)")
    add("--api", type=existing, required=True, help=argparse.SUPPRESS)
    add("--load", type=existing, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def record(options: argparse.Namespace, place: Path) -> tuple[Counter[tuple[str, ...]], dict[str, object]]:
    """How often each stack was seen, and what the load was."""
    program, raw = spy(), place / "stacks"
    with (
        running_authorization_server() as authority,
        servers.started(servers.api(options.api, place, authority)) as (api,),
        servers.started(servers.gateway(options.tree, api.url, place, authority)) as (gateway,),
    ):
        users = servers.Data(api.url, authority).users(options.sessions)
        way = "sse" if options.path == "/sse" else "session"
        watch = {"gateway": gateway.pid, "api": api.pid}
        target = Target("profile", f"{gateway.url}{options.path}", way, users, watch=watch)
        plan = target.plan(options.load_of, options.sessions, options.seconds, warmup=2)
        looking = threading.Timer(2, look, (program, serving(gateway.pid).pid, options.seconds, raw))
        looking.start()
        report = load.run(options.load, plan)
        looking.join()
    return parsed(raw.read_text()), report


def spy() -> str:
    """The program py-spy, which is among the packages for development."""
    program = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if program is None:
        raise SystemExit("py-spy is not installed; scripts/bench.sh installs it.")
    return program


def look(program: str, pid: int, seconds: float, file: Path) -> None:
    command = [
        program,
        "record",
        "--pid",
        str(pid),
        "--duration",
        str(max(1, int(seconds))),
        "--rate",
        str(RATE),
    ]
    command += ["--format", "raw", "--full-filenames", "--output", str(file)]
    subprocess.run(command, check=True, capture_output=True)


def parsed(raw: str) -> Counter[tuple[str, ...]]:
    """Stacks, the outermost frame first, as py-spy writes them: `frame;frame count`."""
    stacks: Counter[tuple[str, ...]] = Counter()
    for line in raw.splitlines():
        frames, _, count = line.rpartition(" ")
        stacks[tuple(frames.split(";"))] += int(count)
    return stacks


def part(stack: tuple[str, ...]) -> str:
    """The part at which the innermost frame that belongs to one is."""
    for frame in reversed(stack):
        for name, pattern in PARTS:
            if re.search(pattern, frame):
                return name
    return OTHER


def short(frame: str) -> str:
    """A frame without the folders in which packages are installed."""
    return re.sub(r"\(.*?(?:site-packages/|lib/python[\d.]+/|/mcp/(?=toolbridge_mcp))", "(", frame)


if __name__ == "__main__":
    main()
