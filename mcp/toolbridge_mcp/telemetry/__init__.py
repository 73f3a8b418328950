"""What is measured of each message, and who gets to know of it."""

from toolbridge_mcp.telemetry.operation import CANCELLED, OK, SSE, STREAMABLE_HTTP, Operation, observe
from toolbridge_mcp.telemetry.tallies import STAGES, Kind, Sums, snapshot, tallies

__all__ = [
    "CANCELLED",
    "OK",
    "SSE",
    "STAGES",
    "STREAMABLE_HTTP",
    "Kind",
    "Operation",
    "Sums",
    "observe",
    "snapshot",
    "tallies",
]
