"""Examples of what a tool takes, made from its schema."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from toolbridge_mcp.entities.schema import Schema, published_schema

_TEXTS = {
    "cursor": "MHwz",
    "item": "note:3f9a01bc",
    "due_date": "2026-12-04",
    "since": "2026-12-04",
    "tag": "ops",
    "title": "Weekly plan",
    "updated_since": "2026-12-04",
}
_ID = "3f9a01bc"


def example_for(model: type[BaseModel]) -> str:
    """The arguments of a valid call as JSON: the model's own `EXAMPLE`, or what its schema says."""
    return getattr(model, "EXAMPLE", "") or example_call(published_schema(model))


def example_call(schema: Schema) -> str:
    """The arguments of a valid call as JSON: those that are required, else the first one there is."""
    properties = schema.get("properties", {})
    names = schema.get("required") or [*properties][:1]
    return json.dumps({name: _value(name, properties[name]) for name in names}) if names else ""


def example_of(name: str, schema: Schema, model: type[BaseModel]) -> str:
    """A valid value of an argument of `model`, as JSON."""
    return json.dumps(own_example(model).get(name) or _value(name, schema))


def own_example(model: type[BaseModel]) -> Mapping[str, Any]:
    """The example that a model declares, because its schema says too little for one; empty without one."""
    example: Mapping[str, Any] = json.loads(getattr(model, "EXAMPLE", "{}"))
    return example


def _value(name: str, schema: Schema) -> Any:
    if words := schema.get("enum"):
        return words[0]
    match schema.get("type"):
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "array":
            return _list(name, schema.get("items", {}))
        case "object":
            properties = schema.get("properties", {})
            names = schema.get("required") or [*properties][:1]
            return {inner: _value(inner, properties[inner]) for inner in names}
    if name == "uid" or name.endswith("_uid"):
        return _ID
    return _TEXTS.get(name, "Text")


def _list(name: str, items: Schema) -> list[Any]:
    if words := items.get("enum"):
        return [*words[:2]]
    if items.get("type") == "string":
        return [f"note:{_ID}"] if name == "items" else ["a", "b"]
    return [_value("", items)]
