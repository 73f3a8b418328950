"""What can be seen here of tasks: runs of calls of one user in one client.

A gateway sees calls, not what they are for. A run ends when no call has come for a minute; its calls are its
turns, and it succeeded if its last call did.
"""

from bisect import bisect_left
from collections import Counter
from typing import TypeAlias

from toolbridge_mcp.sender import SessionOwner

QUIET_SECONDS = 60.0
MAX_RUNS = 4_096
"""Above that, the run that began first ends."""

TURNS = (1, 2, 3, 5, 7, 10, 15, 20)

RECOVERED, FAILED = "recovered", "failed"

_Runs: TypeAlias = "dict[SessionOwner, _Run]"


class _Run:
    __slots__ = ("failed", "is_good", "last_at", "turns")

    def __init__(self) -> None:
        self.turns = 0
        self.last_at = 0.0
        self.is_good = False
        self.failed: set[str] = set()
        """The tools whose latest call failed."""


class Tasks:
    """The runs of one process. Nothing is kept of one that has ended, but what it adds to the sums."""

    def __init__(self) -> None:
        self.succeeded = self.failed = 0
        self.turns = [0] * (len(TURNS) + 1)
        self.turns_in_all = 0
        self.corrections: Counter[tuple[str, str]] = Counter()
        """Calls of a tool after one of it that failed, in the same run: by tool, and how they ended."""
        self._runs: _Runs = {}

    def called(self, owner: SessionOwner, tool: str, is_good: bool, at: float) -> None:
        """A call has ended, `at` a value of `time.perf_counter`. This is on the way of every call."""
        run = self._runs.get(owner)
        if run is None or at - run.last_at > QUIET_SECONDS:
            run = self._begin(owner)
        run.last_at, run.is_good = at, is_good
        run.turns += 1
        if run.failed and tool in run.failed:
            self.corrections[tool, RECOVERED if is_good else FAILED] += 1
            if is_good:
                run.failed.discard(tool)
        elif not is_good:
            run.failed.add(tool)

    def sweep(self, now: float) -> None:
        """Ends the runs that are quiet."""
        for owner, run in list(self._runs.items()):
            if now - run.last_at > QUIET_SECONDS:
                self._end(owner)

    def _begin(self, owner: SessionOwner) -> _Run:
        if owner in self._runs:
            self._end(owner)
        elif len(self._runs) >= MAX_RUNS:
            self._end(next(iter(self._runs)))
        return self._runs.setdefault(owner, _Run())

    def _end(self, owner: SessionOwner) -> None:
        run = self._runs.pop(owner)
        self.succeeded += run.is_good
        self.failed += not run.is_good
        self.turns[bisect_left(TURNS, run.turns)] += 1
        self.turns_in_all += run.turns
