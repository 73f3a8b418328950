"""Hints are true: a client repeats a call, or asks the user, by them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.clients import Tools, arguments_for, in_memory, settings_for
from tests.harness.first_generation import first_generation
from tests.harness.processes import running
from toolbridge_mcp.app import create_server
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.tools.operations import OPERATIONS, Operation

pytestmark = pytest.mark.anyio
CHANGES = [operation for operation in OPERATIONS if operation.conditional]
each_entity = pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.kind)
each_change = pytest.mark.parametrize("operation", CHANGES, ids=lambda operation: operation.verb)


@pytest.fixture
async def older(tmp_path: Path, bearer: str) -> AsyncIterator[Tools]:
    """The tools in front of an API that makes a version of every write."""
    with running(first_generation(tmp_path)) as api:
        async with in_memory(create_server(settings_for(api.url)), bearer) as tools:
            yield tools


@each_entity
@each_change
async def test_a_call_that_may_be_repeated_changes_nothing_the_second_time(
    operation: Operation, entity: Entity, tools: Tools
) -> None:
    assert await may_be_repeated(operation, entity, tools)
    once, twice = await done_twice(operation, entity, tools)
    assert once == twice


@each_entity
async def test_in_front_of_an_older_api_only_a_deletion_may_be_repeated(entity: Entity, older: Tools) -> None:
    for operation in CHANGES:
        once, twice = await done_twice(operation, entity, older)
        assert await may_be_repeated(operation, entity, older) == (once == twice)
        assert (once == twice) == (operation.verb == "delete")


async def may_be_repeated(operation: Operation, entity: Entity, tools: Tools) -> bool:
    listed = {tool.name: tool for tool in await tools.client.list_tools()}
    annotations = listed[operation.tool_name(entity)].annotations
    assert annotations
    return bool(annotations.idempotent_hint)


async def done_twice(operation: Operation, entity: Entity, tools: Tools) -> list[dict[str, Any]]:
    """The item after a call, and after the same call again."""
    uid = (await tools.create(entity))["uid"]
    seen = []
    for _ in range(2):
        await tools.result(operation.tool_name(entity), **arguments_for(operation, entity, uid))
        seen.append(await tools.call(f"get_{entity.kind}", uid=uid, include_deleted=True))
    return seen
