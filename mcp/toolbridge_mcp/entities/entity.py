"""What an entity is declared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    create_model,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import from_json

from toolbridge_mcp.entities.circumstances import NO_CIRCUMSTANCES
from toolbridge_mcp.entities.empty import without_empty
from toolbridge_mcp.entities.leniency import (
    MAX_ARGUMENTS,
    list_of_words,
    understood,
    with_declared_words,
    with_kinds,
)
from toolbridge_mcp.entities.schema import formats, published_schema

T = TypeVar("T")
Maybe: TypeAlias = T | None
"""A field that may be left out. Null counts as left out, and so does each `EMPTY` value that is no T. The
published schema is that of T alone."""

LONGEST_INTEGER = 2**63


def _decoded(value: Any) -> Any:
    """The list or object in a JSON text. Some clients send these as text. Any other value is unchanged."""
    if not isinstance(value, str):
        return value
    try:
        decoded = from_json(value, allow_inf_nan=False)
    except (ValueError, TypeError):  # TypeError: half a character
        return value
    return decoded if isinstance(decoded, list | dict) else value


def _reject_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("should be a number")  # or true would count as version 1
    return value


def _of_64_bits(value: int) -> int:
    if not -LONGEST_INTEGER <= value < LONGEST_INTEGER:
        raise ValueError("should be a number of 64 bits")  # no API counts further
    return value


def _sendable(text: str) -> str:
    if not text:
        raise ValueError("should not be empty")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("is not valid Unicode") from error
    if "\0" in text:
        raise ValueError("should not contain the NUL character")
    return text


FromJson = BeforeValidator(_decoded)
Number = Annotated[int, BeforeValidator(_reject_bool), AfterValidator(_of_64_bits)]
Word = Annotated[str, AfterValidator(_sendable)]
"""A text that is not empty, as a part of an address."""

Texts = Annotated[list[str], Field(fail_fast=True), FromJson, BeforeValidator(list_of_words)]
"""A plain word is a list of one."""

Object = Annotated[dict[str, Any], FromJson]


class Arguments(BaseModel):
    """Arguments of a tool: snake_case for the model, camelCase for the API. Undeclared ones are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=False,
    )

    @model_validator(mode="before")
    @classmethod
    def _understood(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict):
            return value
        if len(value) > MAX_ARGUMENTS:
            raise ValueError(f"should be those of this tool: {', '.join(cls.model_fields)}")
        return without_empty(cls, understood(cls, value, info.context or NO_CIRCUMSTANCES))


class Fields(Arguments):
    """The fields of an entity that a model may set. A new item needs those without a default."""


class SomeFields(BaseModel):
    """Any of an entity's fields, under the tool's name or the API's, and any other fields."""

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        ser_json_inf_nan="constants",  # the default would turn 1e999 into null without a word
    )

    @model_validator(mode="before")
    @classmethod
    def _each_once(cls, value: Any, info: ValidationInfo) -> Any:
        circumstances = info.context or NO_CIRCUMSTANCES
        if isinstance(value, dict):
            for name, field in cls.model_fields.items():
                if field.alias != name and name in value and field.alias in value:
                    raise ValueError(f"{name} and {field.alias} are the same field; give one of them")
            return with_declared_words(cls, with_kinds(value, circumstances))
        return value

    def payload(self) -> dict[str, Any]:
        """The given fields under the API's names, nulls included."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


FILTERS: Mapping[str, str] = {"status": "status", "archived": "archived", "tag": "tags"}
"""Arguments that narrow a list, and the field that each is compared with: `tag` with each of the tags."""


@dataclass(frozen=True)
class Parent:
    """What an item of another entity belongs to: the fields that name it, and the kinds that it may be."""

    uid: str
    kinds: tuple[str, ...]
    type: str | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.uid,) if self.type is None else (self.type, self.uid)


@dataclass(frozen=True)
class Entity:
    """One entity: what it is called, which fields a model may set, and what can be done with it.

    `kind` is the singular, as in names of tools. The plural is the path segment of the API. An entity has at
    least one action.
    """

    kind: str
    fields: type[Fields]
    actions: tuple[str, ...]
    text: str
    """The field that holds its text."""

    title: str | None = "title"
    """The field that holds its title. Without one, the first line of its text stands for it."""

    parent: Parent | None = None
    narrowing: tuple[str, ...] = ()
    """The fields by which the API narrows a list, beside the state, the tags and the parent."""

    due: str | None = None
    """The field with the date at which it is due."""

    irregular_plural: str | None = None

    @cached_property
    def plural(self) -> str:
        return self.irregular_plural or f"{self.kind}s"

    @cached_property
    def words(self) -> Mapping[str, str]:
        """How texts name the entity: `word` and `words` as people do, `kind` and `plural` as tools do."""
        return {
            "word": self.kind.replace("_", " "),
            "words": self.plural.replace("_", " "),
            "kind": self.kind,
            "plural": self.plural,
        }

    @cached_property
    def filters(self) -> Mapping[str, str]:
        """What narrows a list of it: its parent, those of `FILTERS` whose field it has, and `narrowing`."""
        parent = self.parent.fields if self.parent else ()
        common = {name: field for name, field in FILTERS.items() if field in self.fields.model_fields}
        return {**dict(zip(parent, parent, strict=True)), **common, **{name: name for name in self.narrowing}}

    @cached_property
    def parent_keys(self) -> tuple[str, ...]:
        """The payload keys that name the parent."""
        return tuple(map(to_camel, self.parent.fields)) if self.parent else ()

    @cached_property
    def kinds(self) -> Mapping[str, tuple[str, ...]]:
        """For each argument with an id, the kinds of item that it may be of."""
        return {"uid": (self.kind,), **({self.parent.uid: self.parent.kinds} if self.parent else {})}

    @cached_property
    def typed(self) -> Mapping[str, str]:
        """For an argument with an id, the one that says its kind, if there is one."""
        return {self.parent.uid: self.parent.type} if self.parent and self.parent.type else {}

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """The payload key of each declared field."""
        return {name: str(field.alias) for name, field in self.fields.model_fields.items()}

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The declared field of each payload key."""
        return {key: name for name, key in self.keys.items()}

    @cached_property
    def some_fields(self) -> type[SomeFields]:
        """The model of a partial payload of this entity."""
        loose: Mapping[str, Any] = {
            name: (field.annotation, _optional(field)) for name, field in self.fields.model_fields.items()
        }
        return create_model(f"Some{self.fields.__name__}", __base__=SomeFields, **loose)

    @cached_property
    def formats(self) -> Mapping[str, str]:
        """The payload keys that are declared with a format."""
        return {to_camel(name): form for name, form in formats(self.fields).items()}

    def states(self) -> tuple[str, ...]:
        """The values of `status` that a model may set; empty if the entity has no such field."""
        status = published_schema(self.fields)["properties"].get("status", {})
        return tuple(status.get("enum", ()))


def _optional(field: FieldInfo) -> FieldInfo:
    return FieldInfo.merge_field_infos(field, default=None)
