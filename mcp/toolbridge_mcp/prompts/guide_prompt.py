"""A declared prompt as FastMCP serves it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self

from fastmcp.prompts import Prompt, PromptResult
from fastmcp.prompts.base import PromptArgument
from fastmcp.server.dependencies import get_context
from mcp.types import Prompt as WirePrompt
from pydantic import PrivateAttr

from toolbridge_mcp.client import ApiClient, Origin
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.identity import client_name
from toolbridge_mcp.prompts.data import item_with_children, items_in_states
from toolbridge_mcp.prompts.guides import ASK_FIRST, UNTRUSTED, Guide
from toolbridge_mcp.rendering import quoted
from toolbridge_mcp.resilience import CallLimits
from toolbridge_mcp.resources.failures import failure, mistake
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.guarded import CallFailed, Guarded


class GuidePrompt(Prompt):
    """A text for a model, with the steps for the tools that the client has, and with the data it is about."""

    _guide: Guide = PrivateAttr()
    _entities: Mapping[str, Entity] = PrivateAttr()
    _client: ApiClient = PrivateAttr()
    _guarded: Guarded = PrivateAttr()

    @classmethod
    def of(
        cls, guide: Guide, entities: Mapping[str, Entity], client: ApiClient, limits: CallLimits, scope: str
    ) -> Self:
        named = guide.subject and PromptArgument(
            name=guide.subject, description=f"Title or id of the {guide.subject}", required=True
        )
        prompt = cls(
            name=guide.name,
            title=guide.title,
            description=guide.about,
            arguments=[named] if named else [],
        )
        prompt._guide, prompt._entities, prompt._client = guide, entities, client
        words = entities[guide.kinds[0]].words
        prompt._guarded = Guarded(f"prompt_{guide.name}", scope, False, words, limits)
        return prompt

    @property
    def scope(self) -> str:
        """What a caller's token must allow."""
        return self._guarded.scope

    @property
    def subject(self) -> Entity | None:
        """The entity of the item that its argument names."""
        return self._entities[self._guide.subject] if self._guide.subject else None

    def works_with(self, tools: frozenset[str]) -> bool:
        """Whether a client that has these tools can act on it."""
        return self._guide.chosen(tools) is not None

    def to_mcp_prompt(self, **overrides: Any) -> WirePrompt:
        """Without FastMCP's own `_meta`, which says nothing."""
        return super().to_mcp_prompt(**{"_meta": None, **overrides})

    async def render(self, arguments: dict[str, Any] | None = None) -> PromptResult:
        named = self._named(arguments or {})
        tools = {tool.name for tool in await get_context().fastmcp.list_tools()}
        steps = self._guide.chosen(tools)
        if steps is None:
            raise mistake(f"Prompt {self.name!r} needs tools that this connection does not have.")
        try:
            data = await self._guarded.call(self._data, named)
        except CallFailed as failed:
            raise failure(failed) from None
        today = f"{datetime.now(UTC):%A, %Y-%m-%d} (UTC)"
        fixed = {"today": today, "data": data, "untrusted": UNTRUSTED, "ask_first": ASK_FIRST}
        return self.convert_result(self._guide.text.format(**steps, **fixed))

    def _named(self, arguments: Mapping[str, Any]) -> str:
        """The argument that names the subject; empty if the prompt takes none."""
        wanted = self._guide.subject
        if unknown := sorted(arguments.keys() - {wanted}):
            takes = f"only {wanted}" if wanted else "no arguments"
            raise mistake(f"Prompt {self.name!r} takes {takes}; leave out {quoted(unknown[0], 64)}.")
        named = str(arguments.get(wanted) or "").strip() if wanted else ""
        if wanted and not named:
            raise mistake(
                f"Prompt {self.name!r} needs {wanted}: the title of a {wanted}, or an id such as 3f9a01bc."
            )
        return named

    async def _data(self, named: str, correlation_id: str) -> str:
        """What the prompt is about; empty if the model is to look for itself."""
        caller = Caller(self._client, Origin(correlation_id, self._guarded.name, client_name()))
        if self.subject:
            return await item_with_children(self.subject, named, caller)
        if self._guide.listed:
            return await items_in_states(self._entities[self._guide.kinds[0]], self._guide.listed, caller)
        return ""
