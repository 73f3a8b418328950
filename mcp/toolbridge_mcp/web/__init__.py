"""The gateway's public side: everything between a socket and FastMCP."""

from toolbridge_mcp.web.address import Address
from toolbridge_mcp.web.gateway import Gateway
from toolbridge_mcp.web.guard import Door
from toolbridge_mcp.web.headers import AllowedCallers
from toolbridge_mcp.web.metadata import IssuerMetadata, ResourceMetadata
from toolbridge_mcp.web.replay import Machine
from toolbridge_mcp.web.sessions import SessionCount
from toolbridge_mcp.web.streams import StreamLimits

__all__ = [
    "Address",
    "AllowedCallers",
    "Door",
    "Gateway",
    "IssuerMetadata",
    "Machine",
    "ResourceMetadata",
    "SessionCount",
    "StreamLimits",
]
