"""A gateway without a part of what tells about its calls: `python -m tests.bench.without PARTS serve`.

PARTS are words of `PARTS` with commas between them. The product has no settings for these parts, nor for the
API's journal: they are always on. Only a measurement of what they cost needs programs that lack them.
"""

import re
import runpy
import sqlite3
import sys
from collections.abc import Callable, Set
from contextlib import closing
from pathlib import Path
from typing import Any

from toolbridge_mcp.environment import clean_process, leave_python_variables

JOURNAL, METRICS, SERVER_TIMING = "journal", "metrics", "server-timing"
PARTS = frozenset({METRICS, SERVER_TIMING})

_OBSERVERS = {METRICS: ("toolbridge_mcp.metrics", "toolbridge_mcp.telemetry.tallies")}
"""The modules of those who get to know of each operation, by the part that they are."""


class NotFound(RuntimeError):
    """A part that is no longer where it was."""


def leave_out(parts: Set[str]) -> None:
    """Makes the gateway that this process will start lack `parts`."""
    if unknown := parts - PARTS:
        raise NotFound(f"there is no part {', '.join(unknown)}")
    if METRICS in parts:
        _leave_out_observers(_OBSERVERS[METRICS])
    if SERVER_TIMING in parts:
        _leave_out_headers()


def _leave_out_observers(modules: tuple[str, ...]) -> None:
    from toolbridge_mcp import app
    from toolbridge_mcp.telemetry import observe, tallies

    def observe_others(observer: Callable[[Any], None]) -> None:
        if not observer.__module__.startswith(modules):
            observe(observer)

    if not tallies.add.__module__.startswith(modules):
        raise NotFound(f"{tallies.add} is not in {modules}")
    app.observe = observe_others  # type: ignore[attr-defined]


def _leave_out_headers() -> None:
    from toolbridge_mcp.web import wire
    from toolbridge_mcp.web.answers import Answers

    write = Answers.write

    async def untimed(answers: Any, answer: Any, scope: Any, send: Any, *_: Any) -> None:
        await write(answers, answer, scope, send)

    Answers.write = untimed  # type: ignore[method-assign, assignment]
    wire.JsonAnswer._head = _head_without(wire.JsonAnswer._head)  # type: ignore[method-assign]


def _head_without(head: Callable[..., Any]) -> Callable[..., Any]:
    def untimed(answer: Any, *given: Any) -> Any:
        operation, answer._operation = answer._operation, None
        try:
            return head(answer, *given)
        finally:
            answer._operation = operation

    return untimed


_LINE = re.compile(r"^ *INSERT INTO journal .*?;\n", re.DOTALL | re.MULTILINE)


def leave_out_journal(database: Path) -> None:
    """Makes the API of this database of SQLite write no lines of its journal. It still makes them, with their
    hashes."""
    with closing(sqlite3.connect(database, timeout=20, isolation_level=None)) as connection:
        for trigger in ("saving_creates", "saving_updates"):
            row = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (trigger,)).fetchone()
            changed, count = _LINE.subn("", row[0])
            if count != 1:
                raise NotFound(f"{trigger} writes no line of the journal")
            connection.execute(f"DROP TRIGGER {trigger}")
            connection.execute(changed)


if __name__ == "__main__":
    leave_python_variables()
    clean_process()
    left_out = sys.argv.pop(1)
    leave_out({part for part in left_out.split(",") if part})
    runpy.run_module("toolbridge_mcp", run_name="__main__", alter_sys=True)
