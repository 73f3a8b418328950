"""The metrics that OpenTelemetry's conventions for MCP define, in the spelling of Prometheus."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from toolbridge_mcp.metrics.families import histogram
from toolbridge_mcp.metrics.world import World
from toolbridge_mcp.telemetry import CANCELLED, OK, Tally
from toolbridge_mcp.telemetry.sessions import EXPIRED, LIMIT, REVOKED, SESSION_SECONDS, STALLED
from toolbridge_mcp.telemetry.tallies import OTHER_CODE, PROMPT, RESPONSE, SECONDS

OPERATION_SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    *(1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
)
"""Those of the conventions, and finer ones below 10 ms."""

TOOL_ERROR = "tool_error"
TCP = "tcp"
ENDED_BADLY = (EXPIRED, REVOKED, LIMIT, STALLED)


def conventions(world: World) -> Iterator[Metric]:
    yield histogram(
        "mcp_server_operation_duration_seconds",
        "Time from the arrival of a message until its answer was made. error_type is empty for success, "
        "tool_error for a result that is an error, cancelled, or the code of a JSON-RPC error.",
        (
            *("mcp_method_name", "gen_ai_tool_name", "gen_ai_prompt_name", "gen_ai_operation_name"),
            *("error_type", "network_transport", "mcp_protocol_version"),
        ),
        (
            (_operation(tally), list(tally.durations), tally.seconds)
            for tally in world.all
            if tally.kind.transport and tally.kind.method != RESPONSE
        ),
        counted=SECONDS,
        shown=OPERATION_SECONDS,
    )
    yield histogram(
        "mcp_server_session_duration_seconds",
        "How long sessions lasted that have ended. error_type is expired, revoked, limit or stalled if the "
        "gateway ended them for that, else empty.",
        ("error_type", "network_transport", "mcp_protocol_version"),
        (
            (
                (reason if reason in ENDED_BADLY else "", TCP, kind.revision),
                list(ended.durations),
                ended.seconds,
            )
            for kind, reason, ended in world.ended
        ),
        counted=SESSION_SECONDS,
        shown=SESSION_SECONDS,
    )


def _operation(tally: Tally) -> tuple[str, ...]:
    kind = tally.kind
    tool = kind.name if tally.is_of_a_tool else ""
    prompt = kind.name.removeprefix(PROMPT) if kind.name.startswith(PROMPT) else ""
    works = "execute_tool" if kind.method == "tools/call" else ""
    return kind.method, tool, prompt, works, error_type(tally), TCP, kind.revision


def error_type(tally: Tally) -> str:
    """How the conventions name what went wrong; empty if nothing did."""
    kind = tally.kind
    if kind.error_code:
        return "_OTHER" if kind.error_code == OTHER_CODE else str(kind.error_code)
    if kind.outcome in ("", OK):
        return ""
    return TOOL_ERROR if tally.is_of_a_tool and kind.outcome != CANCELLED else kind.outcome
