"""One operation on one entity as an MCP tool."""

import logging
from typing import Any, Self
from uuid import uuid4

from fastmcp.tools.base import Tool, ToolResult
from mcp.types import Tool as WireTool
from pydantic import PrivateAttr, ValidationError

from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.entities.schema import published_schema
from toolbridge_mcp.errors import InvalidArguments, OutcomeUnknown, ScopeMissing, Stopping, ToolBridgeError
from toolbridge_mcp.identity import may
from toolbridge_mcp.metrics import MeasuredCall
from toolbridge_mcp.resilience import Gate, Interrupted
from toolbridge_mcp.tools.arguments import OperationArguments
from toolbridge_mcp.tools.operations import Operation
from toolbridge_mcp.tools.problems import explained
from toolbridge_mcp.tools.results import result_of, text_block

RETRY_SECONDS = 2

logger = logging.getLogger(__name__)


class EntityTool(Tool):
    """Validates the arguments, performs the operation, and returns the API's JSON unchanged.

    A failure is a result with `isError` and a text that says what happened and what to do; it names a
    correlation id that is in the log too.
    """

    _operation: Operation = PrivateAttr()
    _entity: Entity = PrivateAttr()
    _client: ApiClient = PrivateAttr()
    _gate: Gate = PrivateAttr()
    _arguments: type[OperationArguments] = PrivateAttr()
    _scope: str = PrivateAttr()

    @classmethod
    def of(cls, operation: Operation, entity: Entity, client: ApiClient, gate: Gate, scope: str) -> Self:
        arguments = operation.arguments(entity)
        tool = cls(
            name=operation.tool_name(entity),
            description=operation.description(entity),
            parameters=published_schema(arguments),
            annotations=operation.hints,
        )
        tool._operation, tool._entity, tool._client = operation, entity, client
        tool._gate, tool._arguments, tool._scope = gate, arguments, scope
        return tool

    @property
    def scope(self) -> str:
        """What a caller's token must allow."""
        return self._scope

    @property
    def group(self) -> str:
        """The plural of its entity."""
        return self._entity.plural

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return not self._operation.writes

    def to_mcp_tool(self, **overrides: Any) -> WireTool:
        """Without FastMCP's own `_meta`: a model would pay for it and learn nothing."""
        return super().to_mcp_tool(**{"_meta": None, **overrides})

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        with MeasuredCall(self.name) as call:
            try:
                async with self._gate.call():
                    result = await self._perform(arguments)
            except Exception as fault:  # noqa: BLE001  the outermost frame: a model never sees a stranger's text
                error = self._told(fault)
                call.outcome = type(error).__name__
                return self._failed(error, fault)
            call.outcome = "ok"
            return result

    async def _perform(self, arguments: dict[str, Any]) -> ToolResult:
        if not may(self._scope):
            raise ScopeMissing(facts={"scope": self._scope})
        try:
            given = self._arguments.model_validate(arguments)
        except ValidationError as error:
            problems = explained(error, self._arguments.model_fields)
            raise InvalidArguments(facts={"problems": problems}) from error
        document = await self._client.send(self._operation.call(self._entity, given))
        return result_of(document, of_a_write=not self.reads)

    def _told(self, fault: Exception) -> ToolBridgeError:
        """What a model is told of a failure."""
        match fault:
            case ToolBridgeError():
                return fault
            case Interrupted():
                facts = {**self._entity.words, "retry_after": RETRY_SECONDS}
                return (Stopping if self.reads else OutcomeUnknown)(facts=facts)
        return ToolBridgeError()

    def _failed(self, error: ToolBridgeError, fault: Exception) -> ToolResult:
        error.correlation_id = error.correlation_id or uuid4().hex
        unforeseen = type(error) is ToolBridgeError
        logger.log(
            logging.ERROR if unforeseen else logging.INFO,
            "tool call failed",
            extra={
                "tool": self.name,
                "error": type(error).__name__,
                "correlation_id": error.correlation_id,
            },
            exc_info=fault if unforeseen else None,
        )
        return ToolResult(content=[text_block(str(error))], is_error=True)
