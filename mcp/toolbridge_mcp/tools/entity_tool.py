"""One operation on one entity as an MCP tool."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

from fastmcp.tools.base import ToolResult
from mcp.types import Tool as WireTool
from pydantic import PrivateAttr

from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.entities.schema import published_schema
from toolbridge_mcp.resilience import CallLimits
from toolbridge_mcp.tools.api_tool import ApiTool
from toolbridge_mcp.tools.arguments import OperationArguments, Target
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.guarded import Guarded
from toolbridge_mcp.tools.operations import Operation
from toolbridge_mcp.tools.toolsets import CRUD


class EntityTool(ApiTool[OperationArguments]):
    """Does one operation on the items of one entity."""

    toolset: ClassVar[str] = CRUD

    _operation: Operation = PrivateAttr()
    _target: Target = PrivateAttr()

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
        tool._operation, tool._target = operation, operation.target(entity)
        tool._client, tool._arguments = client, arguments
        tool._circumstances = replace(tool._circumstances, kinds=entity.kinds, typed=entity.typed)
        tool._guarded = Guarded(tool.name, scope, operation.writes, entity.words, limits)
        return tool

    @property
    def groups(self) -> frozenset[str]:
        """Its toolset, and the plural of its entity."""
        return super().groups | {self._target.entity.plural}

    def to_mcp_tool(self, **overrides: Any) -> WireTool:
        """With the hints that are true now."""
        return super().to_mcp_tool(**{"annotations": self._operation.hints_for(self._client), **overrides})

    @property
    def shows_ids(self) -> Mapping[str, str]:
        lists = {entity.kind: f"list_{entity.plural}" for entity in ENTITIES}
        kinds = self._target.entity.kinds
        return {name: " or ".join(lists[kind] for kind in of if kind in lists) for name, of in kinds.items()}

    @property
    def siblings(self) -> Mapping[str, str]:
        return {other.kind: self._operation.tool_name(other) for other in ENTITIES}

    async def _carry_out(self, given: OperationArguments, caller: Caller) -> ToolResult:
        return await given.carry_out(self._target, caller)
