"""Items that are too large for a list: shown without their payload, so that they hide no other item."""

import re

from pydantic_core import from_json, to_json

from toolbridge_mcp.client.document import Document, JsonObject
from toolbridge_mcp.errors import AnswerTooLong

NOTE = "The payload is not shown here: it is too large for a list."

_NEXT = re.compile(
    rb'\](?:\s*,\s*"total"\s*:\s*\d{1,18})?(?:\s*,\s*"more"\s*:\s*true)?'
    rb'\s*,\s*"nextCursor"\s*:\s*"([^"\\]+)"\s*\}\s*$'
)
"""How a page ends. No payload can look like it, because two objects end behind a payload."""


def reduced_item(item: JsonObject, size: int) -> JsonObject:
    """The item without its payload. `size` is that of the whole item in bytes."""
    kept = {key: value for key, value in item.items() if key != "payload"}
    return {**kept, "size": size, "note": NOTE}


def page_of_edges(edges: bytes, size: int) -> Document:
    """A page of one item, which is reduced. `edges` are the first bytes of the page and as many of the last,
    and `size` is that of the whole page. Raises `AnswerTooLong` if they do not show which item it is."""
    start = edges[: len(edges) // 2]
    try:
        started = from_json(start.decode(errors="ignore"), allow_partial=True)
        item = reduced_item(started["items"][0], size)
        item["uid"], item["version"]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise AnswerTooLong(facts={"limit": size, "consequence": "nothing was changed"}) from error
    following = _NEXT.search(edges)
    data = {"items": [item], **({"nextCursor": following[1].decode()} if following else {})}
    return Document.parse(to_json(data))
