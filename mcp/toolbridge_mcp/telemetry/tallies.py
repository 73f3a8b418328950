"""What the finished operations add up to. All metrics of messages are derived from it when somebody asks."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from mcp_types.methods import SPEC_CLIENT_METHODS, SPEC_CLIENT_NOTIFICATION_METHODS

from toolbridge_mcp.telemetry.labels import OTHER, clients
from toolbridge_mcp.telemetry.operation import OK, STAGES, Operation
from toolbridge_mcp.telemetry.tasks import Tasks

SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.02, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5),
    *(1.0, 2.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
)
"""The edges between which times are counted: those of all histograms of times together."""

BYTES_PER_TOKEN = 3
"""About as many bytes of a text are one token of a model: 2 to 2.5 of JSON with ids, 3 to 4 of prose."""

TOKENS = (10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
SIZES = (64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576)
BYTES = tuple(sorted({*SIZES, *(tokens * BYTES_PER_TOKEN for tokens in TOKENS)}))
"""The same of sizes."""

MAX_TALLIES = 4_096
"""Above that, a tally is of all clients and revisions."""

MAX_REMEMBERED = 4_096
LONGEST_REMEMBERED = 256

NOTIFICATION = "notifications/"
RESPONSE = "response"
"""Stands for the method of a message that has none."""

METHODS = SPEC_CLIENT_METHODS | SPEC_CLIENT_NOTIFICATION_METHODS | {RESPONSE}
REVISIONS = frozenset(HANDSHAKE_PROTOCOL_VERSIONS + MODERN_PROTOCOL_VERSIONS)

ERRORS = {
    -32700: "parse error",
    -32600: "invalid request",
    -32601: "method not found",
    -32602: "invalid params",
    -32603: "internal error",
    -32800: "request cancelled",
    -32000: "not served",
    -32001: "request timeout",
    -32002: "resource not found",
    -32020: "header mismatch",
    -32021: "missing client capability",
    -32022: "unsupported protocol version",
    -32042: "url elicitation required",
}
"""The codes of JSON-RPC and MCP, and what they mean."""

OTHER_CODE = -1

RESOURCE, PROMPT, COMPLETION = "resource_", "prompt_", "completion"
"""How the names of calls begin that are none of tools."""


def is_tool(name: str) -> bool:
    """Whether a call of that name is one of a tool."""
    return bool(name) and not name.startswith((RESOURCE, PROMPT, COMPLETION))


class Kind(NamedTuple):
    """Of what operations a tally is. Every member is one of a bounded number of values.

    `method` is one of MCP's, `response` or `other`; `name` that of a tool or of another kind of call, or
    empty; `outcome` is "ok", "cancelled", the name of an error class, or empty for what is no call;
    `error_code` the code of a JSON-RPC error, or 0; `client` its name without the version.
    """

    method: str
    name: str
    outcome: str
    error_code: int
    transport: str
    revision: str
    client: str


class Tally:
    """The sums of one kind of operations. Only the event loop's thread adds to it."""

    __slots__ = (
        *("bytes_in", "bytes_out", "durations", "is_good", "is_of_a_tool", "kind"),
        *("result_bytes", "result_sizes", "seconds", "stage_seconds"),
    )

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.is_of_a_tool = is_tool(kind.name)
        self.is_good = kind.outcome in (OK, "") and not kind.error_code
        self.durations = [0] * (len(SECONDS) + 1)
        """Operations between two edges of `SECONDS`, and above the last one."""
        self.result_sizes = [0] * (len(BYTES) + 1)
        """The same by the size of what a model reads."""
        self.seconds = 0.0
        self.bytes_in = self.bytes_out = self.result_bytes = 0
        self.stage_seconds = [0.0] * len(STAGES)

    @property
    def count(self) -> int:
        return sum(self.durations)

    @property
    def is_request(self) -> bool:
        """Whether these are messages that want an answer."""
        kind = self.kind
        return bool(kind.transport) and kind.method != RESPONSE and not kind.method.startswith(NOTIFICATION)


class Tallies:
    """The tallies of one process, and what is counted of all its operations together."""

    def __init__(self) -> None:
        self._tallies: dict[Kind, Tally] = {}
        self._remembered: dict[tuple[object, ...], Tally] = {}
        """The same by what the operations themselves say."""
        self.tasks = Tasks()
        self.at_work: dict[str, int] = defaultdict(int)
        """How many calls of each name are under way."""
        self.stages = [[0] * (len(SECONDS) + 1) for _ in STAGES]
        """Of each stage, how often it took how long."""
        self.sizes_in, self.sizes_out = [0] * (len(BYTES) + 1), [0] * (len(BYTES) + 1)
        """How often messages and answers had which size."""

    def add(self, operation: Operation) -> None:
        """Counts a finished operation. This is on the way of every call, and so does everything by hand."""
        one = operation  # a short name keeps the key in one line
        key = (one.method, one.name, one.outcome, one.error_code, one.transport, one.revision, one.client)
        tally = self._remembered.get(key) or self._tally(operation, key)
        seconds = one.answered_at - one.arrived_at
        tally.seconds += seconds
        tally.durations[bisect_left(SECONDS, seconds)] += 1
        if size := one.bytes_in:
            tally.bytes_in += size
            self.sizes_in[bisect_left(BYTES, size)] += 1
        if size := one.bytes_out:
            tally.bytes_out += size
            self.sizes_out[bisect_left(BYTES, size)] += 1
        if size := one.result_bytes:
            tally.result_bytes += size
            tally.result_sizes[bisect_left(BYTES, size)] += 1
        if begun := one.begun_at:
            sign, upstream = one.sign_seconds, one.upstream_seconds
            shape = one.answered_at - begun - sign - upstream
            verify, admit = one.verified_at - one.arrived_at, begun - one.verified_at
            sums, (verifies, admits, signs, upstreams, shapes) = tally.stage_seconds, self.stages
            sums[0] += verify
            verifies[bisect_left(SECONDS, verify)] += 1
            sums[1] += admit
            admits[bisect_left(SECONDS, admit)] += 1
            sums[2] += sign
            signs[bisect_left(SECONDS, sign)] += 1
            sums[3] += upstream
            upstreams[bisect_left(SECONDS, upstream)] += 1
            if shape > 0:
                sums[4] += shape
            shapes[bisect_left(SECONDS, shape)] += 1
        if tally.is_of_a_tool and one.sender:
            self.tasks.called(one.sender.owner, one.name, tally.is_good, one.answered_at)

    def all(self) -> Sequence[Tally]:
        """All tallies, from any thread."""
        return list(self._tallies.values())

    def _tally(self, operation: Operation, key: tuple[object, ...]) -> Tally:
        kind = _kind(operation)
        if kind not in self._tallies and len(self._tallies) >= MAX_TALLIES:
            kind = kind._replace(revision="", client=OTHER)
        tally = self._tallies.setdefault(kind, Tally(kind))
        if sum(len(part) for part in key if isinstance(part, str)) <= LONGEST_REMEMBERED:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = tally
        return tally


def _kind(operation: Operation) -> Kind:
    method = RESPONSE if operation.method is None else operation.method
    return Kind(
        method if method in METHODS else OTHER,
        operation.name,
        operation.outcome,
        operation.error_code if operation.error_code in ERRORS or not operation.error_code else OTHER_CODE,
        operation.transport,
        operation.revision if operation.revision in REVISIONS or not operation.revision else OTHER,
        clients.label(operation.client),
    )


class Sums(NamedTuple):
    """What the operations of one kind add up to, since the start of the process."""

    kind: Kind
    operations: int
    seconds: float
    durations: Sequence[int]
    """How many took how long: between the edges in `SECONDS`, and above the last one."""

    bytes_in: int
    bytes_out: int
    result_bytes: int
    stages: Sequence[float]
    """Seconds of each of `STAGES`."""


tallies = Tallies()
"""Those of this process."""


def snapshot() -> Sequence[Sums]:
    """The sums of all operations so far, by tool, outcome, client and the like. It is safe in any thread; two
    snapshots give what was between them."""
    return [
        Sums(
            tally.kind,
            sum(durations := list(tally.durations)),
            tally.seconds,
            durations,
            tally.bytes_in,
            tally.bytes_out,
            tally.result_bytes,
            tuple(tally.stage_seconds),
        )
        for tally in tallies.all()
    ]
