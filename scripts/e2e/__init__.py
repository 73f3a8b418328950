"""The parts of the end-to-end run; scripts/test-mcp-integration.py is the list of its checks."""
