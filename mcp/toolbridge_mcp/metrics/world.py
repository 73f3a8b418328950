"""What the metrics are made of at one moment, and the names that there are from the start."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from toolbridge_mcp.telemetry import Tallies, Tally, session_tallies, tallies
from toolbridge_mcp.telemetry.labels import UNKNOWN
from toolbridge_mcp.telemetry.sessions import Ended, SessionKind, SessionTallies
from toolbridge_mcp.telemetry.tallies import PROMPT, RESOURCE
from toolbridge_mcp.telemetry.tasks import Tasks


@dataclass
class Declared:
    """The names of what the gateway offers: their metrics exist before the first call."""

    tools: set[str] = field(default_factory=set)
    resources: set[str] = field(default_factory=set)
    prompts: set[str] = field(default_factory=set)


declared = Declared()


def declare(tools: Iterable[str] = (), resources: Iterable[str] = (), prompts: Iterable[str] = ()) -> None:
    """Makes the metrics of these names exist, at 0, before they are called."""
    declared.tools.update(tools)
    declared.resources.update(resources)
    declared.prompts.update(prompts)


@dataclass(frozen=True)
class World:
    """All tallies at one moment, by what they are of. A tally may go on growing meanwhile."""

    all: Sequence[Tally]
    requests: Sequence[Tally]
    """Messages that want an answer."""

    calls: Sequence[Tally]
    """Whatever `Guarded` surrounds."""

    tools: Sequence[Tally]
    resources: Sequence[Tally]
    prompts: Sequence[Tally]
    of_process: Tallies
    sessions: SessionTallies
    open: Sequence[tuple[SessionKind, int]]
    opened: Sequence[tuple[SessionKind, int]]
    ended: Sequence[tuple[SessionKind, str, Ended]]

    @classmethod
    def now(cls, of_process: Tallies = tallies, sessions: SessionTallies = session_tallies) -> Self:
        """The world of this process, from any thread."""
        found = of_process.all()
        nameless = [(SessionKind(record.transport, "", UNKNOWN), 1) for record in sessions.nameless]
        return cls(
            all=found,
            requests=[tally for tally in found if tally.is_request],
            calls=[tally for tally in found if tally.kind.name],
            tools=[tally for tally in found if tally.is_of_a_tool],
            resources=[tally for tally in found if tally.kind.name.startswith(RESOURCE)],
            prompts=[tally for tally in found if tally.kind.name.startswith(PROMPT)],
            of_process=of_process,
            sessions=sessions,
            open=[*sessions.open.items(), *nameless],
            opened=list(sessions.opened.items()),
            ended=[(kind, reason, ended) for (kind, reason), ended in list(sessions.ended.items())],
        )

    @property
    def tasks(self) -> Tasks:
        return self.of_process.tasks

    @property
    def returns(self) -> Sequence[tuple[tuple[str, str], int]]:
        return list(self.sessions.returns.items())

    @property
    def corrections(self) -> Sequence[tuple[tuple[str, str], int]]:
        return list(self.tasks.corrections.items())

    @property
    def at_work(self) -> Sequence[tuple[str, int]]:
        """How many calls of each name are under way."""
        return list(self.of_process.at_work.items())
