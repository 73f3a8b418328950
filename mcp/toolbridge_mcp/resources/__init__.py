"""What clients can attach without a tool: each item as Markdown, and the last changed of each entity."""

from collections.abc import Collection, Mapping, Sequence

from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.resilience import CallLimits
from toolbridge_mcp.resources.item_template import ItemTemplate, address
from toolbridge_mcp.resources.recent_items import RecentItems, list_address

__all__ = ["ItemTemplate", "RecentItems", "item_templates", "readable", "recent_items", "uris"]

READ_ANY = frozenset({"read", "fetch"})
"""Tools that read items of every kind."""

LIST_ANY = frozenset({"overview", "search"})
"""Tools that show lists of every kind."""


def readable(tools: Collection[str]) -> Sequence[Entity]:
    """The entities whose items these tools, by their names, can read. Resources show no others."""
    names = set(tools)
    return [entity for entity in ENTITIES if names & {f"get_{entity.kind}", *READ_ANY}]


def uris() -> Mapping[str, str]:
    """The URIs of all lists, and the templates of all items, by the names of the calls that read them."""
    items = {f"resource_{entity.kind}": address(entity, "{uid}") for entity in ENTITIES}
    return {**items, **{f"resource_{entity.plural}": list_address(entity) for entity in ENTITIES}}


def item_templates(
    client: ApiClient, limits: CallLimits, *, tools: Collection[str], scope: str
) -> Sequence[ItemTemplate]:
    """A template for each entity whose items the tools can read. A caller needs `scope`."""
    return [ItemTemplate.of(entity, client, limits, scope) for entity in readable(tools)]


def recent_items(
    client: ApiClient, limits: CallLimits, *, tools: Collection[str], scope: str
) -> Sequence[RecentItems]:
    """A list for each entity whose items the tools can list. A caller needs `scope`."""
    names = set(tools)
    listed = [entity for entity in ENTITIES if names & {f"list_{entity.plural}", *LIST_ANY}]
    return [RecentItems.of(entity, client, limits, scope) for entity in listed]
