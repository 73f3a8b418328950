"""The items of a page as summaries, whether or not the API made them."""

from collections.abc import Sequence

from toolbridge_mcp.client import Document
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.rendering import Summary, from_item, from_summary


def summaries_in(page: Document, entity: Entity) -> Sequence[Summary]:
    """A page of one entity. A summary of the API says of which kind it is; an item does not."""
    return [
        from_summary(item) if "kind" in item else from_item(entity, item)
        for item in page.data.get("items") or ()
    ]
