"""The seam to the API: every upstream byte passes `TenantTransport`."""

from toolbridge_mcp.transport.connections import connections
from toolbridge_mcp.transport.tenant import RETRY_SECONDS, UNTIL, AnswerLost, TenantTransport

__all__ = ["RETRY_SECONDS", "UNTIL", "AnswerLost", "TenantTransport", "connections"]
