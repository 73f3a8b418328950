"""One operation on one entity as an MCP tool."""

from typing import Any, Self

from fastmcp.tools.base import Tool, ToolResult
from mcp.types import Tool as WireTool
from pydantic import PrivateAttr, ValidationError

from toolbridge_mcp.client import ApiClient, Origin
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.entities.circumstances import Circumstances
from toolbridge_mcp.entities.schema import published_schema
from toolbridge_mcp.errors import InvalidArguments
from toolbridge_mcp.identity import client_name
from toolbridge_mcp.resilience import CallLimits
from toolbridge_mcp.tools.arguments import OperationArguments
from toolbridge_mcp.tools.guarded import CallFailed, Guarded
from toolbridge_mcp.tools.operations import Operation
from toolbridge_mcp.tools.problems import NOT_JSON, explained
from toolbridge_mcp.tools.results import result_of, text_block


class EntityTool(Tool):
    """Validates the arguments, sends the operation's call, and returns the API's JSON unchanged.

    A failure is a result with `isError` and a text that says what happened and what to do.
    """

    # FastMCP's Tool is a pydantic model whose fields are published; what is not goes into private attributes.
    _operation: Operation = PrivateAttr()
    _entity: Entity = PrivateAttr()
    _client: ApiClient = PrivateAttr()
    _arguments: type[OperationArguments] = PrivateAttr()
    _circumstances: Circumstances = PrivateAttr()
    _guarded: Guarded = PrivateAttr()

    @classmethod
    def of(
        cls, operation: Operation, entity: Entity, client: ApiClient, limits: CallLimits, scope: str
    ) -> Self:
        arguments = operation.arguments(entity)
        tool = cls(
            name=operation.tool_name(entity),
            description=operation.description(entity),
            parameters=published_schema(arguments),
            annotations=operation.hints,
        )
        tool._operation, tool._entity, tool._client, tool._arguments = operation, entity, client, arguments
        tool._circumstances = Circumstances(entity.kinds)
        tool._guarded = Guarded(tool.name, scope, operation.writes, entity.words, limits)
        return tool

    @property
    def scope(self) -> str:
        """What a caller's token must allow."""
        return self._guarded.scope

    @property
    def group(self) -> str:
        """The plural of its entity."""
        return self._entity.plural

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self._operation.writes

    def to_mcp_tool(self, **overrides: Any) -> WireTool:
        """With the hints that are true now, and without FastMCP's own `_meta`: a model would pay for it and
        learn nothing."""
        annotations = self._operation.hints_for(self._client)
        return super().to_mcp_tool(**{"_meta": None, "annotations": annotations, **overrides})

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        try:
            return await self._guarded.call(self._perform, arguments)
        except CallFailed as failed:
            return ToolResult(content=[text_block(str(failed))], is_error=True)

    async def _perform(self, arguments: dict[str, Any], correlation_id: str) -> ToolResult:
        try:
            given = self._arguments.model_validate(arguments, context=self._circumstances)
            call = self._operation.call(self._entity, given)
        except ValidationError as error:
            siblings = {other.kind: self._operation.tool_name(other) for other in ENTITIES}
            problems = explained(error, self._arguments, siblings)
            raise InvalidArguments(facts={"problems": problems}) from error
        except (ValueError, RecursionError) as error:  # pydantic's, where values are written as JSON
            raise InvalidArguments(facts={"problems": NOT_JSON}) from error
        document = await self._client.send(call, Origin(correlation_id, self.name, client_name()))
        return result_of(document, of_a_write=call.writes)
