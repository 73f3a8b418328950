"""The way to the API: every request passes `TenantTransport`."""

from toolbridge_mcp.transport.deadline import UNTIL, seconds_left, set_deadline
from toolbridge_mcp.transport.failures import AnswerLost
from toolbridge_mcp.transport.messages import Request, Response
from toolbridge_mcp.transport.pool import Pool
from toolbridge_mcp.transport.signer import Signer
from toolbridge_mcp.transport.signing import unsign
from toolbridge_mcp.transport.tenant import PROCESS, TenantTransport

__all__ = [
    "PROCESS",
    "UNTIL",
    "AnswerLost",
    "Pool",
    "Request",
    "Response",
    "Signer",
    "TenantTransport",
    "seconds_left",
    "set_deadline",
    "unsign",
]
