"""One operation as a model sent it: what it does, and to which items."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic_core import from_json

from toolbridge_mcp.client import JsonObject
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.entities.entity import Arguments, Maybe, Number, Object
from toolbridge_mcp.entities.schema import any_object
from toolbridge_mcp.entities.uids import read_reference
from toolbridge_mcp.tools.arguments import Version
from toolbridge_mcp.tools.problems import explained
from toolbridge_mcp.tools.work.batch.names import Unfit, common_members, shown_name
from toolbridge_mcp.tools.work.batch.rows import ROWS, Row
from toolbridge_mcp.tools.work.references import ENTITIES_BY_NAME, ItemName, Named, Unknown, named

MAX_MEMBERS = 100

_MADE = re.compile(r"\$([1-9][0-9]{0,2})")
_KINDS = ", ".join(entity.kind for entity in ENTITIES)
EXAMPLE = '{"op": "patch", "item": "task:3f9a01bc", "fields": {"priority": "high"}}'
_AN_OBJECT = f"should be an object such as {EXAMPLE}"


class Selection(Arguments):
    """Which items an operation is about, and under which condition."""

    item: Maybe[ItemName] = None
    where: Maybe[Annotated[Object, any_object("Filters", "tag")]] = None
    at_most: Maybe[Annotated[Number, Field(ge=1, le=1000)]] = None
    if_match: Maybe[Version] = None


@dataclass(frozen=True, slots=True)
class Draft:
    """An operation whose item may not be known yet. `beside` are its members beside those that all have, and
    `within` those of its `fields`. `made` is the number of the operation that makes its item."""

    number: int
    row: Row
    kind: Entity | None
    selection: Selection
    beside: JsonObject
    within: JsonObject
    made: int | None = None
    uid: str | None = None

    @property
    def called(self) -> str:
        return f"operation {self.number} ({self.row.op}{f' {self.kind.kind}' if self.kind else ''})"

    @property
    def wanted(self) -> str | None:
        """The text by which the item must be looked up."""
        text = self.selection.item
        if text is None or self.uid or self.made or self.row.creates:
            return None
        return text if self.kind is None or named(text) else f"{self.kind.kind}:{text}"

    def with_item(self, item: Named | Unknown) -> "Draft":
        """With the item that was looked up. Raises `Unfit` if there is none."""
        if isinstance(item, Unknown) and item.deleted and self.row.op == "restore":
            item = item.deleted
        if isinstance(item, Unknown):
            raise Unfit(item.reason)
        return replace(self, kind=item.entity, uid=item.uid)


def called(number: int, given: Any) -> str:
    """How texts name an operation that may not be one."""
    op = given.get("op") if isinstance(given, dict) else None
    return f"operation {number} ({op})" if isinstance(op, str) and op in ROWS else f"operation {number}"


def draft_of(number: int, given: Any, before: Sequence[Draft | None]) -> Draft:
    """Raises `Unfit` if it is not said, or not clearly, what is to be done with which items."""
    given = _object(given, _AN_OBJECT)
    if len(given) > MAX_MEMBERS:
        raise Unfit(_AN_OBJECT)
    common, beside = common_members(given)
    selection = _selection(common)
    maker = maker_of(selection.item, before) if selection.item else None
    item = named(selection.item or "")
    kind = _kind(common.get("kind"), maker.kind if maker else item and item.entity)
    kind = kind or _with_action(common.get("op"))
    row, beside = _row(common.get("op"), kind, beside)
    _check(row, kind, selection, maker)
    within = _object(common.get("fields") or {}, 'should have fields such as {"title":"Milk"}')
    uid = item.uid if item else _uid(selection.item, kind)
    return Draft(number, row, kind, selection, beside, within, maker.number if maker else None, uid)


def maker_of(text: str, before: Sequence[Draft | None]) -> Draft | None:
    """The earlier creation that `$1` names; None for a text without a dollar sign. Raises `Unfit`."""
    if not text.startswith("$"):
        return None
    found = _MADE.fullmatch(text)
    number = int(found[1]) if found else 0
    maker = before[number - 1] if 0 < number <= len(before) else None
    if maker is None or not maker.row.creates:
        raise Unfit(f"{shown_name(text)} should name an earlier create by its number, such as $1")
    return maker


def _object(given: Any, otherwise: str) -> JsonObject:
    """The object, or the one in a JSON text."""
    if isinstance(given, str):
        try:
            given = from_json(given, allow_inf_nan=False)
        except (ValueError, TypeError):  # TypeError: half a character
            raise Unfit(otherwise) from None
    if not isinstance(given, dict):
        raise Unfit(otherwise)
    return given


def _selection(common: JsonObject) -> Selection:
    items = common.get("item")
    if isinstance(items, list) and len(items) > 1:
        raise Unfit(f"item is one item; send an operation for each of the {len(items)}, or where")
    given = {name: common[name] for name in Selection.model_fields if name in common}
    try:
        return Selection.model_validate(given)
    except ValidationError as error:
        raise Unfit(explained(error, Selection, {}, with_example=False)) from None


def _kind(value: Any, of_item: Entity | None) -> Entity | None:
    """The kind that the operation names, or else its item. Raises `Unfit` if both say something else."""
    if value is None:
        return of_item
    name = value.strip().lower().replace(" ", "_") if isinstance(value, str) else ""
    kind = ENTITIES_BY_NAME.get(name)
    if kind is None:
        raise Unfit(f"kind should be one of {_KINDS}")
    if of_item not in {None, kind}:
        raise Unfit(f"kind is {kind.kind}, but item is a {of_item.kind if of_item else ''}")
    return kind


def _with_action(op: Any) -> Entity | None:
    """The one entity that has an action of this name."""
    having = [entity for entity in ENTITIES if op in entity.actions and op not in ROWS]
    return having[0] if len(having) == 1 else None


def _row(value: Any, kind: Entity | None, beside: JsonObject) -> tuple[Row, JsonObject]:
    """What is to be done. The name of an action stands for `process` with it."""
    word = value.strip().lower() if isinstance(value, str) else ""
    if row := ROWS.get(word):
        return row, beside
    if kind and word in kind.actions and "action" not in beside:
        return ROWS["process"], {**beside, "action": word}
    actions = f", or an action of a {kind.words['word']}: {', '.join(kind.actions)}" if kind else ""
    meant = "; patch changes some fields, replace all" if word == "update" else ""
    raise Unfit(f"op should be one of {', '.join(ROWS)}{actions}{meant}")


def _uid(text: str | None, kind: Entity | None) -> str | None:
    """The id of an item whose kind is named elsewhere. Raises `Unfit` for an id of an unknown kind."""
    reference = read_reference(text) if text and kind else None
    if reference and reference.kind:
        raise Unfit(f"item should begin with one of {_KINDS}")
    return reference.uid if reference else None


def _check(row: Row, kind: Entity | None, given: Selection, maker: Draft | None) -> None:
    if given.where is not None and not row.on_many:
        raise Unfit(f"{row.op} takes no where")
    if row.creates and (given.if_match is not None or maker):
        raise Unfit("takes no if_match, and no item but the uid of the new one")
    if given.item is not None and given.where is not None:
        raise Unfit("takes item or where, not both")
    if given.item is None and given.where is None and not row.creates:
        several = ", or where for several" if row.on_many else ""
        raise Unfit(f"item is required, such as note:3f9a01bc{several}")
    if given.where is None and given.at_most is not None:
        raise Unfit("at_most goes with where")
    if given.where is not None and given.if_match is not None:
        raise Unfit("if_match goes with item: those that match where have versions of their own")
    if kind is None and (row.creates or given.where is not None):
        raise Unfit(f"kind is required, one of {_KINDS}")
