"""One operation on one entity as an MCP tool."""

import logging
import re
from typing import Any, Self

from fastmcp.tools.base import Tool, ToolResult
from mcp.types import TextContent
from mcp.types import Tool as WireTool
from pydantic import PrivateAttr, ValidationError
from pydantic_core import ErrorDetails

from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.client.models import Document
from toolbridge_mcp.entities.entity import Arguments, Entity
from toolbridge_mcp.entities.schema import published_schema
from toolbridge_mcp.errors import InvalidArguments, ToolBridgeError
from toolbridge_mcp.tools.operations import Operation

logger = logging.getLogger(__name__)

MAX_PROBLEMS = 5
_ARGUMENT = re.compile(r"[\w-]{1,64}")


class EntityTool(Tool):
    """Validates the arguments, performs the operation, and returns the API's JSON unchanged.

    The result's text is the API's answer to the letter, its structured content the same parsed. A
    failure is a result with `isError` and a text that says what to do.
    """

    _operation: Operation = PrivateAttr()
    _entity: Entity = PrivateAttr()
    _client: ApiClient = PrivateAttr()
    _arguments: type[Arguments] = PrivateAttr()

    @classmethod
    def of(cls, operation: Operation, entity: Entity, client: ApiClient) -> Self:
        arguments = operation.arguments(entity)
        tool = cls(
            name=operation.tool_name(entity),
            description=operation.description(entity),
            parameters=published_schema(arguments),
            annotations=operation.hints,
        )
        tool._operation, tool._entity, tool._client = operation, entity, client
        tool._arguments = arguments
        return tool

    def to_mcp_tool(self, **overrides: Any) -> WireTool:
        """Without FastMCP's own `_meta`: a model would pay for it and learn nothing."""
        return super().to_mcp_tool(**{"_meta": None, **overrides})

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        try:
            document = await self._perform(arguments)
            return ToolResult(content=[_text(document.text)], structured_content=document.data)
        except ToolBridgeError as error:
            return self._failed(error)
        except Exception:  # the outermost frame: a model never sees a stranger's text
            logger.exception("tool call broke", extra={"tool": self.name})
            return self._failed(ToolBridgeError())

    async def _perform(self, arguments: dict[str, Any]) -> Document:
        try:
            given = self._arguments.model_validate(arguments)
        except ValidationError as error:
            raise InvalidArguments(facts={"problems": self._problems(error)}) from error
        return await self._operation.perform(self._client, self._entity, given)

    def _failed(self, error: ToolBridgeError) -> ToolResult:
        logger.info(
            "tool call failed",
            extra={
                "tool": self.name,
                "error": type(error).__name__,
                "correlation_id": error.correlation_id,
            },
        )
        return ToolResult(content=[_text(str(error))], is_error=True)

    def _problems(self, error: ValidationError) -> str:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        known = ", ".join(self._arguments.model_fields)
        sentences = [_problem(detail, known) for detail in details[:MAX_PROBLEMS]]
        if len(details) > MAX_PROBLEMS:
            sentences.append(f"{len(details) - MAX_PROBLEMS} more.")
        return " ".join(sentences)


def _problem(detail: ErrorDetails, known: str) -> str:
    """One sentence on one argument; it never quotes the value, and a name only if it is harmless."""
    parts = [str(part) for part in detail["loc"]]
    where = ".".join(part if _ARGUMENT.fullmatch(part) else "?" for part in parts) or "arguments"
    if detail["type"] == "missing":
        return f"{where} is required."
    if detail["type"] == "extra_forbidden":
        return f"{where} is no argument of this tool; it takes {known}."
    reason = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{where} {reason}."


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)
