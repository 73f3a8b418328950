"""The last hour, minute by minute.

What all operations add up to is known (`telemetry/tallies.py`), so a minute is what was added in between.
Only who called, and which calls were slow, is noted of each operation itself. A new process begins with
nothing.
"""

import heapq
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from toolbridge_mcp.operator.figures import Figures
from toolbridge_mcp.sender import User
from toolbridge_mcp.telemetry import OK, Operation
from toolbridge_mcp.telemetry.tallies import SECONDS, Kind, Sums, snapshot

MINUTE = 60.0
MOST_MINUTES = 60

MOST_CALLERS = 250
"""Of a minute. Those that come later in it count as one."""

MOST_SLOW = 8
"""Of a minute."""

LONGEST_TEXT = 128
"""Of what a caller chose itself."""

OTHERS: User = ("", "")
REFUSED = "toolbridge_refused_total"


class Slow(NamedTuple):
    """One of the slowest calls. It holds nothing of what was asked or answered."""

    seconds: float
    at: float
    tool: str
    outcome: str
    stages: Sequence[tuple[str, float]]
    client: str
    correlation_id: str
    trace_id: str

    @classmethod
    def of(cls, operation: Operation) -> "Slow":
        return cls(
            operation.seconds,
            time.time(),
            operation.name,
            operation.outcome,
            tuple(operation.stages()),
            (operation.client or "")[:LONGEST_TEXT],
            operation.correlation_id[:LONGEST_TEXT],
            operation.trace_id,
        )


class Notes:
    """What is noted of single operations in one minute."""

    __slots__ = ("callers", "floor", "slow")

    def __init__(self) -> None:
        self.callers: dict[User, list[int]] = {}
        """Calls, failed ones, and bytes that a model read."""
        self.slow: list[tuple[float, int, Slow]] = []
        self.floor = 0.0
        """A call that was faster is none of the slowest."""

    def row(self, user: User) -> list[int]:
        if len(self.callers) >= MOST_CALLERS:
            user = OTHERS
        return self.callers.setdefault(user, [0, 0, 0])

    def keep(self, operation: Operation) -> None:
        heapq.heappush(self.slow, (operation.seconds, id(operation), Slow.of(operation)))
        if len(self.slow) > MOST_SLOW:
            heapq.heappop(self.slow)
        if len(self.slow) == MOST_SLOW:
            self.floor = self.slow[0][0]


@dataclass(slots=True)
class Counts:
    """Sums of calls."""

    calls: int = 0
    failed: int = 0
    bytes_in: int = 0
    result_bytes: int = 0
    durations: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))

    def add(self, other: "Counts") -> None:
        self.calls += other.calls
        self.failed += other.failed
        self.bytes_in += other.bytes_in
        self.result_bytes += other.result_bytes
        self.durations = [one + more for one, more in zip(self.durations, other.durations, strict=True)]

    def seconds(self, part: float) -> float | None:
        """How long a call took that was slower than this part of them: between the edges next to it, as if
        those there were spread evenly. None without calls."""
        total = sum(self.durations)
        if not total:
            return None
        left = part * total
        for index, count in enumerate(self.durations):
            if left <= count and count:
                lower = SECONDS[index - 1] if index else 0.0
                upper = SECONDS[index] if index < len(SECONDS) else SECONDS[-1]
                return lower + (upper - lower) * left / count
            left -= count
        return SECONDS[-1]


@dataclass(slots=True)
class Minute:
    """What happened in a minute, or in the part of it that has passed."""

    began_at: float
    all: Counts = field(default_factory=Counts)
    tools: dict[str, Counts] = field(default_factory=dict)
    clients: dict[str, Counts] = field(default_factory=dict)
    outcomes: dict[tuple[str, str], int] = field(default_factory=dict)
    """Calls by tool and outcome."""
    refused: dict[str, int] = field(default_factory=dict)
    callers: Mapping[User, Sequence[int]] = field(default_factory=dict)
    slow: Sequence[Slow] = ()


class _Reading(NamedTuple):
    """The sums at one moment."""

    at: float
    sums: Mapping[Kind, Sums]
    refused: Mapping[str, float]

    @classmethod
    def now(cls) -> "_Reading":
        sums = {one.kind: one for one in snapshot() if one.kind.name}
        return cls(time.time(), sums, Figures.own(REFUSED).by(REFUSED, "reason"))

    def since(self, earlier: "_Reading") -> Minute:
        minute = Minute(earlier.at)
        for kind, now in self.sums.items():
            before = earlier.sums.get(kind)
            if before is None or now.operations > before.operations:
                _count(minute, now, _counted(now, before))
        for reason, count in self.refused.items():
            if added := round(count - earlier.refused.get(reason, 0)):
                minute.refused[reason] = added
        return minute


def _counted(now: Sums, before: Sums | None) -> Counts:
    durations = list(now.durations)
    if before:
        durations = [one - less for one, less in zip(durations, before.durations, strict=True)]
    calls = sum(durations)
    return Counts(
        calls,
        0 if now.kind.outcome == OK else calls,
        now.bytes_in - (before.bytes_in if before else 0),
        now.result_bytes - (before.result_bytes if before else 0),
        durations,
    )


def _count(minute: Minute, sums: Sums, counts: Counts) -> None:
    tool, outcome = sums.kind.name, sums.kind.outcome
    minute.all.add(counts)
    minute.tools.setdefault(tool, Counts()).add(counts)
    minute.clients.setdefault(sums.kind.client, Counts()).add(counts)
    minute.outcomes[tool, outcome] = minute.outcomes.get((tool, outcome), 0) + counts.calls


class History:
    """The last hour of one process. `note` is on the way of every call; all else is for other threads."""

    def __init__(self) -> None:
        self._notes = Notes()
        self._minutes: deque[Minute] = deque(maxlen=MOST_MINUTES)
        self._last = _Reading.now()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.began_at = self._last.at

    def note(self, operation: Operation) -> None:
        """Takes note of a finished call. It costs less than a microsecond."""
        if not operation.name:
            return
        notes = self._notes
        sender = operation.sender
        user = sender.user if sender else OTHERS
        row = notes.callers.get(user) or notes.row(user)
        row[0] += 1
        if operation.outcome != OK:
            row[1] += 1
        row[2] += operation.result_bytes
        if operation.answered_at - operation.arrived_at > notes.floor:
            notes.keep(operation)

    def start(self) -> None:
        """Ends a minute when it is over, from now on."""
        threading.Thread(target=self._run, name="history", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def minutes(self) -> list[Minute]:
        """The minutes that are over, and the present one."""
        with self._lock:
            present = _noted(_Reading.now().since(self._last), self._notes)
            return [*self._minutes, present]

    def _run(self) -> None:
        while not self._stopped.wait(MINUTE - time.time() % MINUTE):
            self.end_minute()

    def end_minute(self) -> None:
        with self._lock:
            now, notes, self._notes = _Reading.now(), self._notes, Notes()
            self._minutes.append(_noted(now.since(self._last), notes))
            self._last = now


def _noted(minute: Minute, notes: Notes) -> Minute:
    minute.callers = {user: tuple(row) for user, row in list(notes.callers.items())}
    minute.slow = [slow for _, _, slow in list(notes.slow)]
    return minute


class Hour:
    """Minutes together."""

    def __init__(self, minutes: Sequence[Minute]) -> None:
        self.minutes = minutes
        self.all = Counts()
        for minute in minutes:
            self.all.add(minute.all)

    def tools(self) -> dict[str, Counts]:
        return _together(minute.tools for minute in self.minutes)

    def clients(self) -> dict[str, Counts]:
        return _together(minute.clients for minute in self.minutes)

    def outcomes(self) -> dict[tuple[str, str], int]:
        sums: defaultdict[tuple[str, str], int] = defaultdict(int)
        for minute in self.minutes:
            for key, count in minute.outcomes.items():
                sums[key] += count
        return dict(sums)

    def refused(self) -> dict[str, int]:
        sums: defaultdict[str, int] = defaultdict(int)
        for minute in self.minutes:
            for reason, count in minute.refused.items():
                sums[reason] += count
        return dict(sums)

    def callers(self) -> dict[User, tuple[int, ...]]:
        sums: dict[User, tuple[int, ...]] = {}
        for minute in self.minutes:
            for user, row in minute.callers.items():
                sums[user] = tuple(map(sum, zip(sums.get(user, (0, 0, 0)), row, strict=True)))
        return sums

    def slowest(self, most: int) -> list[Slow]:
        slow = (one for minute in self.minutes for one in minute.slow)
        return heapq.nlargest(most, slow, key=lambda one: one.seconds)


def _together(parts: Iterable[Mapping[str, Counts]]) -> dict[str, Counts]:
    sums: dict[str, Counts] = {}
    for part in parts:
        for name, counts in part.items():
            sums.setdefault(name, Counts()).add(counts)
    return sums
