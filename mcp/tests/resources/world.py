"""Connections of an AI client, and what it reads by them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, TypeAlias

import pytest
from mcp import MCPError
from mcp.types import INVALID_PARAMS, TextResourceContents

from tests.harness.clients import Rest, Tools, over_http, over_sse, sample
from toolbridge_mcp.entities import ENTITIES, Entity

Connect: TypeAlias = Callable[[str, str], AbstractAsyncContextManager[Tools]]

CONNECTIONS: dict[str, Connect] = {
    "SSE": over_sse,
    "2026-07-28": over_http,
    "sessions": partial(over_http, mode="legacy"),
}
each_connection = pytest.mark.parametrize("connect", CONNECTIONS.values(), ids=CONNECTIONS)


async def read(tools: Tools, uri: str) -> str:
    """The text of a resource."""
    (content,) = await tools.client.read_resource(uri)
    assert isinstance(content, TextResourceContents)
    assert content.uri == uri
    return content.text


async def refusal(tools: Tools, uri: str, code: int = INVALID_PARAMS) -> str:
    """The message of a reading that must fail."""
    with pytest.raises(MCPError) as raised:
        await tools.client.read_resource(uri)
    assert raised.value.error.code == code
    return raised.value.error.message


async def create(rest: Rest, entity: Entity, **fields: Any) -> dict[str, Any]:
    """A new item, under a new parent if it needs one."""
    payload = {**sample(entity), **fields}
    parent = entity.parent
    if parent and not set(entity.parent_keys) & payload.keys():
        (owner,) = (other for other in ENTITIES if other.kind == parent.kinds[0])
        above = (await create(rest, owner))["uid"]
        payload |= dict(zip(entity.parent_keys[::-1], (above, owner.kind), strict=False))
    return await rest.create(entity, payload)
