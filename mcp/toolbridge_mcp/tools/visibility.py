"""A client is shown only the tools that its token allows."""

from collections.abc import Sequence
from typing import Any

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import Tool

from toolbridge_mcp.identity import caller_access
from toolbridge_mcp.tools.entity_tool import EntityTool


class OnlyUsableTools(Middleware):
    """Leaves out of `tools/list` the tools that could only respond that a scope is missing."""

    async def __call__(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        # Not `on_list_tools`: its machinery would cost every tool call as much as a signature.
        if context.method != "tools/list":
            return await call_next(context)
        tools: Sequence[Tool] = await call_next(context)
        access = caller_access()
        scopes = access.scopes if access else ()
        return [tool for tool in tools if not isinstance(tool, EntityTool) or tool.scope in scopes]
