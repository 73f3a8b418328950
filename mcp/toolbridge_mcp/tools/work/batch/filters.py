"""The filters by which an operation finds its items."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import GenericAlias, NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BeforeValidator, Field, create_model

from toolbridge_mcp.entities import Entity
from toolbridge_mcp.entities.entity import Arguments, FromJson, Word
from toolbridge_mcp.entities.leniency import squeezed
from toolbridge_mcp.entities.times import DateOrTime, Moment

MAX_VALUES = 20
"""As many values a filter of the API may have."""


def _states(declared: Any) -> Callable[[Any], Any]:
    """Reads a list of states, or a text with commas, whatever the case and the hyphens."""
    meant = {squeezed(word): word for word in _words(declared)}

    def read(value: Any) -> Any:
        if isinstance(value, str):
            value = [part for word in value.split(",") if (part := word.strip())]
        if not isinstance(value, list):
            return value
        return [meant.get(squeezed(word), word) if isinstance(word, str) else word for word in value]

    return read


def _words(annotation: Any) -> Iterator[str]:
    """The words of a type that is one of a few."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for part in get_args(annotation):
            yield from _words(part)


def _alone(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


@cache
def filters_of(entity: Entity) -> type[Arguments]:
    """The filters of a list of the entity's items, as the API has them."""
    declared = {name: _value(field.annotation) for name, field in entity.fields.model_fields.items()}
    found: dict[str, Any] = {"tag": _several(Word, _alone), "archived": bool, "updated_since": Moment}
    if states := declared.get("status"):
        found["status"] = found["status_not"] = _several(states, _states(states))
    if entity.due:
        found["due_before"] = found["due_after"] = DateOrTime
    for name in entity.narrowing:
        found[name] = bool if declared[name] is bool else _several(declared[name], _alone)
    for name in entity.parent.fields if entity.parent else ():
        found[name] = declared[name]
    fields: Mapping[str, Any] = {name: (value | None, None) for name, value in found.items()}
    return create_model(f"Filters_{entity.kind}", __base__=Arguments, **fields)


def _value(annotation: Any) -> Any:
    """The type of a field that may be left out, without null."""
    options = get_args(annotation)
    return next(option for option in options if option is not NoneType) if NoneType in options else annotation


def _several(value: Any, read: Callable[[Any], Any]) -> Any:
    values: Any = GenericAlias(list, (value,))
    return Annotated[values, Field(min_length=1, max_length=MAX_VALUES), BeforeValidator(read), FromJson]
