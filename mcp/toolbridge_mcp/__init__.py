"""ToolBridge's MCP gateway: a REST product as tools, as the calling user, for one tenant."""

__version__ = "0.1.0"
