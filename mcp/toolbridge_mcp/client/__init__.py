"""The REST API as Python methods, a fresh sync session for each request."""

from toolbridge_mcp.client.api import ApiClient

__all__ = ["ApiClient"]
