"""The tools that an AI client sees: every operation on every entity."""

from collections.abc import Sequence

from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.tools.entity_tool import EntityTool
from toolbridge_mcp.tools.operations import OPERATIONS


def build_tools(client: ApiClient) -> Sequence[EntityTool]:
    """The 40 tools, in the fixed order of entities and operations."""
    return [EntityTool.of(operation, entity, client) for entity in ENTITIES for operation in OPERATIONS]
