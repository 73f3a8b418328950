"""The way to the API: every request passes `TenantTransport`."""

from toolbridge_mcp.transport.answers import EDGES, LACKS
from toolbridge_mcp.transport.connections import connections
from toolbridge_mcp.transport.deadline import UNTIL, seconds_left, set_deadline
from toolbridge_mcp.transport.failures import AnswerLost
from toolbridge_mcp.transport.signing import Signer
from toolbridge_mcp.transport.tenant import TenantTransport

__all__ = [
    "EDGES",
    "LACKS",
    "UNTIL",
    "AnswerLost",
    "Signer",
    "TenantTransport",
    "connections",
    "seconds_left",
    "set_deadline",
]
