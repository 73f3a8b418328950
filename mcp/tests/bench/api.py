"""The measurement of `scripts/bench.sh api`: `python -m tests.bench.api OPTIONS`."""

import argparse
import os
import tempfile
from pathlib import Path
from uuid import uuid4

import httpx

from tests.bench import load
from tests.bench.figures import calls_per_second, processor_time
from tests.bench.load import NOTE, Call, Session, Target
from tests.harness.clients import signed, token
from tests.harness.processes import Process, api_process, running
from tests.harness.table import head, row, say

CONNECTIONS = 10
UNLIMITED = {f"RATE_LIMIT_{what}": "off" for what in ("READS", "WRITES", "SESSIONS")}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.sh api", description=__doc__)
    parser.add_argument(
        "seconds", type=float, nargs="?", default=3, help="how long each measurement takes (3)"
    )
    parser.add_argument("--api", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--load", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        sqlite = api_process(options.api, Path(temporary), **UNLIMITED)
        measure("SQLite", sqlite, options.load, options.seconds)
        database = os.environ["TOOLBRIDGE_TEST_POSTGRES"]
        postgres = api_process(options.api, Path(temporary), DATABASE_URL=database, **UNLIMITED)
        measure("PostgreSQL", postgres, options.load, options.seconds)


def measure(name: str, process: Process, program: Path, seconds: float) -> None:
    with running(process) as api:
        user = Session(token("bench"), str(uuid4()))
        target = Target(name, api.url, "rest", [user] * CONNECTIONS, watch={"api": api.pid})
        url = f"{api.url}/v1/notes"
        with httpx.Client(headers=target.headers(user), auth=signed, trust_env=False) as client:
            for note in ({**NOTE, "uid": user.uid}, *[NOTE] * 30):
                client.post(url, json=note).raise_for_status()
        say(f"\n{name}, {CONNECTIONS} connections\n")
        head("call", "requests a second", "processor time of the API, us")
        opening = {"name": "open", "method": "POST", "path": "/v1/sync/sessions"}
        for what, call, duration in (
            ("get", load.rest_call("get", user.uid), seconds),
            ("list(20)", load.rest_call("list", user.uid), seconds),
            ("create", load.rest_call("create", user.uid), seconds),
            ("patch", load.rest_call("patch", user.uid), seconds),
            ("open a session", opening, 0.1),
            ("the same after very many", opening, seconds * 3),
            ("the same after those", opening, 0.1),
        ):
            _line(what, target, call, program, duration)


def _line(name: str, target: Target, call: Call, program: Path, seconds: float) -> None:
    plan = target.plan("get", CONNECTIONS, seconds, warmup=0)
    for session in plan["sessions"]:
        session["calls"] = [call]
    report = load.run(program, plan)
    if report["errors"]:
        raise RuntimeError(f"{name}: {report['examples']}")
    row(name, f"{calls_per_second(report):,.0f}", f"{processor_time('api')(report):,.0f}")


if __name__ == "__main__":
    main()
