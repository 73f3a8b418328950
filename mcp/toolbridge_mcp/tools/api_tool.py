"""An MCP tool that speaks to the API."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import tzinfo
from functools import partial
from typing import Any, ClassVar, Generic

from fastmcp.tools.base import Tool, ToolResult
from mcp.types import Tool as WireTool
from pydantic import PrivateAttr, ValidationError

from toolbridge_mcp.identity import time_zone
from toolbridge_mcp.tools.deployment import Deployment
from toolbridge_mcp.tools.problems import explained
from toolbridge_mcp.tools.runner import Given, Runner


class ApiTool(Tool, Generic[Given]):
    """Validates the arguments, carries the call out, and shows what the API answered.

    A failure is a result with `isError` and a text that says what happened and what to do.
    """

    toolset: ClassVar[str]
    """The set of tools to which it belongs."""

    _runner: Runner[Given] = PrivateAttr()

    def in_zone(self, default: tzinfo | None) -> None:
        """Sets the time zone of users whose tokens name none."""
        known = self._runner.circumstances
        self._runner.circumstances = replace(known, zone=partial(time_zone, default))

    def belong_to(self, deployment: Deployment) -> None:
        """Sets what its calls may say about the gateway."""
        self._runner.deployment = deployment

    @property
    def runner(self) -> Runner[Given]:
        """What runs its calls."""
        return self._runner

    @property
    def scope(self) -> str:
        """What a caller's token must allow."""
        return self._runner.guarded.scope

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self._runner.guarded.writes

    @property
    def groups(self) -> frozenset[str]:
        """The names by which an operator can choose it, beside its own."""
        return frozenset({self.toolset})

    @property
    def needs(self) -> frozenset[str]:
        """The features without which an API cannot serve it."""
        return self._runner.needs

    @property
    def siblings(self) -> Mapping[str, str]:
        """For each kind of item, the tool that does the same with it."""
        return {}

    @property
    def shows_ids(self) -> Mapping[str, str]:
        """For arguments with an id, the tool that shows which there are."""
        return {}

    def to_mcp_tool(self, **overrides: Any) -> WireTool:
        """Without FastMCP's own `_meta`: a model would pay for it and learn nothing."""
        return super().to_mcp_tool(**{"_meta": None, **overrides})

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        return (await self._runner.run(arguments)).for_fastmcp()

    def _explain(self, error: ValidationError) -> str:
        """What is wrong with the arguments, in sentences for a model."""
        return explained(error, self._runner.arguments, self.siblings, shows_ids=self.shows_ids)
