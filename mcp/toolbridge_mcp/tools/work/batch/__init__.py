"""The tool that does many operations at once, all or none."""

from toolbridge_mcp.tools.work.batch.tool import BATCH

__all__ = ["BATCH"]
