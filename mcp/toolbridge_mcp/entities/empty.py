"""Arguments that clients fill in although they mean to leave them out."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

EMPTY: tuple[Any, ...] = (None, "", "null", "none", "undefined", [], {})
"""What clients send for such an argument. In texts, case and blanks around them do not matter."""

LONGEST_TEXT = 16


def without_empty(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given arguments of `model` without those that may be left out and have null for a value, or another
    of `EMPTY` that they cannot hold."""
    empty = _empty_values(model)
    return {
        name: value for name, value in given.items() if name not in empty or _key(value) not in empty[name]
    }


@cache
def _empty_values(model: type[BaseModel]) -> Mapping[str, frozenset[str | type]]:
    """For each field that may be left out, the keys of the values that mean just that."""
    return {
        name: frozenset(_key(value) for value in EMPTY if value is None or not _can_hold(field, value))
        for name, field in model.model_fields.items()
        if not field.is_required()
    }


def _can_hold(field: FieldInfo, value: Any) -> bool:
    declared: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    try:
        TypeAdapter(declared).validate_python(value)
    except ValidationError:
        return False
    return True


def _key(value: Any) -> str | type:
    """An empty value's key in a set, which no other value has."""
    if isinstance(value, str):
        return value.strip().lower() if len(value) < LONGEST_TEXT else object
    return type(value) if value is None or value == [] or value == {} else object
