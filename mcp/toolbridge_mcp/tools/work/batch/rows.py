"""The operations of a batch: what each is called, what it takes, and what of it goes to the API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator

from toolbridge_mcp.client import COLLECTION, JsonObject
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.entities.entity import Arguments, Maybe, Texts
from toolbridge_mcp.tools.arguments import (
    CreateArguments,
    ItemArguments,
    ProcessArguments,
    Target,
    Version,
    create_arguments,
    patch_arguments,
    process_arguments,
    update_arguments,
)
from toolbridge_mcp.tools.work.edit_text import TextEdit

MAX_TAGS = 100

Tags = Annotated[Texts, Field(max_length=MAX_TAGS)]


class TagChange(Arguments):
    """Tags to add and to remove."""

    add: Maybe[Tags] = None
    remove: Maybe[Tags] = None

    @model_validator(mode="after")
    def _changes_something(self) -> "TagChange":
        if not self.add and not self.remove:
            raise ValueError("should have add or remove, lists of tags")
        return self


class Restoration(Arguments):
    """The version to restore; without one, what a deleted item was."""

    version: Maybe[Version] = None


class Nothing(Arguments):
    """No members."""


def _created(given: CreateArguments, entity: Entity) -> JsonObject:
    return {"payload": given.call(Target("POST", COLLECTION, entity)).body}


def _replaced(given: ItemArguments, entity: Entity) -> JsonObject:
    return {"payload": given.body(entity)}


def _processed(given: ProcessArguments, entity: Entity) -> JsonObject:
    return given.body(entity)


def _edited(given: TextEdit, entity: Entity) -> JsonObject:
    return given.members(entity)


def _plain(given: BaseModel, _: Entity) -> JsonObject:
    return given.model_dump(exclude_none=True)


@dataclass(frozen=True)
class Row:
    """One kind of operation. `arguments` makes the model of what it takes beside the item, for an entity, and
    `members` turns that into members of the API's operation. `own` are their names, where they are no fields
    of the entity."""

    op: str
    arguments: Callable[[Entity], type[BaseModel]]
    members: Callable[[Any, Entity], JsonObject]
    own: tuple[str, ...] = ()
    creates: bool = False
    fields: bool = False
    on_many: bool = True


ROWS: Mapping[str, Row] = {
    row.op: row
    for row in (
        Row("create", create_arguments, _created, creates=True, fields=True, on_many=False),
        Row("patch", patch_arguments, _replaced, fields=True),
        Row("replace", update_arguments, _replaced, fields=True),
        Row("edit", lambda _: TextEdit, _edited, tuple(TextEdit.model_fields)),
        Row("tags", lambda _: TagChange, _plain, tuple(TagChange.model_fields)),
        Row("process", process_arguments, _processed, ("action", "metadata")),
        Row("archive", lambda _: Nothing, _plain),
        Row("delete", lambda _: Nothing, _plain),
        Row("restore", lambda _: Restoration, _plain, tuple(Restoration.model_fields), on_many=False),
    )
}
