"""An upgrade under load: the stack is stopped and started again with a newer API on the same data.

The newer API is built, with `go` from PATH, from a copy of this checkout with one migration more. 20 clients
over all transports work at the same time. Nothing that was acknowledged may be lost.
"""

import asyncio
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.harness.processes import REPOSITORY, Process, running
from tests.harness.stack import change_api, messages, stack_process
from tests.harness.table import head, row, say
from tests.trouble.steady import Record, columns, kept, steady, told, told_besides

pytestmark = [pytest.mark.anyio, pytest.mark.trouble]

CLIENTS = 20
MIGRATION = "CREATE INDEX item_rehearsal ON item (uid, version);\n"


def newer_api(folder: Path) -> Path:
    """The API of a version with one more migration."""
    copy = shutil.copytree(REPOSITORY / "api", folder / "api")
    number = len(list((copy / "internal/store/sqlite/migrations").glob("*.sql"))) + 1
    (copy / f"internal/store/sqlite/migrations/{number:04}_rehearsal.sql").write_text(MIGRATION)
    binary = folder / "newer-api"
    subprocess.run(["go", "build", "-o", str(binary), "./cmd/toolbridge-api"], cwd=copy, check=True)
    return binary


def schema(stack: Process) -> int:
    connection = sqlite3.connect(stack.environment["DATABASE_URL"].removeprefix("sqlite://"))
    try:
        version: int = connection.execute("SELECT version FROM schema_version").fetchone()[0]
    finally:
        connection.close()
    return version


async def upgraded(stack: Process, newer: Path) -> tuple[Record, float]:
    """What clients were told, and when the upgrade began."""
    async with steady(stack.url, CLIENTS) as record:
        await record.until_all_have_written(CLIENTS, 60)
        await record.until_answered(400)
        begun, before = time.monotonic(), schema(stack)
        code = await asyncio.to_thread(stack.stop)
        stopped = time.monotonic()
        change_api(stack, newer)
        await asyncio.to_thread(stack.start)
        ready = time.monotonic()
        await record.until_all_have_written(CLIENTS, 60)
        await record.until_answered(400)
    say(
        f"Stopped after {stopped - begun:.1f} s with exit code {code}, ready {ready - stopped:.1f} s later; "
        f"schema {before} before, {schema(stack)} after.\n"
    )
    return record, begun


def old_program_on_new_data(stack: Process, older: Path) -> None:
    """It must leave the database alone."""
    stack.stop()
    done = subprocess.run([older], env=dict(stack.environment), capture_output=True, text=True, check=False)
    say(f"\nThe older API on the new schema ends with {done.returncode}: {done.stderr.strip()}")
    assert done.returncode


async def test_an_upgrade_loses_nothing(api_binary: Path, tmp_path: Path) -> None:
    older = api_binary
    newer = newer_api(tmp_path)
    stack = stack_process(older, tmp_path)
    with running(stack):
        record, begun = await upgraded(stack, newer)
        head("upgrade", *columns())
        before = Record(calls=[call for call in record.calls if call.ended < begun])
        row("before", *told(before, 0))
        row("from SIGTERM on", *told(record, begun))
        say(f"\n{told_besides(record)}")
        found = await kept(stack.url, CLIENTS, record)
        say(str(found))
        old_program_on_new_data(stack, older)
    assert found.lost == 0
    assert not [line for line in messages(stack) if "Traceback" in line]
