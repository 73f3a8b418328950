"""The table `counts.json`: what a model is told at first, what the jobs cost it, and what the answers do.

`python -m tests.work.counts` writes it; with `--check` it fails if something costs another amount by now.
"""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.harness.processes import api_process, gateway_process, running
from tests.work.answers import answers
from tests.work.journeys import JOURNEYS
from tests.work.measure import TOOLSETS, told_at_first, travel

FILE = Path(__file__).with_name("counts.json")
TOLERANCE = 0.05
FEW_TOKENS = 5
"""By so much an answer differs from run to run, as ids and times do."""

ADVICE = "review why, then run scripts/generate.sh counts"

Counts = dict[str, Any]


def counted() -> Counts:
    """The table as it was reviewed."""
    table: Counts = json.loads(FILE.read_text())
    return table


def changes(now: Counts, was: Counts, path: str = "") -> list[str]:
    """What costs another amount than before, and what is new or gone."""
    found = []
    for name in sorted(now.keys() | was.keys()):
        here, there = now.get(name), was.get(name)
        if isinstance(here, dict) and isinstance(there, dict):
            found += changes(here, there, f"{path}{name} / ")
        elif here is None or there is None or _differ(name, here, there):
            found.append(f"{path}{name}: {there} before, {here} now")
    return found


def _differ(name: str, now: int, was: int) -> bool:
    return abs(now - was) > max(TOLERANCE * was, 0 if name == "calls" else FEW_TOKENS)


async def measured(api_url: str, gateway_url: str) -> Counts:
    journeys: Counts = {}
    for journey in JOURNEYS:
        costs = {name: await travel(journey, api_url, gateway_url, name) for name in TOOLSETS}
        journeys[journey.name] = {name: vars(cost) for name, cost in costs.items()}
    return {
        "at first": {name: await told_at_first(gateway_url, name) for name in TOOLSETS},
        "journeys": journeys,
        "answers": await answers(api_url, gateway_url),
    }


def main() -> int:
    binary = Path(os.environ["TOOLBRIDGE_API_BINARY"]).absolute()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(api_process(binary, Path(folder))) as api,
        running(gateway_process(api.url, Path(folder))) as gateway,
    ):
        now = asyncio.run(measured(api.url, gateway.url))
    if "--check" not in sys.argv:
        FILE.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n")
        return 0
    changed = changes(now, counted())
    sys.stderr.write("\n".join([*changed, ADVICE, ""]) if changed else "")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
