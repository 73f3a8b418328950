"""One item as a resource: `toolbridge://note/3f9a01bc`."""

from typing import Any, Self

from fastmcp.resources import ResourceTemplate
from fastmcp.resources.base import ResourceResult
from mcp.types import ResourceTemplate as WireTemplate
from pydantic import PrivateAttr

from toolbridge_mcp.client import ApiClient, Origin
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.entities.uids import read_reference
from toolbridge_mcp.errors import NotFound
from toolbridge_mcp.identity import client_name
from toolbridge_mcp.metrics import count_hidden
from toolbridge_mcp.resilience import CallLimits
from toolbridge_mcp.resources.failures import failure
from toolbridge_mcp.resources.reading import find, measure
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.guarded import CallFailed, Guarded
from toolbridge_mcp.tools.work import children

SCHEME = "toolbridge"

CHILDREN = children.Wanted(remarks=True, messages=20)
CHILDREN_TOKENS = 6_000
ITEM_TOKENS = 12_000
"""Both together stay below what hosts take of one text."""


def address(entity: Entity, uid: str) -> str:
    """The URI of an item, or with `{uid}` the template of all."""
    return f"{SCHEME}://{entity.kind}/{uid}"


class ItemTemplate(ResourceTemplate):
    """The items of one entity as Markdown, each with the newest of what belongs to it."""

    _entity: Entity = PrivateAttr()
    _client: ApiClient = PrivateAttr()
    _guarded: Guarded = PrivateAttr()

    @classmethod
    def of(cls, entity: Entity, client: ApiClient, limits: CallLimits, scope: str) -> Self:
        word = entity.words["word"]
        belonging = " and ".join(child.words["words"] for child, _ in CHILDREN.of(entity.kind))
        template = cls(
            uri_template=address(entity, "{uid}"),
            name=entity.kind,
            title=word.capitalize(),
            description=f"A {word}{f', with its newest {belonging}' if belonging else ''}. Short ids do too.",
            mime_type="text/markdown",
            parameters={"type": "object", "properties": {"uid": {"type": "string"}}, "required": ["uid"]},
        )
        template._entity, template._client = entity, client
        template._guarded = Guarded(f"resource_{entity.kind}", scope, False, entity.words, limits)
        return template

    @property
    def scope(self) -> str:
        """What a caller's token must allow."""
        return self._guarded.scope

    def to_mcp_template(self, **overrides: Any) -> WireTemplate:
        """Without FastMCP's own `_meta`, which says nothing."""
        return super().to_mcp_template(**{"_meta": None, **overrides})

    async def read(self, arguments: dict[str, Any]) -> ResourceResult:
        uid = str(arguments["uid"])
        try:
            text = await self._guarded.call(self._shown, uid)
        except CallFailed as failed:
            raise failure(failed, address(self._entity, uid)) from None
        measure(text)
        return self.convert_result(text)

    async def _read(self, uri: str, params: dict[str, Any]) -> ResourceResult:  # noqa: ARG002
        return await self.read(params)

    async def _shown(self, uid: str, correlation_id: str) -> str:
        if read_reference(uid) is None:
            raise NotFound
        caller = Caller(self._client, Origin(correlation_id, self._guarded.name, client_name()))
        found = await find(self._entity, uid, CHILDREN, caller)
        if found.has_hidden:
            count_hidden(self._entity.kind)
        return await found.shown(ITEM_TOKENS, CHILDREN, CHILDREN_TOKENS, caller)
