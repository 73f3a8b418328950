"""Prints the table of pitfalls: `python -m tests.login.pitfalls API_BINARY`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.harness.processes import running
from tests.harness.table import head, row
from tests.login.pitfalls.checks import PITFALLS
from tests.login.pitfalls.own import own
from tests.login.pitfalls.subject import Subject, outcome
from tests.login.plain import plain_process, plain_subject

STOOD = {True: "stands", False: "FAILS"}


async def table(plain: Subject, ours: Subject) -> None:
    head("pitfall", "seen by", "plain FastMCP", "ToolBridge", numbers_from=9)
    for pitfall in PITFALLS:
        said = [await outcome(pitfall, subject) for subject in (plain, ours)]
        row(
            pitfall.name,
            pitfall.source,
            *(f"{'stands' if stands else 'FAILS'}: {text}" for stands, text in said),
        )


def main(api_binary: str) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running(plain_process(Path(folder))) as plain,
        own(Path(api_binary).resolve(), Path(folder)) as deployed,
    ):
        asyncio.run(table(plain_subject(plain), deployed.subject()))


if __name__ == "__main__":
    main(*sys.argv[1:])
