"""The times of one message, as its sender may see them."""

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from toolbridge_mcp.telemetry.operation import STAGES, Operation

TIMINGS = "toolbridge/timings"
"""The key in `_meta` of a request that asks for the times of its call, and in `_meta` of the result that has
them."""

_NAMES = (*STAGES, "total")
_OF_A_CALL = ", ".join(f"{name};dur=%.3f" for name in _NAMES).encode()
_OF_ANOTHER = b"verify;dur=%.3f, total;dur=%.3f"
"""Formatting all at once costs a third of formatting each."""


def server_timing(operation: Operation) -> bytes:
    """The value of the header `Server-Timing`, in milliseconds."""
    seconds = operation.stage_seconds()
    if len(seconds) == 1:
        return _OF_ANOTHER % (seconds[0] * 1e3, operation.seconds * 1e3)
    verify, admit, sign, upstream, shape = seconds
    total = operation.seconds
    return _OF_A_CALL % (verify * 1e3, admit * 1e3, sign * 1e3, upstream * 1e3, shape * 1e3, total * 1e3)


def asks_for_timings(meta: Mapping[str, Any]) -> bool:
    """Whether the `_meta` of a request asks for times."""
    return meta.get(TIMINGS) is True


def timings(operation: Operation) -> dict[str, Any]:
    """The `_meta` of a result whose request asks for times: those until now, since the answer is not made."""
    now = perf_counter()
    seconds = (*operation.stage_seconds(now), now - operation.arrived_at)
    names = _NAMES if len(seconds) == len(_NAMES) else ("verify", "total")
    times: dict[str, Any] = {
        f"{name}_ms": round(each * 1e3, 3) for name, each in zip(names, seconds, strict=True)
    }
    if operation.correlation_id:
        times["correlation_id"] = operation.correlation_id
    if operation.trace_id:
        times["trace_id"] = operation.trace_id
    return {TIMINGS: times}
