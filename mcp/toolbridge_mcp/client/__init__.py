"""The REST API as one function: a call goes in, the API's document comes out."""

from toolbridge_mcp.client.api import ApiClient
from toolbridge_mcp.client.call import (
    COLLECTION,
    ITEM,
    MINIMAL,
    NO_MIRRORS,
    SUMMARIES,
    TOTAL,
    Call,
    Origin,
    Wish,
    one_value,
)
from toolbridge_mcp.client.document import Document, JsonObject
from toolbridge_mcp.client.reduced import reduced_item
from toolbridge_mcp.client.wording import field_name, value_in_words

__all__ = [
    "COLLECTION",
    "ITEM",
    "MINIMAL",
    "NO_MIRRORS",
    "SUMMARIES",
    "TOTAL",
    "ApiClient",
    "Call",
    "Document",
    "JsonObject",
    "Origin",
    "Wish",
    "field_name",
    "one_value",
    "reduced_item",
    "value_in_words",
]
