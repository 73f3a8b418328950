"""The tools that an AI client sees: every operation on every entity, and those for everyday work."""

from collections.abc import Collection, Sequence
from datetime import tzinfo

from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.resilience import CallLimits
from toolbridge_mcp.tools.chatgpt import ALL_CHATGPT, ChatGptTool
from toolbridge_mcp.tools.deployment import Deployment
from toolbridge_mcp.tools.entity_tool import EntityTool
from toolbridge_mcp.tools.offers import AnyTool, Offers
from toolbridge_mcp.tools.operations import OPERATIONS
from toolbridge_mcp.tools.toolsets import TOOLSETS
from toolbridge_mcp.tools.visibility import OnlyUsable
from toolbridge_mcp.tools.work import ALL_WORK, WorkTool

__all__ = ["AnyTool", "Deployment", "Offers", "OnlyUsable", "UnknownTool", "build_tools", "chosen"]


class UnknownTool(ValueError):
    """A name that is neither a tool's, a toolset's nor the plural of an entity."""


def build_tools(
    client: ApiClient,
    limits: CallLimits,
    *,
    read_scope: str,
    write_scope: str,
    deployment: Deployment,
    zone: tzinfo | None = None,
) -> Sequence[AnyTool]:
    """All tools, in a fixed order.

    A caller needs `write_scope` for a tool that writes, and `read_scope` for any other. `zone` is that of
    users whose tokens name none.
    """
    scopes = {True: write_scope, False: read_scope}
    work = [WorkTool.of(work, client, limits, scopes[work.writes]) for work in ALL_WORK]
    crud = [
        EntityTool.of(operation, entity, client, limits, scopes[operation.writes])
        for entity in ENTITIES
        for operation in OPERATIONS
    ]
    chatgpt = [ChatGptTool.of(work, client, limits, scopes[work.writes]) for work in ALL_CHATGPT]
    tools: list[AnyTool] = [*work, *crud, *chatgpt]
    for tool in tools:
        tool.in_zone(zone)
        tool.belong_to(deployment)
    return tools


def chosen(tools: Sequence[AnyTool], *, names: Collection[str], read_only: bool) -> Sequence[AnyTool]:
    """The tools that `names` lists, each by its own name, its toolset or the plural of its
    entity; all if it is empty. If `read_only`, without those that write. Raises `UnknownTool`."""
    known = {*TOOLSETS, *(name for tool in tools for name in (tool.name, *tool.groups))}
    if unknown := sorted(set(names) - known):
        raise UnknownTool(unknown[0])
    return [
        tool
        for tool in tools
        if (not names or {tool.name, *tool.groups} & set(names)) and not (tool.writes and read_only)
    ]
