"""The eight operations, each written once for all entities."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from mcp.types import ToolAnnotations
from pydantic import Field, WithJsonSchema, create_model
from pydantic.fields import FieldInfo
from pydantic_core import to_json

from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.client.models import Document, JsonObject
from toolbridge_mcp.entities.entity import Arguments, Entity, FromJson, Maybe, Number, Object, SomeFields, Uid
from toolbridge_mcp.errors import InvalidArguments


class ListArguments(Arguments):
    limit: Number = Field(default=100, ge=1, le=1000)
    cursor: Maybe[str] = Field(default=None, description="nextCursor of the page before")
    include_deleted: bool = False
    updated_since: Maybe[str] = Field(default=None, description="ISO 8601 time")
    order: Maybe[Literal["asc", "desc"]] = None

    def filters(self) -> dict[str, str]:
        """What narrows or orders the list, under the API's names."""
        plain = {"limit", "cursor", "include_deleted"}
        given = self.model_dump(mode="json", by_alias=True, exclude=plain, exclude_none=True)
        return {
            name: value if isinstance(value, str) else to_json(value).decode()
            for name, value in given.items()
        }


class GetArguments(Arguments):
    uid: Uid
    include_deleted: bool = False


class ItemArguments(Arguments):
    uid: Uid
    if_match: Maybe[Number] = Field(default=None, ge=1, description="Expected version")


class PatchArguments(ItemArguments):
    updates: SomeFields


class ProcessArguments(ItemArguments):
    action: str
    metadata: Maybe[Object] = Field(default=None, description="Context; not stored")


class ContentArguments(Arguments):
    """A whole payload: the entity's fields as arguments of their own, and any others in one object."""

    if TYPE_CHECKING:
        additional_fields: Maybe[SomeFields]  # declared for each entity, behind its fields

    def payload(self, entity: Entity) -> JsonObject:
        """The object to store. A field given twice is an error, not a silent choice."""
        declared = set(entity.fields.model_fields)
        named: JsonObject = self.model_dump(mode="json", by_alias=True, include=declared, exclude_none=True)
        further = self.additional_fields.payload() if self.additional_fields else {}
        twice = sorted(named.keys() & further.keys())
        if twice:
            raise InvalidArguments(
                facts={"problems": f"{', '.join(twice)} is given twice; leave additional_fields to others."}
            )
        return {**named, **further}


class UpdateArguments(ItemArguments, ContentArguments):
    pass


async def _list(client: ApiClient, entity: Entity, given: ListArguments) -> Document:
    return await client.list(
        entity,
        limit=given.limit,
        cursor=given.cursor,
        include_deleted=given.include_deleted,
        filters=given.filters(),
    )


async def _get(client: ApiClient, entity: Entity, given: GetArguments) -> Document:
    return await client.get(entity, given.uid, include_deleted=given.include_deleted)


async def _create(client: ApiClient, entity: Entity, given: ContentArguments) -> Document:
    payload = given.payload(entity)
    if "uid" in payload and not _is_uuid(payload["uid"]):
        raise InvalidArguments(facts={"problems": "uid should be a UUID; leave it out to get one."})
    return await client.create(entity, payload)


async def _update(client: ApiClient, entity: Entity, given: UpdateArguments) -> Document:
    return await client.replace(entity, given.uid, given.payload(entity), given.if_match)


async def _patch(client: ApiClient, entity: Entity, given: PatchArguments) -> Document:
    return await client.patch(entity, given.uid, given.updates.payload(), given.if_match)


async def _delete(client: ApiClient, entity: Entity, given: ItemArguments) -> Document:
    return await client.delete(entity, given.uid, given.if_match)


async def _archive(client: ApiClient, entity: Entity, given: ItemArguments) -> Document:
    return await client.archive(entity, given.uid, given.if_match)


async def _process(client: ApiClient, entity: Entity, given: ProcessArguments) -> Document:
    return await client.process(entity, given.uid, given.action, given.metadata, given.if_match)


def _is_uuid(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return isinstance(value, str)


def _fixed(arguments: type[Arguments]) -> "MakeArguments":
    return lambda _entity: arguments


def _list_arguments(entity: Entity) -> type[Arguments]:
    """The parent, the state and a tag of an item narrow a list, where the entity has them."""
    declared = _fields(entity)
    names = (*(entity.parent.fields if entity.parent else ()), "status", "archived")
    filters: dict[str, Any] = {name: _optional(*declared[name]) for name in names if name in declared}
    if "tags" in declared:
        filters["tag"] = (str | None, Field(default=None))
    return _model("List", entity, ListArguments, filters)


def _create_arguments(entity: Entity) -> type[Arguments]:
    return _model("Create", entity, ContentArguments, {**_fields(entity), **_further(entity)})


def _update_arguments(entity: Entity) -> type[Arguments]:
    """As for a new item, but an item that names no parent keeps the one it has."""
    fields = _fields(entity)
    for name in entity.parent.fields if entity.parent else ():
        fields[name] = _optional(*fields[name])
    return _model("Update", entity, UpdateArguments, {**fields, **_further(entity)})


def _patch_arguments(entity: Entity) -> type[Arguments]:
    updates = (Annotated[entity.some_fields, FromJson], Field(description="Fields to set, others welcome"))
    return _model("Patch", entity, PatchArguments, {"updates": updates})


def _process_arguments(entity: Entity) -> type[Arguments]:
    return _model("Process", entity, ProcessArguments, {"action": (Literal[entity.actions], ...)})


def _fields(entity: Entity) -> dict[str, Any]:
    return {name: (field.annotation, field) for name, field in entity.fields.model_fields.items()}


def _optional(annotation: Any, field: FieldInfo) -> tuple[Any, FieldInfo]:
    return annotation | None, FieldInfo.merge_field_infos(field, default=None)


def _further(entity: Entity) -> dict[str, Any]:
    published = WithJsonSchema({"type": "object", "description": "Other fields"})
    some_fields: Any = Annotated[entity.some_fields, FromJson, published]
    return {"additional_fields": (some_fields | None, None)}


def _model(verb: str, entity: Entity, base: type[Arguments], fields: dict[str, Any]) -> type[Arguments]:
    return create_model(f"{verb}_{entity.kind}", __base__=base, **fields)


MakeArguments = Callable[[Entity], type[Arguments]]
Perform = Callable[[ApiClient, Entity, Any], Awaitable[Document]]


@dataclass(frozen=True)
class Operation:
    """One verb: its arguments for an entity, what it does, and what a model is told about it.

    `about` may use {word}, {words}, {kind} and {parent}; `hints` are MCP's annotations.
    """

    verb: str
    about: str
    arguments: MakeArguments
    perform: Perform
    hints: ToolAnnotations
    on_many: bool = False

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return bool(self.hints.read_only_hint)

    def tool_name(self, entity: Entity) -> str:
        return f"{self.verb}_{entity.plural if self.on_many else entity.kind}"

    def description(self, entity: Entity) -> str:
        parent = " Its parent stays unless given." if entity.parent else ""
        return self.about.format(
            word=entity.word, words=entity.plural.replace("_", " "), kind=entity.kind, parent=parent
        )


_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)


def _writes(*, destroys: bool = False, repeatable: bool = True) -> ToolAnnotations:
    return ToolAnnotations(
        read_only_hint=False, destructive_hint=destroys, idempotent_hint=repeatable, open_world_hint=False
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        verb="list",
        about="List the user's {words} by time of change. No nextCursor in the answer means the end.",
        arguments=_list_arguments,
        perform=_list,
        hints=_READS,
        on_many=True,
    ),
    Operation(
        verb="get",
        about="Read one {word}.",
        arguments=_fixed(GetArguments),
        perform=_get,
        hints=_READS,
    ),
    Operation(
        verb="create",
        about="Create a {word}.",
        arguments=_create_arguments,
        perform=_create,
        hints=_writes(repeatable=False),
    ),
    Operation(
        verb="update",
        about="Replace a {word}: fields not given are removed.{parent} "
        "To change some fields use patch_{kind}.",
        arguments=_update_arguments,
        perform=_update,
        hints=_writes(destroys=True),
    ),
    Operation(
        verb="patch",
        about="Change some fields of a {word}; the others stay. A list or object is replaced whole.",
        arguments=_patch_arguments,
        perform=_patch,
        hints=_writes(destroys=True),
    ),
    Operation(
        verb="delete",
        about="Delete a {word}. Returns its tombstone.",
        arguments=_fixed(ItemArguments),
        perform=_delete,
        hints=_writes(destroys=True),
    ),
    Operation(
        verb="archive",
        about="Archive a {word}.",
        arguments=_fixed(ItemArguments),
        perform=_archive,
        hints=_writes(),
    ),
    Operation(
        verb="process",
        about="Do an action on a {word}.",
        arguments=_process_arguments,
        perform=_process,
        hints=_writes(),
    ),
)
