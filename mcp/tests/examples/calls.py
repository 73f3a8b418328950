"""One call of every tool, and the answers."""

from collections.abc import Iterator
from typing import Any

from mcp.types import Tool as WireTool
from pydantic_core import from_json

from tests.examples.values import CALLS, NEW, UPDATES, Values
from tests.examples.world import Answer, World
from tests.harness.clients import required_fields
from tests.harness.published import sample_value
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.entities.schema import published_schema
from toolbridge_mcp.tools.examples import example_call
from toolbridge_mcp.tools.operations import OPERATIONS, Operation
from toolbridge_mcp.tools.toolsets import CRUD

SHORT_ID = 8


async def all_tools(world: World, toolset: str) -> list[tuple[WireTool, Answer]]:
    """The tools of a toolset, each with the answer to a call of it, which succeeded."""
    tools = await world.tools()
    if toolset == CRUD:
        arguments = {name: values for entity in ENTITIES for name, values in _operations(world, entity)}
    else:
        arguments = {tool.name: _work(tool) for tool in tools}
    answers = [await world.call(tool.name, arguments[tool.name]) for tool in tools]
    for answer in answers:
        assert not answer.failed, f"{answer.tool} {answer.arguments}: {answer.text}"
    return list(zip(tools, await world.shown(answers), strict=True))


def _work(tool: WireTool) -> Values:
    """The arguments of an example of a tool that is not of one entity."""
    least: Values = from_json(example_call(tool.input_schema) or "{}")
    return CALLS.get(tool.name, least if tool.input_schema.get("required") else {})


def _operations(world: World, entity: Entity) -> Iterator[tuple[str, Values]]:
    for operation in OPERATIONS:
        name = operation.tool_name(entity)
        yield name, CALLS.get(name) or _operation(world, operation, entity)


def _operation(world: World, operation: Operation, entity: Entity) -> Values:
    """The arguments of an example: of an operation that takes something away, on the second item."""
    first, second = (uid[:SHORT_ID] for uid in world.items[entity.kind])
    match operation.verb:
        case "list":
            return {"limit": 1}
        case "create":
            return {**world.parent(entity), **NEW.get(entity.kind, required_fields(entity))}
        case "update":
            return {"uid": second, "if_match": 1, **NEW.get(entity.kind, required_fields(entity))}
        case "patch":
            return {"uid": first, "if_match": 1, "updates": UPDATES.get(entity.kind) or _update(entity)}
        case "delete":
            return {"uid": second}
    schema = published_schema(operation.arguments(entity))
    needed = [name for name in schema["required"] if name != "uid"]
    return {"uid": first, **{name: sample_value(name, schema["properties"][name]) for name in needed}}


def _update(entity: Entity) -> dict[str, Any]:
    """Other tags, or if the entity has none, another text."""
    has_tags = "tags" in entity.fields.model_fields
    return {"tags": ["later"]} if has_tags else {entity.text: "Another text"}
