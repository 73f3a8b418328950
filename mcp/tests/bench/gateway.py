"""The comparison of `scripts/bench.sh gateway`: `python -m tests.bench.gateway OPTIONS`.

The API alone, the gateway of a tree, and FastMCP's from_openapi on the same API answer the same calls, one
after another in each round, so that whatever else the machine does meets all of them alike.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from tests.bench import load, plot, report, servers, starts
from tests.bench.figures import API, FASTMCP, FASTMCP_MCP, OURS, Figures
from tests.bench.load import GET, LISTING, MIX, Target, plain_call
from tests.harness.authorization_server import AuthorizationServer, running_authorization_server
from tests.harness.clients import over_http, over_sse
from tests.harness.processes import REPOSITORY, Process
from tests.harness.table import say

SHORT_WAY = "TOOLBRIDGE_SHORT_WAY"


def main() -> None:
    options = parse(sys.argv[1:])
    with tempfile.TemporaryDirectory() as temporary:
        figures = compare(options, Path(temporary))
        if options.starts:
            figures.starts = starts.measure(options.tree, options.api, Path(temporary), options.starts)
    report.write(figures)
    if options.json:
        options.json.write_text(json.dumps(figures.as_json(), indent=1) + "\n")
    if options.svg:
        options.svg.write_text(plot.svg(figures))


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.sh gateway", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="medians of so many rounds (5)")
    add("--seconds", type=float, default=2, help="how long each measurement takes (2)")
    add("--sessions", type=_numbers, default=[1, 10, 50], help="sessions at once (1,10,50)")
    add("--loads", type=_words, default=[GET, MIX, LISTING], help="any of get,mix,tools/list (all)")
    add("--only", type=_words, default=[""], help="servers whose names contain one of these words (all)")
    add("--starts", type=int, default=0, help="also measure so many cold starts")
    add("--tree", type=existing, default=REPOSITORY, help="the checkout whose gateway is measured (this one)")
    add("--before", type=existing, help="another checkout, measured beside it over SSE and /mcp")
    add("--also", action="append", default=[], metavar="NAME=URL", help=_ALSO)
    add("--json", type=Path, help="file for all figures")
    add("--svg", type=Path, help="file for a plot")
    add("--api", type=existing, required=True, help=argparse.SUPPRESS)
    add("--load", type=existing, required=True, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


_ALSO = (
    "another MCP server with our tools, over SSE if the address ends with /sse, in revision 2026-07-28 if "
    "NAME says so; the variable TOOLBRIDGE_BENCH_TOKEN has a token for it"
)


def existing(text: str) -> Path:
    return Path(text).resolve(strict=True)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _words(text: str) -> list[str]:
    return text.split(",")


def compare(options: argparse.Namespace, place: Path) -> Figures:
    with (
        running_authorization_server() as authority,
        servers.started(servers.api(options.api, place, authority)) as (api,),
        targets(options, place, authority, api) as chosen,
    ):
        figures = Figures()
        for number in range(options.rounds):
            for sessions in options.sessions:
                for what in options.loads:
                    _progress(f"round {number + 1} of {options.rounds}, {sessions} sessions, {what}")
                    for target in chosen:
                        measured = measure(options, target, what, sessions)
                        figures.add(number, what, sessions, target.name, measured)
        _progress("")
        return figures


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def measure(options: argparse.Namespace, target: Target, what: str, sessions: int) -> dict[str, Any] | None:
    """What toolbridge-load reports, and the gateway's memory after it; None if there is nothing to measure.
    The tools are listed with one number of sessions only: it takes FastMCP very long."""
    if what == LISTING and (target.way == "rest" or sessions != _of_listing(options.sessions)):
        return None
    seconds = max(options.seconds, 2) if what == LISTING else options.seconds
    plan = target.plan(what, sessions, seconds, warmup=min(1, options.seconds / 2))
    measured = load.run(options.load, plan)
    if gateway := target.watch.get("gateway"):
        measured |= servers.memory(gateway)
    return measured


def _of_listing(sessions: list[int]) -> int:
    return 10 if 10 in sessions else sessions[0]


@contextmanager
def targets(
    options: argparse.Namespace, place: Path, authority: AuthorizationServer, api: Process
) -> Iterator[list[Target]]:
    """Every server that is to be measured; they all run."""
    data = servers.Data(api.url, authority)
    users = data.users(max(options.sessions))
    one = data.one_user("plain", max(options.sessions))
    bearer = one[0].bearer

    def ours(tree: Path, **settings: str) -> Process:
        return servers.gateway(tree, api.url, place, authority, **settings)

    def plain(transport: str, *, tuned: bool) -> Process:
        return servers.plain(api.url, place, transport, bearer, tuned=tuned)

    rows: list[tuple[str, Process, str]] = [(OURS, gateway := ours(options.tree), "/sse")]
    rows += [("ours over /mcp", gateway, "/mcp"), ("ours over 2026-07-28", gateway, "/mcp")]
    if SHORT_WAY in (options.tree / "docs/gateway-settings.md").read_text():
        rows += [("ours without the short way over SSE", ours(options.tree, **{SHORT_WAY: "false"}), "/sse")]
    else:
        say(f"{options.tree} has no setting {SHORT_WAY}: its two ways are not compared.")
    if options.before:
        rows += [
            ("before over SSE", before := ours(options.before), "/sse"),
            ("before over /mcp", before, "/mcp"),
        ]
    rows += [
        (FASTMCP, plain("sse", tuned=False), "/sse"),
        (FASTMCP_MCP, plain("http", tuned=False), "/mcp"),
        ("from_openapi tuned over SSE", plain("sse", tuned=True), "/sse"),
        ("from_openapi tuned over /mcp", plain("http", tuned=True), "/mcp"),
    ]
    rows = [each for each in rows if _is_wanted(options, each[0])]
    with servers.started(*{process.port: process for _, process, _ in rows}.values()):
        found = [Target(API, api.url, "rest", users, watch={"api": api.pid})]
        for name, process, path in rows:
            watch = {"gateway": process.pid, "api": api.pid}
            target = Target(name, f"{process.url}{path}", _way(name, path), users, watch=watch)
            if name.startswith("from_openapi"):
                target = replace(target, sessions=one, tools=plain_call)
            found.append(target)
        yield found + [_other(argument, users) for argument in options.also]


def _is_wanted(options: argparse.Namespace, name: str) -> bool:
    return any(part in name for part in options.only)


def _way(name: str, path: str) -> str:
    if "2026-07-28" in name:
        return "stateless"
    return "sse" if path.endswith("/sse") else "session"


def _other(argument: str, users: list[load.Session]) -> Target:
    """A server that runs already. With a token for it, the item that is read is made there."""
    name, _, url = argument.partition("=")
    way = _way(name, urlsplit(url).path)
    if bearer := os.environ.get("TOOLBRIDGE_BENCH_TOKEN"):
        users = [load.Session(bearer, asyncio.run(_new_item(url, bearer)))] * len(users)
    watch = {"gateway": process} if (process := _listening(urlsplit(url).port)) else {}
    return Target(f"{name} over {'SSE' if way == 'sse' else '/mcp'}", url, way, users, watch=watch)


async def _new_item(url: str, bearer: str) -> str:
    connect = over_sse if url.endswith("/sse") else over_http
    async with connect(url.removesuffix("/sse").removesuffix("/mcp"), bearer) as tools:
        created = await tools.call("create_note", title="A title", content=load.WORDS)
        return str(created["uid"])


def _listening(port: int | None) -> int | None:
    """The process of this machine that listens on the port."""
    found = (each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN)
    return next((each.pid for each in found if each.pid and each.laddr and each.laddr.port == port), None)


if __name__ == "__main__":
    main()
