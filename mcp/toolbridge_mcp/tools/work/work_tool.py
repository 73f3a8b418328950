"""One tool for everyday work, over items of all kinds."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Self

from mcp.types import ToolAnnotations

from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.entities.circumstances import Circumstances
from toolbridge_mcp.entities.entity import Arguments
from toolbridge_mcp.entities.schema import published_schema
from toolbridge_mcp.metrics import count_other_name
from toolbridge_mcp.resilience import CallLimits
from toolbridge_mcp.tools.api_tool import ApiTool
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.guarded import Guarded
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.tools.runner import Runner
from toolbridge_mcp.tools.toolsets import WORK


class WorkArguments(Arguments):
    @abstractmethod
    async def carry_out(self, caller: Caller) -> Result:
        """What the call results in. Raises a `ToolBridgeError`."""


@dataclass(frozen=True)
class Work:
    """A kind of work: what a model reads about it, its arguments, and the features that the API must have.

    `hints` are MCP's annotations.
    """

    name: str
    about: str
    arguments: type[WorkArguments]
    hints: ToolAnnotations
    needs: frozenset[str] = frozenset()

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return not self.hints.read_only_hint


class WorkTool(ApiTool[WorkArguments]):
    """Does one kind of work."""

    toolset: ClassVar[str] = WORK

    @classmethod
    def of(cls, work: Work, client: ApiClient, limits: CallLimits, scope: str) -> Self:
        tool = cls(
            name=work.name,
            description=work.about,
            parameters=published_schema(work.arguments),
            annotations=work.hints,
        )
        tool._runner = Runner(
            client,
            Guarded(work.name, scope, work.writes, {}, limits),
            work.arguments,
            lambda given, caller: given.carry_out(caller),
            tool._explain,
            Circumstances(taken=partial(count_other_name, work.name)),
            needs=work.needs,
        )
        return tool
