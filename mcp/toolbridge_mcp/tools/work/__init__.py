"""The tools for everyday work."""

from toolbridge_mcp.tools.work.batch import BATCH
from toolbridge_mcp.tools.work.changes import CHANGES
from toolbridge_mcp.tools.work.edit_text import EDIT_TEXT
from toolbridge_mcp.tools.work.overview import OVERVIEW
from toolbridge_mcp.tools.work.read import READ
from toolbridge_mcp.tools.work.search import SEARCH
from toolbridge_mcp.tools.work.undo import UNDO
from toolbridge_mcp.tools.work.whoami import WHOAMI
from toolbridge_mcp.tools.work.work_tool import Work, WorkTool

ALL_WORK: tuple[Work, ...] = (SEARCH, READ, OVERVIEW, CHANGES, BATCH, EDIT_TEXT, UNDO, WHOAMI)

__all__ = ["ALL_WORK", "Work", "WorkTool"]
