"""Limits, deadlines, retries and the circuit breaker: a bad moment or a busy user harms no other call."""

from toolbridge_mcp.resilience.admission import Admission
from toolbridge_mcp.resilience.breaker import Attempt, CircuitBreaker, State
from toolbridge_mcp.resilience.call_limits import CallLimits, Interrupted
from toolbridge_mcp.resilience.deadline import Deadline, current_deadline, within
from toolbridge_mcp.resilience.rate_limit import RateLimit
from toolbridge_mcp.resilience.retries import Retries

__all__ = [
    "Admission",
    "Attempt",
    "CallLimits",
    "CircuitBreaker",
    "Deadline",
    "Interrupted",
    "RateLimit",
    "Retries",
    "State",
    "current_deadline",
    "within",
]
