"""The way to the API: every request passes `TenantTransport`."""

from toolbridge_mcp.transport.connections import connections
from toolbridge_mcp.transport.deadline import UNTIL, seconds_left
from toolbridge_mcp.transport.failures import RETRY_AFTER_SECONDS, AnswerLost
from toolbridge_mcp.transport.signing import Signer
from toolbridge_mcp.transport.tenant import TenantTransport

__all__ = [
    "RETRY_AFTER_SECONDS",
    "UNTIL",
    "AnswerLost",
    "Signer",
    "TenantTransport",
    "connections",
    "seconds_left",
]
