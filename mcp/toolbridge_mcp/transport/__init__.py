"""The seam to the API: every upstream byte passes `TenantTransport`."""

from toolbridge_mcp.transport.tenant import TenantTransport

__all__ = ["TenantTransport"]
