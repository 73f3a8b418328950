"""What every request passes before anything is done for it: address, host, origin and token."""

from toolbridge_mcp.web.entry.address import Address
from toolbridge_mcp.web.entry.authentication import BearerAuthProvider
from toolbridge_mcp.web.entry.callers import AllowedCallers
from toolbridge_mcp.web.entry.toolsets import ToolsetsInAddresses

__all__ = ["Address", "AllowedCallers", "BearerAuthProvider", "ToolsetsInAddresses"]
