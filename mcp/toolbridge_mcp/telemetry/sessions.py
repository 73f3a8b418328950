"""Sessions of clients: how many have begun, how they ended, and how long they lasted."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple, Protocol

from toolbridge_mcp.telemetry.labels import clients

CLIENT, IDLE, EXPIRED, REVOKED = "client", "idle", "expired", "revoked"
LIMIT, STALLED, STOP = "limit", "stalled", "stop"
ENDS = (CLIENT, IDLE, EXPIRED, REVOKED, LIMIT, STALLED, STOP)
"""Why sessions end: the client ended it, or closed its stream; no message came for too long; its last token
has expired; the token that opened it was revoked; another session needed its place; the client did not read;
the gateway stopped."""

RESUMED, SECOND_STREAM, NOT_FOUND = "resumed", "second_stream", "session_not_found"
RETURNS = (RESUMED, SECOND_STREAM, NOT_FOUND)
"""How clients come back: on a new stream without initializing again; with another stream for a session that
has one; with a session that is not there."""

SESSION_SECONDS = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
    *(600.0, 1_800.0, 3_600.0, 14_400.0, 86_400.0),
)

NAMELESS_SECONDS = 5.0
"""How long a session may not say whose it is before it is counted as that of an unknown client."""


class OtherEnd(Protocol):
    """What a session knows of its client."""

    @property
    def client(self) -> str: ...
    @property
    def revision(self) -> str: ...
    @property
    def is_used(self) -> bool:
        """Whether it has sent a request."""


class SessionKind(NamedTuple):
    """Whose session: every member is one of a bounded number of values."""

    transport: str
    revision: str
    client: str


class Ended:
    """Sessions of one kind that ended for one reason."""

    __slots__ = ("durations", "seconds")

    def __init__(self) -> None:
        self.durations = [0] * (len(SESSION_SECONDS) + 1)
        self.seconds = 0.0

    @property
    def count(self) -> int:
        return sum(self.durations)


class SessionTallies:
    """All sessions of one process. A session is counted when it has said whose it is, and always by that."""

    def __init__(self) -> None:
        self.opened: Counter[SessionKind] = Counter()
        self.open: Counter[SessionKind] = Counter()
        self.ended: dict[tuple[SessionKind, str], Ended] = {}
        self.returns: Counter[tuple[str, str]] = Counter()
        """How often clients came back, by client and by one of `RETURNS`."""
        self._nameless: set[SessionRecord] = set()

    def begin(self, transport: str, other_end: OtherEnd) -> "SessionRecord":
        """A session has been opened. Its record has to be ended."""
        record = SessionRecord(self, transport, other_end)
        self._nameless.add(record)
        return record

    def sweep(self) -> None:
        """Counts the sessions whose clients have become known, or will not."""
        for record in list(self._nameless):
            if record.client or record.seconds > NAMELESS_SECONDS:
                self.count(record)

    def count(self, record: "SessionRecord") -> SessionKind:
        """The kind by which a session is counted, from now on."""
        if record.kind is None:
            self._nameless.discard(record)
            if record.is_resumed:
                self.came_back("", RESUMED)
            record.kind = SessionKind(record.transport, record.revision, clients.label(record.client))
            self.opened[record.kind] += 1
            self.open[record.kind] += 1
        return record.kind

    def end(self, record: "SessionRecord", reason: str) -> None:
        kind, seconds = self.count(record), record.seconds
        self.open[kind] -= 1
        ended = self.ended.setdefault((kind, reason), Ended())
        ended.seconds += seconds
        ended.durations[bisect_left(SESSION_SECONDS, seconds)] += 1

    def came_back(self, client: str, how: str) -> None:
        """A client came back in one of `RETURNS`."""
        self.returns[clients.label(client), how] += 1

    @property
    def nameless(self) -> Sequence["SessionRecord"]:
        """Open sessions that are not counted yet."""
        return list(self._nameless)


class SessionRecord:
    """What is known of one session."""

    __slots__ = ("_began_at", "_is_over", "_other_end", "_tallies", "kind", "transport")

    def __init__(self, tallies: SessionTallies, transport: str, other_end: OtherEnd) -> None:
        self.transport = transport
        self.kind: SessionKind | None = None
        self._tallies = tallies
        self._other_end = other_end
        self._began_at = perf_counter()
        self._is_over = False

    @property
    def client(self) -> str:
        return self._other_end.client

    @property
    def revision(self) -> str:
        return self._other_end.revision

    @property
    def is_resumed(self) -> bool:
        """Whether the client uses it and has never said who it is: it takes it for one that it had before."""
        return self._other_end.is_used and not self.client

    @property
    def seconds(self) -> float:
        return perf_counter() - self._began_at

    def end(self, reason: str) -> None:
        """The session has ended. It does not end twice."""
        if not self._is_over:
            self._is_over = True
            self._tallies.end(self, reason)


session_tallies = SessionTallies()
"""Those of this process."""
