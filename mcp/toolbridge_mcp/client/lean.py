"""What an API that does not know a wish sends too much, removed here."""

from collections.abc import Set as AbstractSet

from pydantic_core import to_json

from toolbridge_mcp.client.call import COLLECTION, ITEM, MINIMAL, NO_MIRRORS, Call
from toolbridge_mcp.client.document import Document, JsonObject
from toolbridge_mcp.entities import MIRRORS

_CHANGES = {COLLECTION: "created", f"{ITEM}/archive": "archived"}


def lean(document: Document, call: Call, features: AbstractSet[str]) -> Document:
    """The document as an API with all features would send it, but for what only that API knows."""
    data = document.data
    if MINIMAL in call.wishes and MINIMAL.feature not in features:
        data = _done(data, call)
    elif NO_MIRRORS in call.wishes and NO_MIRRORS.feature not in features:
        data = _without_mirrors(data)
    if data is document.data:
        return document
    text = to_json(data)
    return Document(text.decode(), data, len(text))


def _done(item: JsonObject, call: Call) -> JsonObject:
    """What the write did, as far as the request says: it may have changed fewer fields, or none."""
    kept: JsonObject = {key: item[key] for key in ("uid", "version", "updatedAt") if key in item}
    change = "deleted" if call.method == "DELETE" else _CHANGES.get(call.route, "updated")
    return {**kept, "change": change, "fields": sorted(call.body or {}) if call.sends_payload else []}


def _without_mirrors(data: JsonObject) -> JsonObject:
    if isinstance(items := data.get("items"), list):
        return {**data, "items": [_without_mirrors(item) for item in items]}
    payload = data.get("payload")
    if not isinstance(payload, dict):
        return data
    return {**data, "payload": {key: value for key, value in payload.items() if key not in MIRRORS}}
