"""The gateway's public side: everything between a socket and FastMCP."""

from toolbridge_mcp.web.bodies import BodyLimits
from toolbridge_mcp.web.client_address import NamedInHeader
from toolbridge_mcp.web.door import DoorLimits
from toolbridge_mcp.web.entry import Address, AllowedCallers, BearerAuthProvider, ToolsetsInAddresses
from toolbridge_mcp.web.gateway import Gateway
from toolbridge_mcp.web.ledger import Room
from toolbridge_mcp.web.metadata import IssuerMetadata, ResourceMetadata
from toolbridge_mcp.web.sessions import Machine, SessionLimits, StreamLimits, UnreadAnswers
from toolbridge_mcp.web.short_way import ShortWay

__all__ = [
    "Address",
    "AllowedCallers",
    "BearerAuthProvider",
    "BodyLimits",
    "DoorLimits",
    "Gateway",
    "IssuerMetadata",
    "Machine",
    "NamedInHeader",
    "ResourceMetadata",
    "Room",
    "SessionLimits",
    "ShortWay",
    "StreamLimits",
    "ToolsetsInAddresses",
    "UnreadAnswers",
]
