"""The page `docs/tools.md`: every tool with its arguments, one call and its answer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from mcp.types import Tool as WireTool
from pydantic import BaseModel
from pydantic_core import to_json

from tests.examples.page import arguments_text, fenced, table, words
from tests.examples.world import Answer
from tests.harness.processes import REPOSITORY
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.entities.schema import Schema, published_schema
from toolbridge_mcp.tools.operations import OPERATIONS
from toolbridge_mcp.tools.toolsets import CHATGPT, CRUD, WORK
from toolbridge_mcp.tools.work import ALL_WORK

FILE = REPOSITORY / "docs/tools.md"

Example: TypeAlias = tuple[WireTool, Answer]
"""A tool, and the answer to a call of it."""

HEAD = """# The tools

Written by `scripts/generate.sh examples`, from the declarations and from calls of the running programs.
[agents.md](agents.md) says how to work with the tools, [clients.md](clients.md) which address offers which.

- **An item** is named by its uid, by the first 8 or more digits of that, or by its kind and these, as in
  `note:3f9a01bc`. The tools of `work` also take its exact title.
- **Dates and times** are those of ISO 8601; a time without a zone is in UTC. `tomorrow`, `friday` and `in 3
  days` are taken where the user's time zone is known.
- **Lists and objects** may also come as JSON in a text.
- **Text and structure** of an answer say the same; some clients show a model the one, some the other.

In the examples it is always 09:00 UTC on Thursday, 2026-11-26. Cursors, new ids and amounts of stored bytes
are made up, so that the page changes only if the tools do.
"""

ABOUT: Mapping[str, str] = {
    WORK: "For everyday work, in few calls. They take and show items of every kind.",
    CRUD: "One tool for each operation on each kind of item. These arguments do not depend on the kind; the "
    "tables of the kinds have the others.",
    CHATGPT: "What ChatGPT's connectors and deep research look for, with `?toolsets=chatgpt`.",
}

MEANINGS: Mapping[str, str] = {
    "uid": "The item",
    "kinds": "Only items of these kinds",
    "status": "Only items in one of these states",
    "tag": "Only items with this tag",
    "updated_since": "Only what was changed at this date or time or later",
    "due_before": "Only what is due before this date or time",
    "due_after": "Only what is due at this date or time or later",
    "cursor": "What the page before ended with; the other arguments stay the same",
    "limit": "How many items or lines at most",
    "max_tokens": "About how many tokens the answer may have",
    "include_deleted": "Deleted items too; they have no payload",
    "order": "By time of change: the oldest first, unless it is `desc`",
    "view": "A line for each item, or JSON if it is `full`",
    "fields": "JSON with only these fields of each item",
    "additional_fields": "Fields that are not declared, such as `source`",
    "return_item": "Answer with the whole item",
    "if_match": "Write only if the item still has this version",
    "updates": "The fields to set, also undeclared ones",
    "metadata": "Context of the action, such as a reason; not stored",
    "dry_run": "Say what would happen, and store nothing",
    "due_within_days": "How many days ahead counts as soon",
    "with_comments": "With the comments on each item",
    "with_messages": "With so many of the newest messages of a chat",
    "own": "`false` leaves out what this client did",
    "edits": "Passages to replace",
    "edits[].count": "How often the passage is there; 1 unless given",
    "append": "Text for the end of the stored text, or of a section",
    "prepend": "Text for the beginning",
    "heading": "The Markdown section to which `append` goes",
    "field": "Another text of the item than its main one",
    "operations": "1 to 100 operations, in their order",
    "operations[].op": "What to do; the name of an action, such as `complete`, stands for `process` with it",
    "operations[].kind": "Of a new item, and of what `where` finds",
    "operations[].item": "The item, or `$1`: the one that operation 1 makes",
    "operations[].where": "In place of `item`, all items that match: `tag`, `status`, `status_not`, "
    "`archived`, `updated_since`, the parent, and `priority`, `pinned`, `read`, `due_before`, `due_after` "
    "where the kind has them",
    "operations[].at_most": "Fail if more than so many match; 100 unless given, at most 1000",
    "operations[].fields": "Of `create`, `patch` and `replace`; a parent may be `$1`",
    "operations[].action": "Of `process`",
    "operations[].add": "Of `tags`: tags to add",
    "operations[].remove": "Of `tags`: tags to remove",
    "operations[].edits": "Of `edit`, which takes all that `edit_text` takes",
    "operations[].append": "Of `edit`",
    "operations[].version": "Of `restore`: the version to bring back; without it, what a deleted item was",
}
"""What arguments mean, where people need more words than models. Others have the words that models read."""


def render(examples: Mapping[str, Sequence[Example]]) -> str:
    """`examples` has the tools of each toolset."""
    sections = (line for toolset, tools in examples.items() for line in _section(toolset, tools))
    return "\n".join((HEAD, *sections)).rstrip() + "\n"


def _section(toolset: str, tools: Sequence[Example]) -> Iterator[str]:
    yield from (f"## {toolset}\n", f"{ABOUT[toolset]}\n")
    if toolset == CRUD:
        yield from _of_entities({tool.name: (tool, answer) for tool, answer in tools})
        return
    models = {work.name: work.arguments for work in ALL_WORK} if toolset == WORK else {}
    for tool, answer in tools:
        yield from (f"### `{tool.name}`\n", f"{tool.description}\n")
        rows = list(_rows(tool.input_schema, models.get(tool.name)))
        yield from table(("argument", "value", "default", "meaning"), rows)
        yield from _example(answer)


def _of_entities(tools: Mapping[str, Example]) -> Iterator[str]:
    yield from table(("argument", "of", "value", "default", "meaning"), list(_shared()))
    for entity in ENTITIES:
        name = entity.words["words"]
        yield f"### {name[0].upper()}{name[1:]}\n"
        yield from table(("field", "value", "for a new one", "meaning"), list(_fields(entity)))
        for operation in OPERATIONS:
            tool, answer = tools[operation.tool_name(entity)]
            yield f"#### `{tool.name}`\n"
            yield f"{tool.description} Arguments: {_names(tool.input_schema)}.\n"
            yield from _example(answer)


def _shared() -> Iterator[Sequence[str]]:
    """The arguments that are no fields of an entity, with the verbs of the tools that take them."""
    found: dict[str, dict[str, type[BaseModel]]] = {}
    for entity in ENTITIES:
        for operation in OPERATIONS:
            model: type[BaseModel] = operation.arguments(entity)
            for name in model.model_fields.keys() - entity.fields.model_fields.keys() - {"action"}:
                found.setdefault(name, {}).setdefault(operation.verb, model)
    order = [*MEANINGS, *sorted(found.keys() - MEANINGS.keys())]
    for name in sorted(found, key=order.index):
        first = next(iter(found[name].values()))
        schema = published_schema(first)["properties"][name]
        verbs = ", ".join(found[name])
        yield f"`{name}`", verbs, _value(schema), _default(first, name), _meaning(name, schema)


def _fields(entity: Entity) -> Iterator[Sequence[str]]:
    schema = published_schema(entity.fields)
    for name, field in schema["properties"].items():
        required = "required" if name in schema.get("required", ()) else ""
        yield f"`{name}`", _value(field), required, field.get("description", "")


def _names(schema: Schema) -> str:
    """The names of the arguments, the required ones first."""
    required = schema.get("required", ())
    named = {name: f"`{name}`" for name in schema["properties"]}
    if "action" in named:
        named["action"] += f" ({_value(schema['properties']['action'])})"
    needed = ", ".join(named[name] for name in required)
    others = ", ".join(shown for name, shown in named.items() if name not in required)
    return "; ".join(part for part in (f"{needed}, required" if needed else "", others) if part)


def _rows(schema: Schema, model: type[BaseModel] | None, path: str = "") -> Iterator[Sequence[str]]:
    """The arguments, and below a list of objects their parts."""
    for name, field in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        default = "required" if required else _default(model, name) if model else ""
        yield f"`{path}{name}`", _value(field), default, _meaning(f"{path}{name}", field)
        if "properties" in field.get("items", ()):
            yield from _rows(field["items"], None, f"{path}{name}[].")


def _value(schema: Schema) -> str:
    if allowed := schema.get("enum"):
        return words(allowed, "or")
    match schema.get("type"):
        case "integer":
            return f"whole number{_bounds(schema)}"
        case "number":
            return f"number{_bounds(schema)}"
        case "boolean":
            return "true or false"
        case "array":
            return f"list of {_several(schema['items'])}"
    return str(schema.get("type", "text")).replace("string", "text")


def _several(items: Schema) -> str:
    return words(items["enum"], "and") if "enum" in items else f"{_value(items)}s"


def _bounds(schema: Schema) -> str:
    if "maximum" in schema:
        return f", {schema.get('minimum', '')} to {schema['maximum']}"
    return f", from {schema['minimum']}" if "minimum" in schema else ""


def _meaning(path: str, schema: Schema) -> str:
    return MEANINGS.get(path) or schema.get("description") or MEANINGS.get(path.rpartition(".")[2], "")


def _default(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    if field.is_required():
        return "required"
    return "" if field.default is None else f"`{to_json(field.default).decode()}`"


def _example(answer: Answer) -> Iterator[str]:
    yield fenced("json", arguments_text(answer.arguments))
    yield f"\n{'Text and structure' if answer.structured else 'Text'}:\n"
    yield f"{fenced('json' if answer.structured else 'text', answer.text)}\n"
