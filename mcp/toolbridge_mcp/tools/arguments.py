"""The arguments of each operation, and the call to the API that they become."""

import re
from abc import abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from fastmcp.tools.base import ToolResult
from pydantic import AfterValidator, BeforeValidator, Field, create_model
from pydantic.fields import FieldInfo
from pydantic_core import to_json

from toolbridge_mcp.client import Call, JsonObject, one_value
from toolbridge_mcp.entities.empty import EMPTY
from toolbridge_mcp.entities.entity import (
    Arguments,
    Entity,
    FromJson,
    Maybe,
    Number,
    Object,
    SomeFields,
    Word,
)
from toolbridge_mcp.entities.schema import any_object
from toolbridge_mcp.entities.times import Moment
from toolbridge_mcp.entities.uids import Uid, is_whole, read_reference
from toolbridge_mcp.errors import InvalidArguments
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.problems import NOT_JSON
from toolbridge_mcp.tools.results import result_of

PAGE_BYTES = 250_000
"""Payloads of one page: quoted as text and repeated as structure, a page stays below 1 MiB."""

DEFAULT_LIMIT = 100

PAGING = {"limit", "cursor", "include_deleted"}
"""The arguments of a list that neither narrow nor order it."""

_SHOWN_VERSION = re.compile(r"\s*(?:W/)?[\"']?v?(?P<number>[0-9]{1,18})[\"']?\s*", re.IGNORECASE | re.ASCII)


def _version_as_shown(value: Any) -> Any:
    """The number in `v3`, as lists show a version, and in `"3"`, as an ETag does."""
    found = _SHOWN_VERSION.fullmatch(value) if isinstance(value, str) else None
    return found["number"] if found else value


Version = Annotated[Number, Field(ge=1), BeforeValidator(_version_as_shown)]


def _no_word_for_nothing(text: str) -> str:
    if text.strip().lower() in EMPTY:
        raise ValueError("should be the nextCursor of a page")
    return text


Cursor = Annotated[Word, AfterValidator(_no_word_for_nothing)]
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

    async def carry_out(self, target: Target, caller: Caller) -> ToolResult:
        """Sends the request, and shows the answer. Raises a `ToolBridgeError`."""
        call = self.checked_call(target)
        return result_of(await caller.send(call), of_a_write=call.writes)


class ListArguments(OperationArguments):
    limit: Number = Field(default=DEFAULT_LIMIT, ge=1, le=1000, description=f"Default {DEFAULT_LIMIT}")
    cursor: Maybe[Cursor] = Field(default=None, description="nextCursor of the page before")
    include_deleted: bool = False
    updated_since: Maybe[Moment] = None
    order: Maybe[Literal["asc", "desc"]] = None

    def call(self, target: Target) -> Call:
        query = {"limit": str(self.limit), "maxBytes": str(PAGE_BYTES), **_deleted_too(self.include_deleted)}
        if self.cursor is not None:
            query["cursor"] = self.cursor
        return Call(*target, query={**query, **self._filters()})

    def _filters(self) -> Mapping[str, str]:
        """The arguments that narrow or order the list, under the API's names."""
        given = self.model_dump(mode="json", by_alias=True, exclude=PAGING, exclude_none=True)
        return {
            name: one_value(value) if isinstance(value, str) else to_json(value).decode()
            for name, value in given.items()
        }


class GetArguments(OperationArguments):
    uid: Uid
    include_deleted: bool = False

    def call(self, target: Target) -> Call:
        return Call(*target, self.uid, query=_deleted_too(self.include_deleted))


class ItemArguments(OperationArguments):
    # No docstring on a class that is published as it is: pydantic would put it into the schema.
    uid: Uid
    if_match: Maybe[Version] = Field(default=None, description="Expected version")

    def call(self, target: Target) -> Call:
        return Call(*target, self.uid, body=self.body(target.entity), if_match=self.if_match)

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


class CreateArguments(OperationArguments, ContentArguments):
    def call(self, target: Target) -> Call:
        payload = self.payload(target.entity)
        if "uid" in payload:
            payload["uid"] = _own_uid(payload["uid"])
        return Call(*target, body=payload)


class UpdateArguments(ItemArguments, ContentArguments):
    def body(self, entity: Entity) -> JsonObject:
        return self.payload(entity)


# What follows makes the arguments for an entity. Models are made once: they are the same for every server.


def get_arguments(_: Entity) -> type[OperationArguments]:
    return GetArguments


def item_arguments(_: Entity) -> type[OperationArguments]:
    return ItemArguments


@cache
def list_arguments(entity: Entity) -> type[OperationArguments]:
    declared = _fields(entity)
    filters = {
        name: _optional(*declared[field]) if name == field else (Word | None, Field(default=None))
        for name, field in entity.filters.items()
    }
    return _model("List", entity, ListArguments, filters)


@cache
def create_arguments(entity: Entity) -> type[OperationArguments]:
    return _model("Create", entity, CreateArguments, {**_fields(entity), **_additional_fields(entity)})


@cache
def update_arguments(entity: Entity) -> type[OperationArguments]:
    """As for a new item, but an item that names no parent keeps the one it has."""
    fields = _fields(entity)
    for name in entity.parent.fields if entity.parent else ():
        fields[name] = _optional(*fields[name])
    return _model("Update", entity, UpdateArguments, {**fields, **_additional_fields(entity)})


@cache
def patch_arguments(entity: Entity) -> type[OperationArguments]:
    updates = (Annotated[entity.some_fields, FromJson], Field(description="Fields to set, others welcome"))
    return _model("Patch", entity, PatchArguments, {"updates": updates})


@cache
def process_arguments(entity: Entity) -> type[OperationArguments]:
    return _model("Process", entity, ProcessArguments, {"action": (Literal[entity.actions], ...)})


def _fields(entity: Entity) -> dict[str, Any]:
    return {name: (field.annotation, field) for name, field in entity.fields.model_fields.items()}


def _optional(annotation: Any, field: FieldInfo) -> tuple[Any, FieldInfo]:
    return annotation | None, FieldInfo.merge_field_infos(field, default=None)


def _additional_fields(entity: Entity) -> dict[str, Any]:
    published = any_object("Other fields, such as source", "source")
    some_fields: Any = Annotated[entity.some_fields, FromJson, published]
    return {"additional_fields": (some_fields | None, None)}


def _model(
    verb: str, entity: Entity, base: type[OperationArguments], fields: Mapping[str, Any]
) -> type[OperationArguments]:
    return create_model(f"{verb}_{entity.kind}", __base__=base, **fields)


def _deleted_too(include_deleted: bool) -> dict[str, str]:
    return {"includeDeleted": "true"} if include_deleted else {}


def _own_uid(value: object) -> str:
    """The uid that a new item brings along."""
    reference = read_reference(value) if isinstance(value, str) else None
    if reference is None or not is_whole(reference.uid):
        raise InvalidArguments(facts={"problems": "uid should be a UUID; leave it out to get one."})
    return reference.uid
