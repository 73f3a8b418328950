"""A client is shown only what its address chooses, what its token allows and what the API can do."""

import logging
from collections.abc import Sequence
from typing import Any

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import ToolResult
from mcp import MCPError
from mcp.types import (
    INTERNAL_ERROR,
    CallToolRequestParams,
    DiscoverResult,
    InitializeResult,
    ListToolsRequest,
)

from toolbridge_mcp.identity import get_access_token
from toolbridge_mcp.tools.offers import Offers

logger = logging.getLogger(__name__)

LISTS = frozenset({"resources/list", "resources/templates/list", "prompts/list"})
GREETINGS = frozenset({"initialize", "server/discover"})


class OnlyUsable(Middleware):
    """Leaves out of the lists the parts whose `scope` the token lacks: a call of them would only say that.
    Prompts that name tools which the client does not have are left out too.

    Tools, and what a model is told about them at first, come from `offers`, which know by whose address a
    name is meant. FastMCP's own search for a tool does not, and asks all of its providers for each call.
    """

    def __init__(self, offers: Offers) -> None:
        self._offers = offers

    async def __call__(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        # Not `on_list_tools`: its machinery would cost every tool call as much as a signature.
        # By the type, not the method: a message that could not be parsed comes here too, on its way out.
        message = context.message
        if isinstance(message, CallToolRequestParams):
            return await self._called(message)
        if isinstance(message, ListToolsRequest):
            return await self._offers.listed()
        result = await call_next(context)
        if context.method in LISTS:
            parts = _allowed(result)
            return await self._possible(parts) if context.method == "prompts/list" else parts
        if context.method in GREETINGS and isinstance(result, InitializeResult | DiscoverResult):
            return result.model_copy(update={"instructions": self._offers.instructions()})
        return result

    async def _called(self, call: CallToolRequestParams) -> ToolResult:
        """The result of a call. What is raised outside of its tool is a fault of ours: the SDK would send the
        text to the client."""
        try:
            return (await self._offers.call(call.name, call.arguments or {})).for_fastmcp()
        except Exception as fault:
            logger.exception("a tool call failed outside of its tool", extra={"tool": call.name})
            raise MCPError(INTERNAL_ERROR, "Internal error") from fault

    async def _possible(self, prompts: Sequence[Any]) -> Sequence[Any]:
        """The prompts for which the client has the tools."""
        tools = frozenset(tool.name for tool in await self._offers.listed()) if prompts else frozenset()
        return [prompt for prompt in prompts if prompt.works_with(tools)]


def _allowed(parts: Sequence[Any]) -> list[Any]:
    access = get_access_token()
    allowed = {None, *(access.scopes if access else ())}
    return [part for part in parts if getattr(part, "scope", None) in allowed]
