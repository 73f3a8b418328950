"""One operation on one entity as an MCP tool."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Self

from mcp.types import Tool as WireTool
from pydantic import PrivateAttr

from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.entities.circumstances import Circumstances
from toolbridge_mcp.entities.schema import published_schema
from toolbridge_mcp.metrics import count_other_name
from toolbridge_mcp.resilience import CallLimits
from toolbridge_mcp.tools.api_tool import ApiTool
from toolbridge_mcp.tools.arguments import OperationArguments
from toolbridge_mcp.tools.guarded import Guarded
from toolbridge_mcp.tools.operations import Operation
from toolbridge_mcp.tools.runner import Runner
from toolbridge_mcp.tools.toolsets import CRUD


class EntityTool(ApiTool[OperationArguments]):
    """Does one operation on the items of one entity."""

    toolset: ClassVar[str] = CRUD

    _operation: Operation = PrivateAttr()
    _entity: Entity = PrivateAttr()

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
        tool._operation, tool._entity = operation, entity
        target = operation.target(entity)
        tool._runner = Runner(
            client,
            Guarded(tool.name, scope, operation.writes, entity.words, limits),
            arguments,
            lambda given, caller: given.carry_out(target, caller),
            tool._explain,
            Circumstances(entity.kinds, entity.typed, partial(count_other_name, tool.name)),
        )
        return tool

    @property
    def groups(self) -> frozenset[str]:
        """Its toolset, and the plural of its entity."""
        return super().groups | {self._entity.plural}

    def to_mcp_tool(self, **overrides: Any) -> WireTool:
        """With the hints that are true now."""
        return super().to_mcp_tool(
            **{"annotations": self._operation.hints_for(self._runner.client), **overrides}
        )

    @property
    def shows_ids(self) -> Mapping[str, str]:
        lists = {entity.kind: f"list_{entity.plural}" for entity in ENTITIES}
        kinds = self._entity.kinds
        return {name: " or ".join(lists[kind] for kind in of if kind in lists) for name, of in kinds.items()}

    @property
    def siblings(self) -> Mapping[str, str]:
        return {other.kind: self._operation.tool_name(other) for other in ENTITIES}
