"""Nobody is shown a tool that their token cannot use."""

from collections.abc import Sequence
from typing import Any

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import Tool

from toolbridge_mcp.identity import may
from toolbridge_mcp.tools.entity_tool import EntityTool


class OnlyUsableTools(Middleware):
    """Leaves those out of `tools/list` that would only answer that a scope is missing."""

    async def __call__(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        # Not `on_list_tools`: its machinery would cost every tool call as much as a signature.
        if context.method != "tools/list":
            return await call_next(context)
        tools: Sequence[Tool] = await call_next(context)
        return [tool for tool in tools if not isinstance(tool, EntityTool) or may(tool.scope)]
