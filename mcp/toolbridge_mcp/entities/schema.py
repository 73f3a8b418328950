"""JSON Schema as AI clients can digest it."""

from functools import cache
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]


@cache
def published_schema(model: type[BaseModel]) -> Schema:
    """The model's schema by field names, without what hosts choke on or an AI model need not read:
    no `$ref`, no alternative `null`, no default of null, no generated titles.
    It is made once for each model and must not be changed."""
    schema = model.model_json_schema(by_alias=False)
    return _plain(schema, schema.pop("$defs", {}))


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
        elif key == "additionalProperties" and value is True:
            continue  # the default in JSON Schema
        elif key != "title" and not (key == "default" and value is None):
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
