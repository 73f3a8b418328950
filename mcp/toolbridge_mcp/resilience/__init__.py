"""What keeps one bad moment, or one busy user, from spoiling the calls of the others."""

from toolbridge_mcp.resilience.breaker import CircuitBreaker, State
from toolbridge_mcp.resilience.deadline import Deadline, current_deadline, within
from toolbridge_mcp.resilience.gate import Gate
from toolbridge_mcp.resilience.retries import Retries

__all__ = ["CircuitBreaker", "Deadline", "Gate", "Retries", "State", "current_deadline", "within"]
