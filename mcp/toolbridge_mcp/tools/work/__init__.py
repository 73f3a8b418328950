"""The tools for everyday work."""

from toolbridge_mcp.tools.work.work_tool import Work, WorkTool

ALL_WORK: tuple[Work, ...] = ()

__all__ = ["ALL_WORK", "Work", "WorkTool"]
