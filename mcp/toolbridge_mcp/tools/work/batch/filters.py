"""The filters by which an operation finds its items."""

from collections.abc import Mapping
from functools import cache
from types import GenericAlias, NoneType
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field, create_model

from toolbridge_mcp.entities import Entity
from toolbridge_mcp.entities.entity import Arguments, FromJson, Word
from toolbridge_mcp.entities.leniency import squeezed
from toolbridge_mcp.entities.times import DateOrTime, Moment
from toolbridge_mcp.tools.work.selecting import MAX_VALUES, as_declared, words_of


def _alone(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_LIST = BeforeValidator(_alone)


@cache
def filters_of(entity: Entity) -> type[Arguments]:
    """The filters of a list of the entity's items, as the API has them."""
    declared = {name: _value(field.annotation) for name, field in entity.fields.model_fields.items()}
    found: dict[str, Any] = {"tag": _several(Word, _LIST), "archived": bool, "updated_since": Moment}
    if states := declared.get("status"):
        found["status"] = found["status_not"] = _several(
            states, as_declared({squeezed(word): word for word in words_of(states)})
        )
    if entity.due:
        found["due_before"] = found["due_after"] = DateOrTime
    for name in entity.narrowing:
        found[name] = bool if declared[name] is bool else _several(declared[name], _LIST)
    for name in entity.parent.fields if entity.parent else ():
        found[name] = declared[name]
    fields: Mapping[str, Any] = {name: (value | None, None) for name, value in found.items()}
    return create_model(f"Filters_{entity.kind}", __base__=Arguments, **fields)


def _value(annotation: Any) -> Any:
    """The type of a field that may be left out, without null."""
    options = get_args(annotation)
    return next(option for option in options if option is not NoneType) if NoneType in options else annotation


def _several(value: Any, read: BeforeValidator) -> Any:
    values: Any = GenericAlias(list, (value,))
    return Annotated[values, Field(min_length=1, max_length=MAX_VALUES), read, FromJson]
