"""An MCP tool that speaks to the API."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import tzinfo
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from fastmcp.tools.base import Tool, ToolResult
from mcp.types import Tool as WireTool
from pydantic import PrivateAttr, ValidationError

from toolbridge_mcp.client import ApiClient, Origin
from toolbridge_mcp.entities.circumstances import Circumstances
from toolbridge_mcp.entities.entity import Arguments
from toolbridge_mcp.errors import InvalidArguments
from toolbridge_mcp.identity import client_name, time_zone
from toolbridge_mcp.metrics import count_other_name
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.deployment import NO_DEPLOYMENT, Deployment
from toolbridge_mcp.tools.guarded import CallFailed, Guarded
from toolbridge_mcp.tools.problems import NOT_JSON, explained
from toolbridge_mcp.tools.results import text_block

Given = TypeVar("Given", bound=Arguments)


class ApiTool(Tool, Generic[Given]):
    """Validates the arguments, carries the call out, and shows what the API answered.

    A failure is a result with `isError` and a text that says what happened and what to do.
    """

    toolset: ClassVar[str]
    """The set of tools to which it belongs."""

    # FastMCP's Tool is a pydantic model whose fields are published; what is not goes into private attributes.
    _client: ApiClient = PrivateAttr()
    _arguments: type[Given] = PrivateAttr()
    _guarded: Guarded = PrivateAttr()
    _circumstances: Circumstances = PrivateAttr()
    _deployment: Deployment = PrivateAttr(NO_DEPLOYMENT)

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        self._circumstances = Circumstances(taken=partial(count_other_name, self.name))

    def in_zone(self, default: tzinfo | None) -> None:
        """Sets the time zone of users whose tokens name none."""
        self._circumstances = replace(self._circumstances, zone=partial(time_zone, default))

    def belong_to(self, deployment: Deployment) -> None:
        """Sets what its calls may say about the gateway."""
        self._deployment = deployment

    @property
    def scope(self) -> str:
        """What a caller's token must allow."""
        return self._guarded.scope

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self._guarded.writes

    @property
    def groups(self) -> frozenset[str]:
        """The names by which an operator can choose it, beside its own."""
        return frozenset({self.toolset})

    @property
    def needs(self) -> frozenset[str]:
        """The features without which an API cannot serve it."""
        return frozenset()

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
        try:
            return await self._guarded.call(self._perform, arguments)
        except CallFailed as failed:
            return ToolResult(content=[text_block(str(failed))], is_error=True)

    async def _perform(self, arguments: dict[str, Any], correlation_id: str) -> ToolResult:
        origin = Origin(correlation_id, self.name, client_name())
        caller = Caller(self._client, origin, self._circumstances.zone, self._deployment)
        try:
            given = self._arguments.model_validate(arguments, context=self._circumstances)
        except ValidationError as error:
            problems = explained(error, self._arguments, self.siblings, shows_ids=self.shows_ids)
            raise InvalidArguments(facts={"problems": problems}) from error
        except (ValueError, RecursionError) as error:  # pydantic's, where values are written as JSON
            raise InvalidArguments(facts={"problems": NOT_JSON}) from error
        if self.needs:
            await caller.require(self.needs)
        return await self._carry_out(given, caller)

    @abstractmethod
    async def _carry_out(self, given: Given, caller: Caller) -> ToolResult:
        """What the call results in. Raises a `ToolBridgeError`."""
