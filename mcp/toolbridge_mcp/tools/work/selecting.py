"""Arguments that say which items of all kinds a call is about."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args, get_origin

from pydantic import BeforeValidator, Field, WithJsonSchema

from toolbridge_mcp.client import one_value
from toolbridge_mcp.entities import BY_KIND, ENTITIES
from toolbridge_mcp.entities.entity import FromJson, Word
from toolbridge_mcp.entities.leniency import squeezed

MAX_VALUES = 20
"""As many values a filter of the API may have."""


def words_of(annotation: Any) -> Iterator[str]:
    """The words of a type that is one of a few."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for part in get_args(annotation):
            yield from words_of(part)


_OFFERED = {entity.kind: entity.states() for entity in ENTITIES}
_ACCEPTED = {
    entity.kind: tuple(words_of(entity.fields.model_fields["status"].annotation)) if states else ()
    for entity in ENTITIES
    for states in (entity.states(),)
}
"""What older data may have too."""


def _each_once(words: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for several in words.values() for word in several))


if TYPE_CHECKING:
    Kind: TypeAlias = str
    State: TypeAlias = str
else:
    Kind = Literal[tuple(BY_KIND)]
    State = Annotated[
        Literal[_each_once(_ACCEPTED)], WithJsonSchema({"enum": [*_each_once(_OFFERED)], "type": "string"})
    ]


_KINDS = {squeezed(name): entity.kind for entity in ENTITIES for name in (entity.kind, entity.plural)}
_STATES = {squeezed(state): state for state in _each_once(_ACCEPTED)}


def as_declared(words: Mapping[str, str]) -> BeforeValidator:
    """Takes a text with commas for a list, and each word as it is declared, whatever its case and hyphens."""

    def read(value: Any) -> Any:
        if isinstance(value, str):
            value = [part for word in value.split(",") if (part := word.strip())]
        if not isinstance(value, list):
            return value
        return [words.get(squeezed(word), word) if isinstance(word, str) else word for word in value]

    return BeforeValidator(read)


Kinds = Annotated[list[Kind], Field(max_length=MAX_VALUES), as_declared(_KINDS), FromJson]
"""Kinds of items: a list, or a text with commas. The plural does too."""

States = Annotated[list[State], Field(max_length=MAX_VALUES), as_declared(_STATES), FromJson]
"""States of items, in the same form."""

Tags = Annotated[
    list[Word],
    Field(max_length=MAX_VALUES),
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    FromJson,
]
"""Tags: a list, or a text that is one tag."""


def _listing() -> str:
    *others, last = (entity.words["words"] for entity in ENTITIES)
    return f"{', '.join(others)} and {last}"


EVERYTHING = _listing()
"""What there is, in words."""


def one_of(values: Iterable[str]) -> str:
    """The value of a filter that lets through each of these."""
    return ",".join(map(one_value, dict.fromkeys(values)))


def states_of(kinds: Sequence[str]) -> tuple[str, ...]:
    """The states that items of these kinds may have."""
    return tuple(dict.fromkeys(state for kind in kinds for state in _ACCEPTED[kind]))
