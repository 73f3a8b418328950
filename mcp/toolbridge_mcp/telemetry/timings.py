"""The times of one message, as its sender may see them."""

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from toolbridge_mcp.telemetry.operation import STAGES, Operation

TIMINGS = "toolbridge/timings"
"""The key in `_meta` of a request that asks for the times of its call, and in `_meta` of the result that has
them."""

_NAMES = (*STAGES, "total")


def server_timing(operation: Operation) -> bytes:
    """The value of the header `Server-Timing`, in milliseconds. The answer must have been made."""
    times = operation.times()
    if len(times) == len(_NAMES):
        verify, admit, sign, upstream, shape, total = times
        written = (
            f"verify;dur={verify}, admit;dur={admit}, sign;dur={sign}, "
            f"upstream;dur={upstream}, shape;dur={shape}, total;dur={total}"
        )
    else:
        verify, total = times
        written = f"verify;dur={verify}, total;dur={total}"
    return written.encode()


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
