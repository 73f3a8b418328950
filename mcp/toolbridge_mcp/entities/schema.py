"""JSON Schema as every AI client takes it."""

from functools import cache
from typing import Any

from pydantic import BaseModel, WithJsonSchema

Schema = dict[str, Any]

KEYWORDS = frozenset({"type", "description", "properties", "required", "items", "enum", "minimum", "maximum"})
"""The keywords of JSON Schema that every client takes. For others some refuse the tool, or all tools: Gemini
for `additionalProperties`, `default` and most values of `format`, OpenAI's strict mode for `default`. The
gateway checks also what a schema does not say, and a description says what a model must know."""


def any_object(description: str, example: str) -> WithJsonSchema:
    """The schema of an object with any keys, as an annotation of its type. It names one key as an example: if
    an object declares no property, Gemini refuses all tools."""
    properties = {example: {"type": "string"}}
    return WithJsonSchema({"type": "object", "properties": properties, "description": description})


@cache
def published_schema(model: type[BaseModel]) -> Schema:
    """The model's schema by field names, in `KEYWORDS` alone: references are resolved, and a field that may
    be null has the schema of its value. It is made once for each model and must not be changed."""
    schema = model.model_json_schema(by_alias=False)
    return _plain(schema, schema.pop("$defs", {}))


def formats(model: type[BaseModel]) -> dict[str, str]:
    """The format of each field that is declared with one."""
    schema = model.model_json_schema(by_alias=False)
    definitions = schema.pop("$defs", {})
    fields = {name: _resolved(node, definitions) for name, node in schema["properties"].items()}
    return {name: node["format"] for name, node in fields.items() if "format" in node}


def _plain(node: Schema, definitions: Schema) -> Schema:
    node = _resolved(node, definitions)
    plain: Schema = {}
    for key, value in node.items():
        if key == "properties":
            plain[key] = {name: _plain(field, definitions) for name, field in value.items()}
        elif key == "items":
            plain[key] = _plain(value, definitions)
        elif key == "const":
            plain["enum"] = [value]
        elif key in KEYWORDS:
            plain[key] = value
    return plain


def _resolved(node: Schema, definitions: Schema) -> Schema:
    """The node with its reference replaced and its one alternative that is not null taken."""
    if "$ref" in node:
        definition = definitions[node["$ref"].rpartition("/")[2]]
        return _resolved({**definition, **{key: node[key] for key in node if key != "$ref"}}, definitions)
    alternatives = [option for option in node.get("anyOf", ()) if option.get("type") != "null"]
    if len(alternatives) == 1:
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        return _resolved({**alternatives[0], **rest}, definitions)
    return node
