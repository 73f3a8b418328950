"""What runs the calls of a tool."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from toolbridge_mcp.client import ApiClient, Origin
from toolbridge_mcp.entities.circumstances import Circumstances
from toolbridge_mcp.entities.entity import Arguments
from toolbridge_mcp.errors import InvalidArguments
from toolbridge_mcp.identity import client_name
from toolbridge_mcp.message import current_operation
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.deployment import NO_DEPLOYMENT, Deployment
from toolbridge_mcp.tools.guarded import CallFailed, Guarded
from toolbridge_mcp.tools.problems import NOT_JSON
from toolbridge_mcp.tools.results import Result

Given = TypeVar("Given", bound=Arguments)


@dataclass(slots=True)
class Runner(Generic[Given]):
    """Validates the arguments, carries the call out, and shows what the API answered.

    `carry_out` raises a `ToolBridgeError` when the call fails; `needs` are the features without which the API
    cannot serve it. `explain` says in sentences what is wrong with the arguments.

    It stands beside the tool, because FastMCP's tools are pydantic models: each read of a private attribute
    of one costs as much as a signature.
    """

    client: ApiClient
    guarded: Guarded
    arguments: type[Given]
    carry_out: Callable[[Given, Caller], Awaitable[Result]]
    explain: Callable[[ValidationError], str]
    circumstances: Circumstances
    needs: frozenset[str] = frozenset()
    deployment: Deployment = NO_DEPLOYMENT

    async def run(self, arguments: dict[str, Any]) -> Result:
        """What the call results in. A failure is a result too, with a text that says what happened."""
        try:
            result = await self.guarded.call(self._perform, arguments)
        except CallFailed as failed:
            result = Result((str(failed),), is_error=True)
        current_operation().result_bytes = result.size
        return result

    async def _perform(self, arguments: dict[str, Any], correlation_id: str) -> Result:
        origin = Origin(correlation_id, self.guarded.name, client_name())
        caller = Caller(self.client, origin, self.circumstances.zone, self.deployment)
        given = self._given(arguments)
        if self.needs:
            await caller.require(self.needs)
        return await self.carry_out(given, caller)

    def _given(self, arguments: dict[str, Any]) -> Given:
        try:
            return self.arguments.model_validate(arguments, context=self.circumstances)
        except ValidationError as error:
            raise InvalidArguments(facts={"problems": self.explain(error)}) from error
        except (ValueError, RecursionError) as error:  # pydantic's, where values are written as JSON
            raise InvalidArguments(facts={"problems": NOT_JSON}) from error
