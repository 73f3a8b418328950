"""The private port: the metrics, and the operator's page."""

from toolbridge_mcp.operator.port import PrivatePort
from toolbridge_mcp.operator.watched import Watched

__all__ = ["PrivatePort", "Watched"]
