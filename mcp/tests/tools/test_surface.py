"""The published tools: what every AI client reads first."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.clients import Tools
from tests.harness.tokens import count
from tests.surface.write import FILE, published
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.entities.schema import published_schema
from toolbridge_mcp.prompts.guides import GUIDES
from toolbridge_mcp.tools.chatgpt import ALL_CHATGPT
from toolbridge_mcp.tools.operations import OPERATIONS
from toolbridge_mcp.tools.work import ALL_WORK

MAX_TOKENS_A_TOOL = 160
PINNED: list[dict[str, Any]] = json.loads(FILE.read_text())


def named(tool: dict[str, Any]) -> str:
    return str(tool["name"])


CRUD = [tool for tool in PINNED if tool["name"] not in {work.name for work in ALL_WORK}]
CHATGPT: list[dict[str, Any]] = [
    {
        "name": work.name,
        "description": work.about,
        "inputSchema": published_schema(work.arguments),
        "annotations": work.hints.model_dump(by_alias=True, exclude_none=True),
    }
    for work in ALL_CHATGPT
]
each_tool = pytest.mark.parametrize(
    "tool", [*PINNED, *(pytest.param(tool, id=f"{tool['name']} of chatgpt") for tool in CHATGPT)], ids=named
)


@pytest.mark.anyio
async def test_the_tools_are_those_of_the_pinned_file() -> None:
    assert await published() == FILE.read_text(), "run scripts/generate.sh tools and review the change"


@pytest.mark.anyio
async def test_the_list_is_small_enough_for_a_models_context(tools: Tools) -> None:
    listed = await tools.client.list_tools_mcp()
    assert count(listed.model_dump_json(by_alias=True, exclude_none=True)) <= MAX_TOKENS_A_TOOL * len(
        listed.tools
    )


def test_the_tools_are_those_for_work_and_every_operation_on_every_entity() -> None:
    names = [tool["name"] for tool in PINNED]
    crud = [operation.tool_name(entity) for entity in ENTITIES for operation in OPERATIONS]
    assert names == [*(work.name for work in ALL_WORK), *crud]
    assert len(set(names)) == len(names)


@each_tool
def test_every_tool_tells_what_it_does_and_whether_it_writes(tool: dict[str, Any]) -> None:
    assert tool["description"]
    assert tool["annotations"]["openWorldHint"] is False
    assert isinstance(tool["annotations"]["readOnlyHint"], bool)


@pytest.mark.parametrize("tool", CRUD, ids=lambda tool: tool["name"])
def test_a_tool_on_an_entity_is_as_dangerous_as_its_verb(tool: dict[str, Any]) -> None:
    verb = tool["name"].split("_")[0]
    hints = tool["annotations"]
    assert hints["readOnlyHint"] == (verb in {"list", "get"})
    assert hints.get("destructiveHint", False) == (verb in {"update", "patch", "delete"})
    assert ("if_match" in tool["inputSchema"]["properties"]) == (verb not in {"list", "get", "create"})


KEYWORDS_OF = {
    "object": {"type", "description", "properties", "required"},
    "array": {"type", "description", "items"},
    "string": {"type", "description", "enum"},
    "integer": {"type", "description", "minimum", "maximum"},
    "number": {"type", "description", "minimum", "maximum"},
    "boolean": {"type", "description"},
}
"""The keywords that every host takes, by type. Any other costs some host the tool, or all tools:

- google-genai ends with an error at `additionalProperties: false` (googleapis/python-genai#2393), and at
  names that are no keywords, such as `ge`.
- Gemini refuses `additionalProperties`, `default`, every `format` of a text but `date-time`, an `enum` that
  is not of texts, a `required` name that is no property, and an object without any property
  (google-gemini/gemini-cli#3178, MarkusPfundstein/mcp-obsidian#21).
- OpenAI's strict mode refuses `default` and most values of `format` (dotnet/extensions#6266).
- Claude Code drops a tool with `anyOf` at the top; others fail at `$ref`, lists of types, and null.
"""


@each_tool
def test_schemas_hold_only_what_every_host_takes(tool: dict[str, Any]) -> None:
    assert tool["inputSchema"]["type"] == "object"
    for node in nodes(tool["inputSchema"]):
        assert node.keys() <= KEYWORDS_OF[node["type"]]
        assert node.get("description", "one")
        if node["type"] == "object":
            assert node["properties"]
            assert set(node.get("required", ())) <= node["properties"].keys()
            assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in node["properties"])
        if node["type"] == "array":
            assert node["items"]["type"]
        assert all(isinstance(value, str) and value for value in node.get("enum", ()))
        assert node.get("required", ["one"])


@each_tool
def test_names_and_descriptions_fit_every_host(tool: dict[str, Any]) -> None:
    """Gemini wants a letter first, hosts put their own names before a tool's, and OpenAI takes the shortest
    descriptions."""
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_-]*", tool["name"])
    assert len(f"mcp__toolbridge__{tool['name']}") <= 64
    assert len(tool["description"]) <= 1024
    assert "outputSchema" not in tool


def test_there_are_no_more_tools_than_hosts_take() -> None:
    """VS Code and OpenAI take 128 from all servers, Cursor 40. No two are one when signs are replaced."""
    assert len(PINNED) <= 64
    assert len(ALL_WORK) <= 10
    assert len({re.sub(r"\W", "_", tool["name"]).lower() for tool in PINNED}) == len(PINNED)


@each_tool
def test_schemas_are_no_larger_than_every_host_takes(tool: dict[str, Any]) -> None:
    """OpenAI's strict mode has taken five levels, 100 properties and 15,000 characters of names and words."""
    found = list(nodes(tool["inputSchema"]))
    names = [name for node in found for name in node.get("properties", ())]
    words = [word for node in found for word in node.get("enum", ())]
    assert depth(tool["inputSchema"]) <= 5
    assert len(names) <= 100
    assert len("".join([*names, *words])) <= 15_000
    assert len(set(words)) <= 250


@each_tool
def test_nothing_in_a_definition_is_hidden(tool: dict[str, Any]) -> None:
    assert json.dumps(tool, ensure_ascii=False).isprintable()


def test_names_of_prompts_become_commands() -> None:
    for guide in GUIDES:
        assert re.fullmatch(r"[a-z][a-z_]{0,40}", guide.name)
        assert len(guide.about) <= 200


@each_tool
def test_a_uid_is_a_uuid_and_an_action_is_one_of_a_few(tool: dict[str, Any]) -> None:
    properties = tool["inputSchema"]["properties"]
    for name, schema in properties.items():
        if name == "uid" or name.endswith("_uid"):
            assert schema["type"] == "string"
            assert schema.get("description", "UUID").startswith("UUID")
    if tool["name"].startswith("process_"):
        assert properties["action"]["enum"]


def depth(schema: dict[str, Any]) -> int:
    """How many objects and lists are within each other."""
    return max((1 + depth(child) for child in children(schema)), default=0)


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema and every schema within it."""
    yield schema
    for child in children(schema):
        yield from nodes(child)


def children(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
