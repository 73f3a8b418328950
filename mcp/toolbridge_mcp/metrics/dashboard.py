"""The metrics that Grafana's public dashboard 25252 asks for.

Its names come from servers that run agents. A gateway sees calls only; each help text says what is counted.
"""

from collections.abc import Iterable, Iterator
from itertools import product

from prometheus_client.core import Metric

from toolbridge_mcp.metrics import counts
from toolbridge_mcp.metrics.conventions import error_type
from toolbridge_mcp.metrics.families import Rows, counter, gauge, histogram, summary
from toolbridge_mcp.metrics.world import World, declared
from toolbridge_mcp.telemetry import CANCELLED, OK, SSE, STREAMABLE_HTTP, Tally
from toolbridge_mcp.telemetry.labels import UNKNOWN
from toolbridge_mcp.telemetry.sessions import ENDS, RETURNS, SESSION_SECONDS
from toolbridge_mcp.telemetry.tallies import (
    BYTES,
    BYTES_PER_TOKEN,
    ERRORS,
    METHODS,
    OTHER_CODE,
    PROMPT,
    RESOURCE,
    REVISIONS,
    SECONDS,
    TOKENS,
)
from toolbridge_mcp.telemetry.tasks import FAILED, RECOVERED, TURNS

MESSAGE_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
TOOL_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
IN_SESSION_SECONDS = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0)
MESSAGE_BYTES = (64, 256, 1_024, 4_096, 16_384, 65_536, 262_144)
RESOURCE_BYTES = MESSAGE_BYTES[1:]

TRANSPORTS = (SSE, STREAMABLE_HTTP)
SUCCESS, FAILURE, ERROR, RESULT = "success", "failure", "error", "result"
RATE_LIMITED = ("RateLimited", "Busy")
ANOMALIES = {
    **dict.fromkeys(("NotFound", "Deleted"), "not_found"),
    **dict.fromkeys(("ScopeMissing", "ScopeRefused"), "not_allowed"),
}
HIDDEN = "hidden_characters"
INVALID_PARAMS = -32602


def dashboard(world: World) -> Iterator[Metric]:
    yield from _transport(world)
    yield from _messages(world)
    yield from _tools(world)
    yield from _agents(world)
    yield from _sessions(world)
    yield from _resources(world)


def _at_zero(*labels: Iterable[str]) -> Rows:
    """A row for each combination of these values."""
    return ((values, 0.0) for values in product(*(sorted(values) for values in labels)))


def _transport(world: World) -> Iterator[Metric]:
    yield counter(
        "mcp_handshake_total",
        "Requests to initialize a session.",
        ("status", "transport"),
        [
            *_at_zero((SUCCESS, FAILURE), TRANSPORTS),
            *(
                ((SUCCESS if tally.is_good else FAILURE, tally.kind.transport), tally.count)
                for tally in world.all
                if tally.kind.method == "initialize"
            ),
        ],
    )
    opened = [((kind.transport, kind.client), amount) for kind, amount in world.opened]
    yield counter(
        "mcp_connection_total",
        "Sessions that clients have opened.",
        ("transport", "client_id"),
        [*_at_zero(TRANSPORTS, (UNKNOWN,)), *opened],
    )
    yield counter(
        "mcp_reconnection_total",
        "Clients that came back: on a new stream without initializing (resumed), with a second stream of "
        "one session, or with a session that is not there.",
        ("client_id", "reason"),
        [*_at_zero((UNKNOWN,), RETURNS), *world.returns],
    )
    yield gauge(
        "mcp_transport_type_active",
        "Open sessions by transport.",
        ("transport",),
        [*_at_zero(TRANSPORTS), *(((kind.transport,), amount) for kind, amount in world.open)],
    )


def _messages(world: World) -> Iterator[Metric]:
    yield counter(
        "mcp_messages_received_total",
        "Messages received, by their method; response for those that have none.",
        ("msg_type", "client_id"),
        [
            *_at_zero(METHODS, (UNKNOWN,)),
            *(((tally.kind.method, tally.kind.client), tally.count) for tally in _posted(world.all)),
        ],
    )
    refused = sum(amount for _, amount in counts.refusals_by_code())
    yield counter(
        "mcp_messages_sent_total",
        "Answers to requests: result, or error for an error of JSON-RPC.",
        ("msg_type",),
        [
            *_at_zero((RESULT, ERROR)),
            ((ERROR,), refused),
            *(
                ((ERROR if tally.kind.error_code else RESULT,), tally.count)
                for tally in world.requests
                if tally.kind.outcome != CANCELLED or tally.kind.error_code
            ),
        ],
    )
    of_process = world.of_process
    yield histogram(
        "mcp_message_size_bytes",
        "Size of messages received (in) and of answers to them (out).",
        ("direction",),
        [
            (("in",), list(of_process.sizes_in), sum(tally.bytes_in for tally in world.all)),
            (("out",), list(of_process.sizes_out), sum(tally.bytes_out for tally in world.all)),
        ],
        counted=BYTES,
        shown=MESSAGE_BYTES,
    )
    yield counter(
        "mcp_protocol_version_count_total",
        "Messages by the revision of MCP that their clients speak.",
        ("version", "client_id"),
        [
            *_at_zero(REVISIONS, (UNKNOWN,)),
            *(
                ((tally.kind.revision, tally.kind.client), tally.count)
                for tally in _posted(world.all)
                if tally.kind.revision
            ),
        ],
    )
    yield counter(
        "mcp_jsonrpc_errors_total",
        "Errors of JSON-RPC that clients were sent. The message is the name of the code.",
        ("error_code", "error_message"),
        [
            *((_error(code), 0.0) for code in [*ERRORS, OTHER_CODE]),
            *((_error(code), amount) for code, amount in counts.refusals_by_code()),
            *((_error(tally.kind.error_code), tally.count) for tally in world.all if tally.kind.error_code),
        ],
    )
    yield histogram(
        "mcp_message_latency_seconds",
        "Time from the arrival of a request until its answer was made.",
        ("msg_type",),
        (((tally.kind.method,), list(tally.durations), tally.seconds) for tally in world.requests),
        counted=SECONDS,
        shown=MESSAGE_SECONDS,
    )


def _posted(found: Iterable[Tally]) -> Iterator[Tally]:
    return (tally for tally in found if tally.kind.transport)


def _error(code: int) -> tuple[str, str]:
    return ("other", "other") if code not in ERRORS else (str(code), ERRORS[code])


def _tools(world: World) -> Iterator[Metric]:
    tools = world.tools
    yield counter(
        "mcp_tool_calls_total",
        "Calls of tools. error is a result that is an error, an error of JSON-RPC, or a cancelled call.",
        ("tool_name", "status", "client_id"),
        [
            *_at_zero(declared.tools, (SUCCESS, ERROR), (UNKNOWN,)),
            *(
                ((tally.kind.name, SUCCESS if tally.is_good else ERROR, tally.kind.client), tally.count)
                for tally in tools
            ),
        ],
    )
    durations = [((tally.kind.name,), list(tally.durations), tally.seconds) for tally in tools]
    yield histogram(
        "mcp_tool_duration_seconds",
        "Time from the arrival of a call until its answer was made.",
        ("tool_name",),
        durations,
        counted=SECONDS,
        shown=TOOL_SECONDS,
    )
    yield summary(
        "mcp_tool_duration_quantiles",
        "The same as count and sum, without quantiles: those are computed of mcp_tool_duration_seconds.",
        ("tool_name",),
        durations,
    )
    yield counter(
        "mcp_tool_errors_total",
        "Calls of tools that failed, by the kind of error as in toolbridge_calls_total, or cancelled.",
        ("tool_name", "error_type"),
        [
            *_at_zero((UNKNOWN,), ("UnknownTool",)),
            *(
                ((tally.kind.name, _kind_of_error(tally)), tally.count)
                for tally in tools
                if not tally.is_good
            ),
        ],
    )
    yield histogram(
        "mcp_tool_result_size_bytes",
        "Size of the texts that results gave a model to read.",
        ("tool_name",),
        _sizes(tools),
        counted=BYTES,
        shown=MESSAGE_BYTES,
    )
    yield counter(
        "mcp_tool_invalid_params_total",
        "Calls with arguments that the tool's declaration does not allow.",
        ("tool_name",),
        [
            *_at_zero(declared.tools),
            *(
                ((tally.kind.name,), tally.count)
                for tally in tools
                if tally.kind.outcome == "InvalidArguments" or tally.kind.error_code == INVALID_PARAMS
            ),
        ],
    )
    at_work = [((name,), float(number)) for name, number in world.at_work if name in declared.tools]
    yield gauge(
        "mcp_tool_inflight",
        "Calls that wait for a place or are carried out.",
        ("tool_name",),
        [*_at_zero(declared.tools), *at_work],
    )
    yield gauge(
        "mcp_tool_inflight_total",
        "The same of all tools. A gauge, whatever its name says.",
        (),
        [((), 0.0), *(((), number) for _, number in at_work)],
    )
    yield counter(
        "mcp_tool_retries_total",
        "Requests to the API that were repeated for a call, by the number of the attempt.",
        ("tool_name", "attempt_number"),
        [*_at_zero((UNKNOWN,), ("2", "3", "4")), *counts.retries_by_tool()],
    )


def _kind_of_error(tally: Tally) -> str:
    outcome = tally.kind.outcome
    return error_type(tally) if outcome in ("", OK) else outcome


def _sizes(found: Iterable[Tally], prefix: str = "") -> Iterator[tuple[tuple[str], list[int], int]]:
    return (
        ((tally.kind.name.removeprefix(prefix),), list(tally.result_sizes), tally.result_bytes)
        for tally in found
        if tally.result_bytes
    )


def _agents(world: World) -> Iterator[Metric]:
    tools, tasks = world.tools, world.tasks
    yield counter(
        "mcp_prompt_template_usage_total",
        "Prompts that clients asked for.",
        ("prompt_name", "client_id"),
        [
            *_at_zero(declared.prompts, (UNKNOWN,)),
            *(
                ((tally.kind.name.removeprefix(PROMPT), tally.kind.client), tally.count)
                for tally in world.prompts
            ),
        ],
    )
    yield counter(
        "mcp_token_usage_total",
        f"About how many tokens calls cost a model: one for each {BYTES_PER_TOKEN} bytes of the message "
        "(input) and of the texts of the result (output).",
        ("tool_name", "direction"),
        [
            *_at_zero(declared.tools, ("input", "output")),
            *(((tally.kind.name, "input"), tally.bytes_in // BYTES_PER_TOKEN) for tally in tools),
            *(((tally.kind.name, "output"), tally.result_bytes // BYTES_PER_TOKEN) for tally in tools),
        ],
    )
    yield histogram(
        "mcp_token_usage_per_call",
        f"About how many tokens the result of a call cost a model: one for each {BYTES_PER_TOKEN} bytes.",
        ("tool_name",),
        _sizes(tools),
        counted=BYTES,
        shown=TOKENS,
        unit=BYTES_PER_TOKEN,
    )
    yield counter(
        "mcp_tool_hallucination_total",
        "Calls of tools that are not there. attempted_tool is always unknown: a caller chose the name.",
        ("attempted_tool", "client_id"),
        [
            *_at_zero((UNKNOWN,), (UNKNOWN,)),
            *(((UNKNOWN, tally.kind.client), tally.count) for tally in tools if tally.kind.name == UNKNOWN),
        ],
    )
    yield counter(
        "mcp_task_success_total",
        "Runs of calls of one user in one client that ended with a minute of quiet: success if the last call "
        "was one.",
        ("status",),
        [((SUCCESS,), tasks.succeeded), ((FAILURE,), tasks.failed)],
    )
    yield histogram(
        "mcp_turns_to_completion",
        "How many calls such a run had.",
        (),
        [((), list(tasks.turns), tasks.turns_in_all)],
        counted=TURNS,
        shown=TURNS,
    )
    yield counter(
        "mcp_self_correction_total",
        "Calls of a tool after a call of it that failed, in the same run: recovered, or failed again.",
        ("tool_name", "status"),
        [*_at_zero(declared.tools, (RECOVERED, FAILED)), *world.corrections],
    )


def _sessions(world: World) -> Iterator[Metric]:
    yield gauge(
        "mcp_active_sessions",
        "Open sessions of all transports.",
        (),
        [((), 0.0), *(((), amount) for _, amount in world.open)],
    )
    yield gauge(
        "mcp_active_sessions_by_client",
        "Open sessions by client; unknown until it has said who it is.",
        ("client_id",),
        [*_at_zero((UNKNOWN,)), *(((kind.client,), amount) for kind, amount in world.open)],
    )
    yield counter(
        "mcp_sessions_total",
        "Sessions that clients have opened.",
        ("client_id", "transport"),
        [
            *_at_zero((UNKNOWN,), TRANSPORTS),
            *(((kind.client, kind.transport), amount) for kind, amount in world.opened),
        ],
    )
    yield histogram(
        "mcp_session_duration_seconds",
        "How long sessions lasted that have ended.",
        (),
        [
            ((), [0] * (len(SESSION_SECONDS) + 1), 0.0),
            *(((), list(ended.durations), ended.seconds) for _, _, ended in world.ended),
        ],
        counted=SESSION_SECONDS,
        shown=IN_SESSION_SECONDS,
    )
    yield counter(
        "mcp_session_disconnects_total",
        "Sessions that have ended: by the client, or because they were idle, their token had expired "
        "or was revoked, another one needed the place (limit), the client did not read (stalled), or the "
        "gateway stopped.",
        ("client_id", "reason"),
        [
            *_at_zero((UNKNOWN,), ENDS),
            *(((kind.client, reason), ended.count) for kind, reason, ended in world.ended),
        ],
    )


def _resources(world: World) -> Iterator[Metric]:
    resources = world.resources
    yield counter(
        "mcp_resource_accessed_total",
        "Resources that clients read, by their kind; in the plural it is the list of those changed last.",
        ("resource", "client_id"),
        [
            *_at_zero(declared.resources, (UNKNOWN,)),
            *(((_resource(tally), tally.kind.client), tally.count) for tally in resources),
        ],
    )
    yield histogram(
        "mcp_resource_size_bytes",
        "Size of the texts of resources.",
        ("resource",),
        _sizes(resources, RESOURCE),
        counted=BYTES,
        shown=RESOURCE_BYTES,
    )
    reads = [tally for tally in world.requests if tally.kind.method == "resources/read"]
    strange = [tally for tally in reads if not tally.kind.name]
    failed = [tally for tally in resources if tally.kind.outcome not in ("", OK)]
    yield counter(
        "mcp_resource_errors_total",
        "Resources that could not be read, by the kind of error; unknown is an address of none.",
        ("resource", "error_type"),
        [
            *_at_zero((UNKNOWN,), (str(INVALID_PARAMS),)),
            *_at_zero(declared.resources, ("NotFound",)),
            *(((UNKNOWN, error_type(tally) or "none"), tally.count) for tally in strange),
            *(((_resource(tally), tally.kind.outcome), tally.count) for tally in failed),
        ],
    )
    yield counter(
        "mcp_resource_access_anomaly_total",
        "Resources that were not found or that the token does not allow, and hidden characters in what was "
        "read.",
        ("resource", "anomaly_type"),
        [
            *_at_zero({*declared.resources, UNKNOWN}, {*ANOMALIES.values(), HIDDEN}),
            *(((UNKNOWN, "not_found"), tally.count) for tally in strange),
            *(
                ((_resource(tally), ANOMALIES[tally.kind.outcome]), tally.count)
                for tally in failed
                if tally.kind.outcome in ANOMALIES
            ),
            *(((resource, HIDDEN), amount) for resource, amount in counts.hidden_in()),
        ],
    )
    yield counter(
        "mcp_rate_limit_total",
        "Calls and messages refused because the user made too many, or too many at once. The tool and the "
        "client of a message that was refused at the door are unknown.",
        ("client_id", "tool_name"),
        [
            *_at_zero((UNKNOWN,), (UNKNOWN,)),
            ((UNKNOWN, UNKNOWN), counts.rates_exceeded()),
            *(
                ((tally.kind.client, tally.kind.name), tally.count)
                for tally in world.calls
                if tally.kind.outcome in RATE_LIMITED
            ),
        ],
    )


def _resource(tally: Tally) -> str:
    return tally.kind.name.removeprefix(RESOURCE)
