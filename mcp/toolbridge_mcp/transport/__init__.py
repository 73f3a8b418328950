"""The way to the API: every request passes `TenantTransport`."""

from toolbridge_mcp.transport.deadline import UNTIL, seconds_left, set_deadline
from toolbridge_mcp.transport.failures import AnswerLost
from toolbridge_mcp.transport.messages import Request, Response
from toolbridge_mcp.transport.pool import Pool
from toolbridge_mcp.transport.signing import Signer
from toolbridge_mcp.transport.tenant import TenantTransport

__all__ = [
    "UNTIL",
    "AnswerLost",
    "Pool",
    "Request",
    "Response",
    "Signer",
    "TenantTransport",
    "seconds_left",
    "set_deadline",
]
