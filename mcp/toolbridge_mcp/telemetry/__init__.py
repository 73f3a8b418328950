"""What is measured of each message, and who gets to know of it."""

from toolbridge_mcp.telemetry.dropped import traces_dropped
from toolbridge_mcp.telemetry.operation import (
    CANCELLED,
    OK,
    SSE,
    STAGES,
    STREAMABLE_HTTP,
    Operation,
    observe,
    trace_with,
)
from toolbridge_mcp.telemetry.sessions import session_tallies
from toolbridge_mcp.telemetry.tallies import Kind, Sums, Tallies, Tally, snapshot, tallies
from toolbridge_mcp.telemetry.timings import TIMINGS, asks_for_timings, server_timing, timings

__all__ = [
    "CANCELLED",
    "OK",
    "SSE",
    "STAGES",
    "STREAMABLE_HTTP",
    "TIMINGS",
    "Kind",
    "Operation",
    "Sums",
    "Tallies",
    "Tally",
    "asks_for_timings",
    "observe",
    "server_timing",
    "session_tallies",
    "snapshot",
    "tallies",
    "timings",
    "trace_with",
    "traces_dropped",
]
