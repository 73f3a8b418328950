"""What the product publishes about itself: its tools, and the rules of each kind of item.

Both are pinned in files that other tests compare with the running programs. End-to-end tests take names,
parents, actions and sample values from here, so a new entity needs no edit in them.
"""

import json
from dataclasses import dataclass
from typing import Any

from tests.harness.processes import REPOSITORY

Json = dict[str, Any]

TOOLS_FILE = REPOSITORY / "mcp/tests/surface/tools.json"
"""The tools as `tools/list` publishes them."""

CONTRACT_FILE = REPOSITORY / "api/internal/httpapi/testdata/contract.json"
"""The entities, operations and error codes as `GET /v1/sync/info` publishes them."""

CONTRACT: Json = json.loads(CONTRACT_FILE.read_text())
SCHEMAS: dict[str, Json] = {tool["name"]: tool["inputSchema"] for tool in json.loads(TOOLS_FILE.read_text())}
TOOLS = frozenset(SCHEMAS)
"""The names of all tools."""


@dataclass(frozen=True)
class Kind:
    """One kind of item. Payload keys are camelCase, arguments of tools snake_case."""

    name: str
    plural: str
    archive: Json
    """The payload keys that archiving sets."""

    actions: dict[str, Json]
    """The payload keys that each action sets."""

    parent: Json
    """`uid` and, if there are several kinds of parents, `type` name payload keys; `kinds` the kinds."""

    @property
    def parent_keys(self) -> tuple[str, ...]:
        return tuple(self.parent[part] for part in ("type", "uid") if part in self.parent)

    def tools(self) -> set[str]:
        """The names of this kind's tools."""
        return {name for name in TOOLS if name.partition("_")[2] in {self.name, self.plural}}

    def arguments(self, *, required_only: bool = False) -> Json:
        """Arguments of `create` and `update`: a value for each field, its parent aside."""
        schema = SCHEMAS[f"create_{self.name}"]
        names = schema["required"] if required_only else schema["properties"]
        besides = {
            "additional_fields",
            "return_item",
            *(name for name in names if camel(name) in self.parent_keys),
        }
        return {name: sample_value(name, schema["properties"][name]) for name in names if name not in besides}


def required_arguments(tool: str, uid: str) -> Json:
    """The least that a tool needs on the item `uid`."""
    schema = SCHEMAS[tool]
    given = {name: sample_value(name, schema["properties"][name]) for name in schema["required"]}
    return {**given, "uid": uid}


def sample_value(name: str, schema: Json) -> Any:
    """A value that the schema of a field allows."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("description", "").startswith("ISO 8601"):
        return "2026-01-31T09:30:00+01:00"
    values = {
        "string": f"{name} \u00e4 \u725b\u4e73 \U0001f600",
        "boolean": True,
        "array": ["one", "two"],
        "integer": 7,
        "number": 0.5,
        "object": {"one": 1},
    }
    return values[schema["type"]]


def camel(name: str) -> str:
    """The API's name of an argument."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


KINDS: dict[str, Kind] = {
    row["kind"]: Kind(row["kind"], plural, row["archive"], row["actions"], row.get("parent", {}))
    for plural, row in sorted(CONTRACT["entities"].items(), key=lambda entry: "parent" in entry[1])
}
"""All kinds by name. Those that need no parent come first."""

CRUD: frozenset[str] = frozenset().union(*(kind.tools() for kind in KINDS.values()))
"""The names of the tools of the toolset `crud`, which every API can serve."""
