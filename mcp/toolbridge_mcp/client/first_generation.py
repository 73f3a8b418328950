"""The client of an API of the first generation.

That API forgets a child's parent on PUT, ignores `If-Match` on all but PUT and PATCH, lets a POST replace an
existing item, and does not filter lists. So the stored item is read before such a write, in the same session.
The gateway does not notice a write of somebody else between the two. Our own API checks within the write.
"""

from dataclasses import replace
from uuid import UUID

from toolbridge_mcp.client.call import ITEM, Call
from toolbridge_mcp.client.document import Document
from toolbridge_mcp.client.sessions import OpenedSession
from toolbridge_mcp.errors import AlreadyExists, CannotFilter, Deleted, NotFound, VersionMismatch

HONOURS_IF_MATCH = frozenset({"PUT", "PATCH"})
PAGING = frozenset({"limit", "cursor", "includeDeleted", "maxBytes"})
"""Parameters of a list that narrow nothing. The API ignores those that it does not know."""


class FirstGeneration(OpenedSession):
    """The requests of one tool call to such an API."""

    async def send(self, call: Call) -> Document:
        if call.query.keys() - PAGING:
            raise CannotFilter
        if call.uid is None:
            await self._refuse_existing(call)
        elif call.method == "PUT":
            call = await self._with_parent(call)
        elif call.if_match is not None and call.method not in HONOURS_IF_MATCH:
            await self._check_version(call)
        return await super().send(call)

    async def _stored(self, call: Call, uid: UUID) -> Document:
        return await super().send(Call("GET", ITEM, call.entity, uid))

    async def _with_parent(self, call: Call) -> Call:
        """The call with the parent that the item has, if the call names none."""
        body = call.body or {}
        missing = [key for key in call.entity.parent_keys if key not in body]
        if call.uid is None or not missing:
            return call
        stored = (await self._stored(call, call.uid)).data["payload"]
        return replace(call, body={**{key: stored[key] for key in missing if key in stored}, **body})

    async def _check_version(self, call: Call) -> None:
        if call.uid is None:
            return
        stored = await self._stored(call, call.uid)
        if stored.data.get("version") != call.if_match:
            raise VersionMismatch

    async def _refuse_existing(self, call: Call) -> None:
        """A POST that names the uid of an item, tombstones included, would replace it."""
        if call.method != "POST" or not call.body or "uid" not in call.body:
            return
        try:
            await self._stored(call, UUID(str(call.body["uid"])))
        except NotFound:
            return
        except Deleted:
            pass
        raise AlreadyExists
