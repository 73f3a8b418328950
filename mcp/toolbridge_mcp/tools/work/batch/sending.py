"""An operation as the API takes it."""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import lru_cache, partial
from typing import TypeAlias

from pydantic import BaseModel, ValidationError

from toolbridge_mcp.client import JsonObject
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.entities.circumstances import Circumstances
from toolbridge_mcp.entities.uids import read_reference
from toolbridge_mcp.metrics import count_other_name
from toolbridge_mcp.tools.problems import explained
from toolbridge_mcp.tools.work.batch.draft import Draft, maker_of
from toolbridge_mcp.tools.work.batch.filters import filters_of
from toolbridge_mcp.tools.work.batch.names import TOOL, Unfit, check_names, spelled, with_parent_names
from toolbridge_mcp.tools.work.batch.rows import Row
from toolbridge_mcp.tools.work.edit_text import with_the_only_edit
from toolbridge_mcp.tools.work.references import ENTITIES_BY_NAME

_SIBLINGS = {entity.kind: TOOL for entity in ENTITIES}

Zone: TypeAlias = Callable[[], tzinfo | None]

NO_ITEM = "00000000-0000-4000-8000-000000000000"
"""Stands for an item while the other members are checked."""


def sendable(draft: Draft, entity: Entity, before: Sequence[Draft | None], zone: Zone) -> JsonObject:
    """The operation with the API's names, its values checked by the entity's models. `zone` is where the user
    is. Raises `Unfit`."""
    given, circumstances = draft.selection, _circumstances(entity, zone)
    sent: JsonObject = {"op": draft.row.op, "kind": entity.kind}
    if given.where is not None:
        sent["where"] = _where(given.where, entity, before, circumstances)
        if given.at_most is not None:
            sent["atMost"] = given.at_most
    elif not draft.row.creates:
        sent["uid"] = f"${draft.made}" if draft.made else draft.uid
    if given.if_match is not None:
        sent["ifMatch"] = given.if_match
    return {
        **sent,
        **(_with_fields if draft.row.fields else _without_fields)(draft, entity, before, circumstances),
    }


def _where(
    where: JsonObject, entity: Entity, before: Sequence[Draft | None], circumstances: Circumstances
) -> JsonObject:
    model = filters_of(entity)
    names = tuple(model.model_fields)
    where = with_parent_names(where, entity, model)
    check_names(where, names, f"is no filter of {entity.words['words']}; where takes {', '.join(names)}")
    where, made = _with_parent(where, entity, before)
    try:
        filters = model.model_validate(where, context=circumstances)
    except ValidationError as error:
        raise Unfit(f"where.{_explained(error, model)}") from None
    found: JsonObject = filters.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not found:
        raise Unfit(f"where should have a filter: {', '.join(names)}")
    return {**found, **made}


def _without_fields(
    draft: Draft, entity: Entity, _: Sequence[Draft | None], circumstances: Circumstances
) -> JsonObject:
    row, model = draft.row, draft.row.arguments(entity)
    if draft.within:
        raise Unfit(f"takes no fields{_takes(row)}")
    given = spelled(with_the_only_edit(draft.beside) if row.op == "edit" else draft.beside, model)
    check_names(given, row.own, f"is no part of {row.op}{_takes(row)}")
    given = {"uid": NO_ITEM, **given} if "uid" in model.model_fields else given
    return _read(row, entity, given, circumstances)


def _with_fields(
    draft: Draft, entity: Entity, before: Sequence[Draft | None], circumstances: Circumstances
) -> JsonObject:
    names = tuple(entity.fields.model_fields)
    beside, fields = (
        with_parent_names(given, entity, entity.fields) for given in (draft.beside, draft.within)
    )
    word = entity.words["word"]
    check_names(beside, names, f"is no field of a {word}; it has {', '.join(names)}. Others go into fields")
    for name, value in beside.items():
        present = fields.setdefault(name, value)
        if present is not value and present != value:
            raise Unfit(f"{name} is given twice, beside op and in fields")
    fields, made = _with_parent(fields, entity, before)
    if draft.row.creates and draft.selection.item is not None:
        fields = {**fields, "uid": draft.selection.item}
    sent = _read(draft.row, entity, _arguments(draft.row, entity, fields), circumstances)
    return {**sent, "payload": {**sent["payload"], **made}}


def _arguments(row: Row, entity: Entity, fields: JsonObject) -> JsonObject:
    """The fields as arguments of the tool that does the same to one item."""
    place = {} if row.creates else {"uid": NO_ITEM}
    if row.op == "patch":
        return {**place, "updates": fields}
    declared = {name: value for name, value in fields.items() if name in entity.fields.model_fields}
    others = {name: value for name, value in fields.items() if name not in declared}
    return {**place, **declared, **({"additional_fields": others} if others else {})}


def _read(row: Row, entity: Entity, given: JsonObject, circumstances: Circumstances) -> JsonObject:
    model = row.arguments(entity)
    try:
        return row.members(model.model_validate(given, context=circumstances), entity)
    except ValidationError as error:
        raise Unfit(_explained(error, model).replace("updates.", "")) from None


def _explained(error: ValidationError, model: type[BaseModel]) -> str:
    return explained(error, model, _SIBLINGS, with_example=False)


def _with_parent(
    fields: JsonObject, entity: Entity, before: Sequence[Draft | None]
) -> tuple[JsonObject, JsonObject]:
    """The fields with the kind of the parent, if its id says it. A parent that an earlier operation makes is
    replaced while they are checked, and returned under the API's key."""
    parent = entity.parent
    text = fields.get(parent.uid) if parent else None
    if parent is None or not isinstance(text, str):
        return fields, {}
    maker = maker_of(text, before)
    kind = _kind_of(maker, text)
    if maker and kind not in parent.kinds:
        raise Unfit(f"{parent.uid} may not be a {kind}, which operation {maker.number} makes")
    if parent.type and kind in parent.kinds:
        if fields.get(parent.type, kind) != kind:
            raise Unfit(f"{parent.type} says otherwise than {parent.uid}, which is a {kind}")
        fields = {**fields, parent.type: kind}
    return ({**fields, parent.uid: NO_ITEM}, {entity.keys[parent.uid]: text}) if maker else (fields, {})


def _kind_of(maker: Draft | None, text: str) -> str:
    """The kind that an id names, or that the operation makes for which it stands; empty for none."""
    if maker:
        return maker.kind.kind if maker.kind else ""
    reference = read_reference(text)
    entity = ENTITIES_BY_NAME.get(reference.kind) if reference else None
    return entity.kind if entity else ""


def _takes(row: Row) -> str:
    members = ["item", *(["where", "at_most"] if row.on_many else []), "if_match", *row.own]
    return f"; it takes {', '.join(members)}"


@lru_cache(64)
def _circumstances(entity: Entity, zone: Zone) -> Circumstances:
    return Circumstances(entity.kinds, entity.typed, partial(count_other_name, TOOL), zone)
