"""Which tools a client is offered: those of the toolsets that its address chooses, or else the deployment's.

A name may mean another tool in another toolset: `search` is ChatGPT's where its toolset is chosen.
"""

import re
from collections.abc import Hashable, Iterable, Sequence, Set
from difflib import get_close_matches
from typing import Any, TypeAlias

from toolbridge_mcp.choice import current_choice
from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.errors import ToolBridgeError
from toolbridge_mcp.identity import get_access_token
from toolbridge_mcp.message import current_operation
from toolbridge_mcp.rendering import quoted
from toolbridge_mcp.resilience import within
from toolbridge_mcp.tools.entity_tool import EntityTool
from toolbridge_mcp.tools.instructions import instructions
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.tools.runner import Runner
from toolbridge_mcp.tools.toolsets import CHATGPT, TOOLSETS
from toolbridge_mcp.tools.work import WorkTool

AnyTool: TypeAlias = EntityTool | WorkTool

DESCRIPTION_SECONDS = 3.0
"""How long a list of tools waits for what the API says about itself."""

SHOWN = 64
"""As many characters of an unknown name are quoted."""

_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)

UNKNOWN = "unknown"
"""The name in logs and metrics of every tool that is not there."""

MOST_ALIKE = 3
FEW = 12
"""So many tools are named to a client that called another one."""


class Offer:
    """The tools of one choice, in their fixed order."""

    def __init__(self, tools: Iterable[AnyTool], toolsets: frozenset[str]) -> None:
        self.toolsets = toolsets
        offered = [tool for tool in tools if tool.toolset in toolsets]
        named = {tool.name: tool for tool in offered}
        named |= {tool.name: tool for tool in offered if tool.toolset == CHATGPT}
        self.tools: Sequence[AnyTool] = tuple(tool for tool in offered if named[tool.name] is tool)
        self._named = named
        self._runners = {name: tool.runner for name, tool in named.items()}

    def tool(self, name: str) -> AnyTool | None:
        return self._named.get(name)

    def runner(self, name: str) -> Runner[Any] | None:
        """What runs the calls of a tool."""
        return self._runners.get(name)

    def like(self, name: str) -> str:
        """A sentence with the tools that may have been meant; empty if none are alike."""
        if len(self._named) <= FEW:
            return f" Tools here: {', '.join(self._named)}."
        words = _words(name[:SHOWN])
        within = sorted((tool for tool in self._named if _words(tool) <= words), key=len, reverse=True)
        alike = [*within, *get_close_matches(name[:SHOWN], self._named, n=MOST_ALIKE)]
        said = f" Similar tools: {', '.join([*dict.fromkeys(alike)][:MOST_ALIKE])}." if alike else ""
        return f"{self._process(words)}{said}"

    def _process(self, words: Set[str]) -> str:
        """A sentence on the tool for an action, if the words are those of one and of what it is done to."""
        for entity in ENTITIES:
            for action in entity.actions:
                tool = f"process_{entity.kind}"
                if tool in self._named and _words(f"{action}_{entity.kind}") == words:
                    return f' {tool} does that, with action="{action}".'
        return ""


class Offers:
    """The offers of all choices. `tools` are those that the deployment allows."""

    def __init__(self, tools: Sequence[AnyTool], default: Iterable[str], client: ApiClient) -> None:
        self._tools = tools
        self._scopes = frozenset(tool.scope for tool in tools)
        self._client = client
        self._default = Offer(tools, frozenset(default))
        self._chosen: dict[frozenset[str], Offer] = {}
        """Of the choices so far; there are only so many sets of a few toolsets."""

    @property
    def default(self) -> Offer:
        """What a client gets whose address chooses nothing."""
        return self._default

    @property
    def names(self) -> frozenset[str]:
        """The names of all tools that the deployment allows."""
        return frozenset(tool.name for tool in self._tools)

    def current(self) -> Offer:
        """The offer for the client of the message at hand."""
        choice = current_choice()
        return self._default if choice is None else self._chosen.get(choice) or self._make(choice)

    def schema(self, name: str) -> dict[str, Any] | None:
        """The input schema of the tool that the name means for the client of the message at hand."""
        tool = self.current().tool(name)
        return tool.parameters if tool else None

    async def listed(self) -> Sequence[AnyTool]:
        """The tools of the offer that the API can serve and the caller's token allows."""
        try:
            with within(DESCRIPTION_SECONDS):
                features: frozenset[str] | None = await self._client.read_features()
        except ToolBridgeError:
            features = self._client.features
        return self._usable(features)

    def known(self) -> Sequence[AnyTool]:
        """The same, as far as it is known without asking the API."""
        return self._usable(self._client.features)

    def facts(self) -> Hashable | None:
        """All that the list of tools depends on; None if the API has to be asked for a part of it."""
        if self._client.has_to_be_asked:
            return None
        access = get_access_token()
        allowed = frozenset(access.scopes if access else ()) & self._scopes
        return current_choice(), allowed, self._client.features, self._client.counts_repetitions

    def instructions(self) -> str:
        """What a model reads about these tools. The API is not asked for that."""
        return instructions(ENTITIES, self.known())

    async def call(self, name: str, arguments: dict[str, Any]) -> Result:
        """The result of a call, which for an unknown tool is an error."""
        runner = self.current().runner(name)
        if runner is None:
            operation = current_operation()
            operation.name = UNKNOWN
            result = Result((self._unknown(name),), is_error=True)
            operation.result_bytes = result.size
            operation.ended("UnknownTool")
            return result
        return await runner.run(arguments)

    def _make(self, choice: frozenset[str]) -> Offer:
        return self._chosen.setdefault(choice, Offer(self._tools, choice))

    def _usable(self, features: frozenset[str] | None) -> Sequence[AnyTool]:
        """Without the tools for which the API lacks a feature: none, if it has said nothing."""
        access = get_access_token()
        scopes = access.scopes if access else ()
        return [
            tool
            for tool in self.current().tools
            if tool.scope in scopes and (features is None or tool.needs <= features)
        ]

    def _unknown(self, name: str) -> str:
        offer = self.current()
        shown = f"'{name}'" if _NAME.fullmatch(name) else quoted(name, SHOWN)
        elsewhere = next((tool.toolset for tool in self._tools if tool.name == name), None)
        return f"Unknown tool: {shown}.{_where(elsewhere, offer)}{offer.like(name)} Nothing was done."


def _words(name: str) -> frozenset[str]:
    """The words of a tool's name, in the singular."""
    return frozenset(word.lower().removesuffix("s") for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", name))


def _where(elsewhere: str | None, offer: Offer) -> str:
    """A sentence on the toolset that has a tool; empty if none has."""
    if elsewhere is None:
        return ""
    both = [name for name in TOOLSETS if name == elsewhere or name in offer.toolsets]
    return (
        f" It belongs to the toolset {elsewhere}, which this connection does not have; the user adds it with "
        f"?toolsets={','.join(both)} at the end of the server's address."
    )
