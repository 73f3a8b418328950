"""The names of members, as a model may write them."""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

from pydantic import BaseModel

from toolbridge_mcp.client import JsonObject
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.entities.leniency import LONGEST_NAME, names_of, names_of_kind, squeezed
from toolbridge_mcp.metrics import count_other_name
from toolbridge_mcp.rendering import quoted
from toolbridge_mcp.tools.work.naming import SHOWN_CHARACTERS

TOOL = "batch"

_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)

_DECLARED = {squeezed(name) for entity in ENTITIES for name in entity.fields.model_fields}
_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "op": ("operation",),
    "kind": ("type", "entity"),
    "item": ("uid", "id", "ref", "item_id", "item_uid"),
    "where": ("filter", "filters"),
    "at_most": (),
    "if_match": (),
    "fields": ("payload", "updates", "data", "values"),
}
_COMMON: Mapping[str, str] = {
    **{squeezed(name): name for name in _OTHER_NAMES},
    **{
        word: name
        for name, others in _OTHER_NAMES.items()
        for word in map(squeezed, others)
        if word not in _DECLARED
    },
}
"""The members of every operation, under each name by which they are taken."""


class Unfit(ValueError):
    """An operation that cannot be read. Its text is the rest of a sentence about it."""


def common_members(given: JsonObject) -> tuple[JsonObject, JsonObject]:
    """The members that every operation may have, under their own names, and the others."""
    common: JsonObject = {}
    beside: JsonObject = {}
    for name, value in given.items():
        if known := _COMMON.get(squeezed(name)):
            _put(common, known, name, value)
        else:
            beside[name] = value
    return common, beside


def spelled(given: JsonObject, model: type[BaseModel]) -> JsonObject:
    """With the names that the model declares: `dueDate` and `due` are `due_date`. Unknown names stay."""
    known = names_of(model)
    taken: JsonObject = {}
    for name, value in given.items():
        other = None if name in model.model_fields else known.get(squeezed(name))
        if other:
            count_other_name(TOOL, other.counted)
        _put(taken, other.declared if other else name, name, value)
    return taken


def with_parent_names(given: JsonObject, entity: Entity, model: type[BaseModel]) -> JsonObject:
    """The same for fields or filters of an entity, in which `parent` or `note_id` may name the parent."""
    parent = entity.parent
    taken: JsonObject = {}
    for name, value in spelled(given, model).items():
        kind = _parent_kind(name, entity) if name not in model.model_fields else None
        if parent is None or (kind is None and name != "parent"):
            _put(taken, name, name, value)
            continue
        count_other_name(TOOL, "kind_id")
        _put(taken, parent.uid, name, value)
        if parent.type and kind:
            _put(taken, parent.type, name, kind)
    return taken


def _parent_kind(name: str, entity: Entity) -> str | None:
    """The kind of parent that a name such as `note_id` names."""
    kinds = entity.parent.kinds if entity.parent else ()
    return next((kind for kind in kinds if squeezed(name) in names_of_kind(kind)), None)


def check_names(given: JsonObject, names: Collection[str], what: str) -> None:
    """Raises `Unfit` for the first name that is none of these. `what` is the rest of the sentence."""
    for name in given:
        if name not in names:
            near = get_close_matches(name[:LONGEST_NAME], names, n=1)
            raise Unfit(f"{shown_name(name)} {f'(did you mean {near[0]}) ' if near else ''}{what}")


def shown_name(name: str) -> str:
    return name if _NAME.fullmatch(name) else quoted(name, SHOWN_CHARACTERS)


def _put(taken: JsonObject, declared: str, name: str, value: object) -> None:
    present = taken.setdefault(declared, value)
    if present is not value and present != value:
        raise Unfit(f"{shown_name(declared)} is given twice, also as {shown_name(name)}")
