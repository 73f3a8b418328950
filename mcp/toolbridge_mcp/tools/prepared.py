"""Lists of tools, written once for all clients that get the same one."""

from collections.abc import Callable, Hashable, Sequence

from cachetools import LRUCache
from mcp.types import Tool as WireTool

from toolbridge_mcp.tools.offers import Offers

REMEMBERED = 64
"""Lists of a few ten kilobytes each: of a few choices of toolsets, scopes and revisions."""


class PreparedLists:
    """The results of `tools/list`. `write` writes tools for a revision of MCP."""

    def __init__(self, offers: Offers, write: Callable[[Sequence[WireTool], str], bytes]) -> None:
        self._offers = offers
        self._write = write
        self._texts: LRUCache[Hashable, bytes] = LRUCache(REMEMBERED)

    def text(self, revision: str) -> bytes | None:
        """The result for the client of the message at hand, as JSON; None if the API has to be asked
        first."""
        facts = self._offers.facts()
        if facts is None:
            return None
        text = self._texts.get((revision, facts))
        if text is None:
            tools = [tool.to_mcp_tool(name=tool.name) for tool in self._offers.known()]
            text = self._texts[revision, facts] = self._write(tools, revision)
        return text
