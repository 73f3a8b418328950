"""What keeps one bad moment, or one busy user, from spoiling the calls of the others."""

from toolbridge_mcp.resilience.admission import Admission
from toolbridge_mcp.resilience.breaker import CircuitBreaker, State
from toolbridge_mcp.resilience.deadline import Deadline, current_deadline, within
from toolbridge_mcp.resilience.gate import Gate, Interrupted
from toolbridge_mcp.resilience.rate_limit import RateLimit
from toolbridge_mcp.resilience.retries import Retries

__all__ = [
    "Admission",
    "CircuitBreaker",
    "Deadline",
    "Gate",
    "Interrupted",
    "RateLimit",
    "Retries",
    "State",
    "current_deadline",
    "within",
]
