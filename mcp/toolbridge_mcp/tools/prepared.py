"""What clients ask for first, written once for all of them that get the same."""

from collections.abc import Callable, Hashable, Sequence

from cachetools import LRUCache
from mcp.types import Tool as WireTool

from toolbridge_mcp.tools.offers import Offers

REMEMBERED = 64
"""Results of a few ten kilobytes at most: of a few choices of toolsets, scopes and revisions."""

WriteTools = Callable[[Sequence[WireTool], str], bytes]
WriteDiscovery = Callable[[str, str], bytes]


class PreparedResults:
    """The results of `tools/list` and `server/discover`, which are written from the tools or the
    instructions, for a revision of MCP."""

    def __init__(self, offers: Offers, tools: WriteTools, discovery: WriteDiscovery) -> None:
        self._offers = offers
        self._write = {
            "tools/list": lambda revision: tools(self._wire_tools(), revision),
            "server/discover": lambda revision: discovery(offers.instructions(), revision),
        }
        self._texts: LRUCache[Hashable, bytes] = LRUCache(REMEMBERED)

    def text(self, method: str, revision: str) -> bytes | None:
        """The result for the client of the message at hand, as JSON; None if the API has to be asked
        first."""
        facts = self._offers.facts()
        if facts is None:
            return None
        text = self._texts.get((method, revision, facts))
        if text is None:
            text = self._texts[method, revision, facts] = self._write[method](revision)
        return text

    def _wire_tools(self) -> Sequence[WireTool]:
        return [tool.to_mcp_tool(name=tool.name) for tool in self._offers.known()]
