"""The client of an API of the first generation.

That API forgets a parent on PUT, ignores `If-Match` on all but PUT and PATCH, lets a POST replace an existing
item, and does not filter lists. So the gateway reads the stored item before such a write, and narrows lists
itself, in the same session. It does not notice a write of somebody else between the read and the write. Our
own API checks within the write.
"""

from contextlib import suppress

from pydantic.alias_generators import to_snake

from toolbridge_mcp.client.call import COLLECTION, ITEM, Call, Origin
from toolbridge_mcp.client.description import ServerInfo
from toolbridge_mcp.client.document import Document, JsonObject
from toolbridge_mcp.client.narrowing import Narrowing, is_last, without_cursor
from toolbridge_mcp.client.selection import PAGING
from toolbridge_mcp.client.sessions import OpenedSession
from toolbridge_mcp.client.upstream import Upstream
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.entities.uids import is_whole, read_reference
from toolbridge_mcp.errors import (
    AlreadyExists,
    AnswerTooLong,
    ApiFailed,
    Deleted,
    InvalidArguments,
    InvalidRequest,
    NotFound,
    ParentNotFound,
    ToolBridgeError,
    VersionMismatch,
)

HONOURS_IF_MATCH = frozenset({"PUT", "PATCH"})
NUL = b"\\u0000"
"""U+0000 as a body holds it. That API cannot store it, and says no more than that it failed."""


class FirstGeneration(OpenedSession):
    """The requests of one tool call to such an API."""

    def __init__(self, upstream: Upstream, info: ServerInfo, origin: Origin) -> None:
        super().__init__(upstream, info, origin)
        self._info = info

    async def send(self, call: Call) -> Document:
        _refuse_short_ids(call)
        if call.method == "GET" and call.route == COLLECTION:
            return await self._list(call)
        if call.uid is None:
            await self._refuse_existing(call)
        elif call.method == "PUT":
            call = await self._with_parent(call)
        elif call.if_match is not None and call.method not in HONOURS_IF_MATCH:
            await self._check_version(call)
        try:
            return await super().send(call)
        except ApiFailed as failure:
            raise await self._cause(call, failure) from failure

    async def _list(self, call: Call) -> Document:
        """A page. That API knows neither filters nor `maxBytes`, and gives the last page a cursor."""
        described = self._info.entities.get(call.collection.plural)
        most = described.max_limit if described else 0
        if not call.query.keys() - PAGING:
            with suppress(AnswerTooLong):
                page = await super().send(call)
                limit, max_bytes = (int(call.query.get(name, 0)) for name in ("limit", "maxBytes"))
                if not max_bytes or page.size <= max_bytes:
                    return without_cursor(page) if is_last(page, limit, most) else page
        return await Narrowing(call, super().send, most).page()

    async def _stored(self, call: Call, uid: str) -> Document:
        return await super().send(Call("GET", ITEM, call.collection, uid))

    async def _with_parent(self, call: Call) -> Call:
        """The call with the parent that the item has, if the call names none."""
        body = call.body or {}
        missing = [key for key in call.collection.parent_keys if key not in body]
        if call.uid is None or not missing:
            return call
        stored = (await self._stored(call, call.uid)).data["payload"]
        return call._replace(body={**{key: stored[key] for key in missing if key in stored}, **body})

    async def _check_version(self, call: Call) -> None:
        if call.uid is None:
            return
        present = (await self._stored(call, call.uid)).data.get("version")
        if present != call.if_match:
            sentence = f"version mismatch: expected {call.if_match}, actual {present}"
            raise VersionMismatch(sentence, facts={"actual": present})

    async def _refuse_existing(self, call: Call) -> None:
        """A POST that names the uid of an item, tombstones included, would replace it."""
        if call.method != "POST" or not call.body or "uid" not in call.body:
            return
        try:
            await self._stored(call, str(call.body["uid"]))
        except NotFound:
            return
        except Deleted:
            pass
        raise AlreadyExists

    async def _cause(self, call: Call, failure: ApiFailed) -> ToolBridgeError:
        """What was wrong with a write that failed. That API reports a caller's mistake as its own failure."""
        if not call.writes:
            return failure
        if NUL in (call.content() or b""):
            return InvalidRequest("a text holds the character U+0000", correlation_id=failure.correlation_id)
        if call.collection.parent and not await self._has_parent(call):
            return ParentNotFound(correlation_id=failure.correlation_id)
        return failure

    async def _has_parent(self, call: Call) -> bool:
        """Whether the parent of the item exists that the call would leave behind."""
        try:
            stored = (await self._stored(call, call.uid)).data.get("payload", {}) if call.uid else {}
            uid = _parent(call.collection, stored if call.method != "PUT" else {}, call.body or {})
            if uid is None:
                return False
            await super().send(uid)
        except (NotFound, Deleted):
            return False
        return True


def _parent(entity: Entity, stored: JsonObject, sent: JsonObject) -> Call | None:
    """The call that reads the parent; None if the payload does not name one."""
    if entity.parent is None:
        return None
    payload = {**stored, **sent}
    *kinds, uid = (payload.get(key) for key in entity.parent_keys)
    kind = kinds[0] if kinds else entity.parent.kinds[0]
    reference = read_reference(str(uid))
    other = next((other for other in ENTITIES if other.kind == kind), None)
    return Call("GET", ITEM, other, reference.uid) if reference and other else None


def _refuse_short_ids(call: Call) -> None:
    """That API would find nothing by a short id, or store it as it is."""
    key = call.collection.parent_keys[-1] if call.collection.parent else ""
    named = {"uid": call.uid, key: call.query.get(key) or (call.body or {}).get(key)}
    for name, uid in named.items():
        if isinstance(uid, str) and (reference := read_reference(uid)) and not is_whole(reference.uid):
            problem = f"{to_snake(name)} should be a whole UUID, since this API knows no short ids."
            raise InvalidArguments(facts={"problems": problem})
