"""The arguments of each operation, and the call to the API that they become."""

import re
from abc import abstractmethod
from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, ValidationInfo, create_model
from pydantic.fields import FieldInfo

from toolbridge_mcp.client import MINIMAL, NO_MIRRORS, Call, JsonObject, Wish
from toolbridge_mcp.entities.circumstances import NO_CIRCUMSTANCES
from toolbridge_mcp.entities.entity import (
    Arguments,
    Entity,
    FromJson,
    Maybe,
    Number,
    Object,
    SomeFields,
)
from toolbridge_mcp.entities.leniency import with_declared_fields
from toolbridge_mcp.entities.schema import any_object
from toolbridge_mcp.entities.uids import Uid, is_whole, read_reference
from toolbridge_mcp.errors import InvalidArguments
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.problems import NOT_JSON
from toolbridge_mcp.tools.results import Result, result_of, written, written_item
from toolbridge_mcp.tools.undeclared import hint

_SHOWN_VERSION = re.compile(r"\s*(?:W/)?[\"']?v?(?P<number>[0-9]{1,18})[\"']?\s*", re.IGNORECASE | re.ASCII)


def _version_as_shown(value: Any) -> Any:
    """The number in `v3`, as lists show a version, and in `"3"`, as an ETag does."""
    found = _SHOWN_VERSION.fullmatch(value) if isinstance(value, str) else None
    return found["number"] if found else value


Version = Annotated[Number, Field(ge=1), BeforeValidator(_version_as_shown)]
Context = Annotated[Object, any_object("Context, such as reason; not stored", "reason")]


class Target(NamedTuple):
    """Which request to the API an operation on an entity is, before its arguments are known."""

    method: str
    route: str
    entity: Entity


class OperationArguments(Arguments):
    @abstractmethod
    def call(self, target: Target) -> Call:
        """The request that these arguments ask for. Raises `InvalidArguments` if they do not fit together."""

    def checked_call(self, target: Target) -> Call:
        """The request. Raises `InvalidArguments` also for values that cannot be written as JSON."""
        try:
            return self.call(target)
        except (ValueError, RecursionError) as error:  # pydantic's
            raise InvalidArguments(facts={"problems": NOT_JSON}) from error

    async def carry_out(self, target: Target, caller: Caller) -> Result:
        """Sends the request, and shows the answer. Raises a `ToolBridgeError`."""
        return result_of(await caller.send(self.checked_call(target)))


class GetArguments(OperationArguments):
    uid: Uid
    include_deleted: bool = False

    def call(self, target: Target) -> Call:
        return Call(*target, self.uid, query=deleted_too(self.include_deleted), wishes=(NO_MIRRORS,))


class WriteArguments(OperationArguments):
    if TYPE_CHECKING:
        return_item: bool  # declared for each operation, behind its arguments

    @property
    def wishes(self) -> tuple[Wish, ...]:
        """A model that wrote an item knows it, and would pay for reading it again."""
        return (NO_MIRRORS,) if self.return_item else (MINIMAL,)

    async def carry_out(self, target: Target, caller: Caller) -> Result:
        call = self.checked_call(target)
        document = await caller.send(call)
        said = hint(call.body, target.entity) if call.body and call.sends_payload else ""
        return written_item(document, said) if self.return_item else written(document, target.entity, said)


class ItemArguments(WriteArguments):
    uid: Uid
    if_match: Maybe[Version] = Field(default=None, description="Expected version")

    def call(self, target: Target) -> Call:
        body = self.body(target.entity)
        return Call(*target, self.uid, body=body, if_match=self.if_match, wishes=self.wishes)

    def body(self, entity: Entity) -> JsonObject | None:  # noqa: ARG002  for those that have one
        return None


class PatchArguments(ItemArguments):
    updates: SomeFields

    def body(self, entity: Entity) -> JsonObject:  # noqa: ARG002
        return self.updates.payload()


class ProcessArguments(ItemArguments):
    action: str
    metadata: Maybe[Context] = None

    def body(self, entity: Entity) -> JsonObject:  # noqa: ARG002
        return {"action": self.action} | ({} if self.metadata is None else {"metadata": self.metadata})


class ContentArguments(Arguments):
    """A whole payload: the entity's fields as arguments of their own, and any others in one object."""

    if TYPE_CHECKING:
        additional_fields: Maybe[SomeFields]  # declared for each entity, behind its fields

    def payload(self, entity: Entity) -> JsonObject:
        """The object to store. A field given twice is an error, not a silent choice."""
        declared = set(entity.fields.model_fields)
        named: JsonObject = self.model_dump(mode="json", by_alias=True, include=declared, exclude_none=True)
        others = self.additional_fields.payload() if self.additional_fields else {}
        twice = sorted(named.keys() & others.keys())
        if twice:
            raise InvalidArguments(
                facts={"problems": f"{', '.join(twice)} is given twice; leave additional_fields to others."}
            )
        return {**named, **others}


class CreateArguments(WriteArguments, ContentArguments):
    def call(self, target: Target) -> Call:
        payload = self.payload(target.entity)
        if "uid" in payload:
            payload["uid"] = _own_uid(payload["uid"])
        return Call(*target, body=payload, wishes=self.wishes)


class UpdateArguments(ItemArguments, ContentArguments):
    def body(self, entity: Entity) -> JsonObject:
        return self.payload(entity)


# What follows makes the arguments for an entity. Models are made once: they are the same for every server.


def get_arguments(_: Entity) -> type[OperationArguments]:
    return GetArguments


@cache
def item_arguments(entity: Entity) -> type[OperationArguments]:
    return arguments_model("Item", entity, ItemArguments, {})


@cache
def create_arguments(entity: Entity) -> type[OperationArguments]:
    return arguments_model(
        "Create", entity, CreateArguments, {**fields_of(entity), **_additional_fields(entity)}
    )


@cache
def update_arguments(entity: Entity) -> type[OperationArguments]:
    """As for a new item, but an item that names no parent keeps the one it has."""
    fields = fields_of(entity)
    for name in entity.parent.fields if entity.parent else ():
        fields[name] = optional(*fields[name])
    return arguments_model("Update", entity, UpdateArguments, {**fields, **_additional_fields(entity)})


@cache
def patch_arguments(entity: Entity) -> type[OperationArguments]:
    model = entity.some_fields
    declared = BeforeValidator(partial(_with_declared_fields, model))
    updates = (Annotated[model, declared, FromJson], Field(description="Fields to set, others welcome"))
    return arguments_model("Patch", entity, PatchArguments, {"updates": updates})


@cache
def process_arguments(entity: Entity) -> type[OperationArguments]:
    return arguments_model("Process", entity, ProcessArguments, {"action": (Literal[entity.actions], ...)})


def _with_declared_fields(model: type[SomeFields], value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, dict):
        return value
    return with_declared_fields(model, value, info.context or NO_CIRCUMSTANCES)


def fields_of(entity: Entity) -> dict[str, Any]:
    return {name: (field.annotation, field) for name, field in entity.fields.model_fields.items()}


def optional(annotation: Any, field: FieldInfo) -> tuple[Any, FieldInfo]:
    return annotation | None, FieldInfo.merge_field_infos(field, default=None)


def _additional_fields(entity: Entity) -> dict[str, Any]:
    published = any_object("Other fields, such as source", "source")
    some_fields: Any = Annotated[entity.some_fields, FromJson, published]
    return {"additional_fields": (some_fields | None, None)}


def arguments_model(
    verb: str, entity: Entity, base: type[OperationArguments], fields: Mapping[str, Any]
) -> type[OperationArguments]:
    declared = dict(fields)
    if issubclass(base, WriteArguments):
        declared["return_item"] = (bool, False)
    return create_model(f"{verb}_{entity.kind}", __base__=base, **declared)


def deleted_too(include_deleted: bool) -> dict[str, str]:
    return {"includeDeleted": "true"} if include_deleted else {}


def _own_uid(value: object) -> str:
    """The uid that a new item brings along."""
    reference = read_reference(value) if isinstance(value, str) else None
    if reference is None or not is_whole(reference.uid):
        raise InvalidArguments(facts={"problems": "uid should be a UUID; leave it out to get one."})
    return reference.uid
