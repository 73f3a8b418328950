"""What the first generation's API needs to be told differently.

It forgets a child's parent on PUT, ignores `If-Match` on all but PUT and PATCH, lets a POST replace an
existing item, and does not filter lists. Here the stored item is read first; another writer between that read
and the write stays unseen. Our own API checks within the write and needs none of this.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

from toolbridge_mcp.client.models import Call, Document, facts_of
from toolbridge_mcp.errors import AlreadyExists, CannotFilter, Deleted, NotFound, VersionMismatch

Exchange = Callable[[Call], Awaitable[Document]]
HONOURS_IF_MATCH = frozenset({"PUT", "PATCH"})


async def adapted(call: Call, exchange: Exchange) -> Call:
    """The call as that API must see it, or the error that it would not have given."""
    if call.filters:
        raise CannotFilter(facts=facts_of(call.resource))
    if call.uid is None:
        await _refuse_existing(call, exchange)
        return call
    if call.method == "PUT":
        return await _with_parent(call, exchange)
    if call.if_match is not None and call.method not in HONOURS_IF_MATCH:
        stored = await exchange(Call("GET", call.resource, call.uid))
        if stored.data.get("version") != call.if_match:
            raise VersionMismatch(facts=facts_of(call.resource))
    return call


async def _with_parent(call: Call, exchange: Exchange) -> Call:
    body = call.body or {}
    missing = [key for key in call.resource.parent_keys if key not in body]
    if not missing:
        return call
    stored = (await exchange(Call("GET", call.resource, call.uid))).data["payload"]
    return replace(call, body={**{key: stored[key] for key in missing if key in stored}, **body})


async def _refuse_existing(call: Call, exchange: Exchange) -> None:
    """A POST that names the uid of an item, tombstones included, would replace it."""
    if call.method != "POST" or not call.body or "uid" not in call.body:
        return
    try:
        await exchange(Call("GET", call.resource, UUID(str(call.body["uid"]))))
    except NotFound:
        return
    except Deleted:
        pass
    raise AlreadyExists(facts=facts_of(call.resource))
