"""An upgrade under load: the stack is stopped and started again with a newer API on the same data.

    upgrade.py API-BINARY

The newer API is built, with `go` from PATH, from a copy of this checkout with one migration more. 20 clients
over all transports work meanwhile. Prints a table, and ends with 1 if anything acknowledged was lost. Needs
what mcp/requirements-dev.lock names.
"""

import asyncio
import logging
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "mcp"))

from tests.harness.processes import Process
from tests.harness.stack import change_api, messages, stack_process
from tests.harness.steady import Kept, Record, columns, kept, row, steady, told, told_besides

CLIENTS = 20
MIGRATION = "CREATE INDEX item_rehearsal ON item (uid, version);\n"


def newer_api(folder: Path) -> Path:
    """The API of a version with one more migration."""
    copy = shutil.copytree(Path(__file__).parents[1] / "api", folder / "api")
    number = len(list((copy / "internal/store/sqlite/migrations").glob("*.sql"))) + 1
    (copy / f"internal/store/sqlite/migrations/{number:04}_rehearsal.sql").write_text(MIGRATION)
    binary = folder / "newer-api"
    subprocess.run(["go", "build", "-o", str(binary), "./cmd/toolbridge-api"], cwd=copy, check=True)  # noqa: S603, S607
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
    sys.stdout.write(
        f"Stopped after {stopped - begun:.1f} s with exit code {code}, ready {ready - stopped:.1f} s later; "
        f"schema {before} before, {schema(stack)} after.\n\n"
    )
    return record, begun


async def show(stack: Process, newer: Path) -> Kept:
    record, begun = await upgraded(stack, newer)
    row("upgrade", *columns())
    row("---", *["---:"] * len(columns()))
    before = Record(calls=[call for call in record.calls if call.ended < begun])
    row("before", *told(before, 0))
    row("from SIGTERM on", *told(record, begun))
    sys.stdout.write(f"\n{told_besides(record)}\n")
    found = await kept(stack.url, CLIENTS, record)
    sys.stdout.write(f"{found}\n")
    return found


def old_program_on_new_data(stack: Process, older: Path) -> None:
    """It must leave the database alone."""
    stack.stop()
    done = subprocess.run([older], env=dict(stack.environment), capture_output=True, text=True, check=False)  # noqa: S603
    sys.stdout.write(
        f"\nThe older API on the new schema ends with {done.returncode}: {done.stderr.strip()}\n"
    )


def main() -> None:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        sys.exit(__doc__)
    logging.getLogger("mcp").setLevel(logging.CRITICAL)  # it tells of each session that ends
    older = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        newer = newer_api(folder)
        stack = stack_process(older, folder)
        try:
            stack.start()
            found = asyncio.run(show(stack, newer))
            old_program_on_new_data(stack, older)
        finally:
            stack.stop()
        problems = [line for line in messages(stack) if "Traceback" in line]
    sys.exit(found.lost > 0 or bool(problems))


if __name__ == "__main__":
    main()
