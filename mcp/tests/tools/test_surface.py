"""The published tools: what every AI client reads first."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.clients import Tools
from tests.surface.write import FILE, published
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.tools.operations import OPERATIONS

MAX_BYTES_A_TOOL = 600
PINNED: list[dict[str, Any]] = json.loads(FILE.read_text())
each_tool = pytest.mark.parametrize("tool", PINNED, ids=lambda tool: tool["name"])


@pytest.mark.anyio
async def test_the_tools_are_those_of_the_pinned_file() -> None:
    assert await published() == FILE.read_text(), "run scripts/generate.sh tools and review the change"


@pytest.mark.anyio
async def test_the_list_is_small_enough_for_a_models_context(tools: Tools) -> None:
    listed = await tools.client.list_tools_mcp()
    assert len(listed.model_dump_json(by_alias=True, exclude_none=True)) <= MAX_BYTES_A_TOOL * len(
        listed.tools
    )


def test_the_tools_are_every_operation_on_every_entity() -> None:
    names = [tool["name"] for tool in PINNED]
    assert names == [operation.tool_name(entity) for entity in ENTITIES for operation in OPERATIONS]
    assert len(set(names)) == len(names)


@each_tool
def test_every_tool_tells_what_it_does_and_how_dangerous_it_is(tool: dict[str, Any]) -> None:
    verb = tool["name"].split("_")[0]
    hints = tool["annotations"]
    assert tool["description"]
    assert hints["readOnlyHint"] == (verb in {"list", "get"})
    assert hints.get("destructiveHint", False) == (verb in {"update", "patch", "delete"})
    assert hints["openWorldHint"] is False
    assert ("if_match" in tool["inputSchema"]["properties"]) == (verb not in {"list", "get", "create"})


@each_tool
def test_schemas_avoid_what_hosts_choke_on(tool: dict[str, Any]) -> None:
    schema = tool["inputSchema"]
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    for node in nodes(schema):
        assert not node.keys() & {"$ref", "$defs", "anyOf", "oneOf", "allOf", "title"}
        assert isinstance(node["type"], str)
        if node["type"] == "array":
            assert node["items"]["type"]
    assert len(f"mcp__toolbridge__{tool['name']}") <= 64
    assert len(tool["description"]) <= 2048


@each_tool
def test_a_uid_is_a_uuid_and_an_action_is_one_of_a_few(tool: dict[str, Any]) -> None:
    properties = tool["inputSchema"]["properties"]
    for name, schema in properties.items():
        if name == "uid" or name.endswith("_uid"):
            assert schema["format"] == "uuid"
    if tool["name"].startswith("process_"):
        assert properties["action"]["enum"]


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema and every schema within it."""
    yield schema
    for child in (*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])):
        yield from nodes(child)
