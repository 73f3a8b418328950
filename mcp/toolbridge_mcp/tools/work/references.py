"""Items of any kind, as a model names them."""

from collections.abc import Iterable, Mapping, Sequence
from traceback import clear_frames
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator

from toolbridge_mcp.client import JsonObject
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.entities.uids import read_reference
from toolbridge_mcp.errors import ToolBridgeError
from toolbridge_mcp.rendering import from_item
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.work.naming import Name, foreign_kind, why_not

NAMED_ITEMS = "items"
"""The feature of an API that finds items by short ids and titles, whatever their kind."""

LOOKED_UP = 20
"""The API looks up as many items in one request."""

ENTITIES_BY_NAME: Mapping[str, Entity] = {
    name: entity for entity in ENTITIES for name in (entity.kind, entity.plural)
}
"""Each entity under its kind and its plural."""


def _one_text(value: Any) -> Any:
    """The one text of a list."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


ItemName = Annotated[Name, BeforeValidator(_one_text)]
"""What a model calls an item."""


class Named(NamedTuple):
    """An item: its entity, and its uid or the beginning of that."""

    entity: Entity
    uid: str


def named(text: str) -> Named | None:
    """The item that a text names with its kind, such as `note:3f9a01bc`; None for any other text."""
    reference = read_reference(text)
    entity = ENTITIES_BY_NAME.get(reference.kind) if reference else None
    return Named(entity, reference.uid) if reference and entity else None


class Unknown(NamedTuple):
    """Why a text names no item that is there, or not one alone, in sentences; `deleted` is the item if it is
    deleted."""

    reason: str
    deleted: Named | None = None


async def find(texts: Iterable[str], caller: Caller) -> Mapping[str, Named | Unknown]:
    """The item that each text names, by its kind and id, its id or its exact title.

    The API is asked for those whose kind is not named. Raises a `ToolBridgeError` if it fails.
    """
    found: dict[str, Named | Unknown] = {}
    unknown: list[str] = []
    for text in dict.fromkeys(texts):
        if item := named(text):
            found[text] = item
        else:
            unknown.append(text)
    for begin in range(0, len(unknown), LOOKED_UP):
        some = unknown[begin : begin + LOOKED_UP]
        # Payloads stay where they are: none fits into one byte.
        answers = (await caller.look_up(some, maxBytes="1")).data["items"]
        found |= {text: _found(text, answer) for text, answer in zip(some, answers, strict=True)}
    return found


def _found(text: str, answer: JsonObject) -> Named | Unknown:
    error = answer.get("error")
    if error is None:
        entity = ENTITIES_BY_NAME.get(answer["kind"])
        return Named(entity, answer["item"]["uid"]) if entity else Unknown(foreign_kind(text))
    details = error.get("details") or {}
    entity = ENTITIES_BY_NAME.get(details.get("kind", "")) if error.get("code") == "deleted" else None
    return Unknown(why_not(text, error), Named(entity, details["uid"]) if entity else None)


async def titles(names: Sequence[str], caller: Caller) -> Mapping[str, str]:
    """The titles of items that are named by kind and uid, at most `LOOKED_UP`; without those that are not
    there or have none. It is empty if the API fails: a title only helps."""
    if not names:
        return {}
    try:
        answers = (await caller.look_up(names)).data["items"]
    except ToolBridgeError as failed:
        clear_frames(failed.__traceback__)
        return {}
    found = {name: _title(answer) for name, answer in zip(names, answers, strict=True)}
    return {name: title for name, title in found.items() if title}


def _title(answer: JsonObject) -> str | None:
    entity = ENTITIES_BY_NAME.get(answer.get("kind", ""))
    return from_item(entity, answer.get("item", {})).title if entity else None
