"""The tools that an AI client sees: every operation on every entity."""

from collections.abc import Collection, Sequence

from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.resilience import CallLimits
from toolbridge_mcp.tools.entity_tool import EntityTool
from toolbridge_mcp.tools.instructions import instructions
from toolbridge_mcp.tools.operations import OPERATIONS
from toolbridge_mcp.tools.visibility import OnlyUsable

__all__ = ["EntityTool", "OnlyUsable", "UnknownTool", "build_tools", "chosen", "instructions"]


class UnknownTool(ValueError):
    """A name that is neither a tool's nor the plural of an entity."""


def build_tools(
    client: ApiClient, limits: CallLimits, *, read_scope: str, write_scope: str
) -> Sequence[EntityTool]:
    """Every operation on every entity, in the fixed order of entities and operations.

    A caller needs `write_scope` for a tool that writes, and `read_scope` for any other.
    """
    return [
        EntityTool.of(operation, entity, client, limits, write_scope if operation.writes else read_scope)
        for entity in ENTITIES
        for operation in OPERATIONS
    ]


def chosen(tools: Sequence[EntityTool], *, names: Collection[str], read_only: bool) -> Sequence[EntityTool]:
    """The tools that `names` lists, each by its own name or by the plural of its entity; all if it is empty.
    If `read_only`, without those that write. Raises `UnknownTool`."""
    known = {name for tool in tools for name in (tool.name, tool.group)}
    if unknown := sorted(set(names) - known):
        raise UnknownTool(unknown[0])
    return [
        tool
        for tool in tools
        if (not names or {tool.name, tool.group} & set(names)) and not (tool.writes and read_only)
    ]
