"""What is measured of each message, and who gets to know of it."""

from toolbridge_mcp.telemetry.operation import CANCELLED, OK, SSE, STREAMABLE_HTTP, Operation, observe

__all__ = ["CANCELLED", "OK", "SSE", "STREAMABLE_HTTP", "Operation", "observe"]
