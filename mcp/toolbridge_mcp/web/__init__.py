"""The gateway's public side: everything between a socket and FastMCP."""

from toolbridge_mcp.web.entry import Address, AllowedCallers, BearerAuthProvider
from toolbridge_mcp.web.gateway import Gateway
from toolbridge_mcp.web.metadata import IssuerMetadata, ResourceMetadata
from toolbridge_mcp.web.sessions import Machine, SessionLimits, StreamLimits

__all__ = [
    "Address",
    "AllowedCallers",
    "BearerAuthProvider",
    "Gateway",
    "IssuerMetadata",
    "Machine",
    "ResourceMetadata",
    "SessionLimits",
    "StreamLimits",
]
