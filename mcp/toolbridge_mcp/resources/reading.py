"""One item with the newest of what belongs to it, from any API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from toolbridge_mcp.client import ITEM, NO_MIRRORS, Call
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.entities.uids import read_reference
from toolbridge_mcp.errors import Deleted, InvalidArguments, NotFound
from toolbridge_mcp.message import current_operation
from toolbridge_mcp.rendering import has_hidden, item_markdown, short_id
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.work import children
from toolbridge_mcp.tools.work.excerpts import excerpt
from toolbridge_mcp.tools.work.naming import MAX_NAME_BYTES, why_not

NEED = frozenset({"items", "lists", "total"})
"""The features of an API that finds items by title, and has the newest children of one."""

_MISSING = {"not_found": NotFound, "deleted": Deleted}


@dataclass(frozen=True)
class Found:
    """An item, and the children that it brought along; None where an API has none.

    `whole_id` says that the API takes no short ids.
    """

    entity: Entity
    item: Mapping[str, Any]
    whole_id: bool
    brought: Mapping[str, Any] | None = None

    @property
    def has_hidden(self) -> bool:
        """Whether the item has hidden characters, which `shown` makes visible."""
        return has_hidden(to_json(self.item).decode())

    async def shown(self, most_tokens: int, wanted: children.Wanted, most_below: int, caller: Caller) -> str:
        """The item as Markdown, or its first part, and below it what belongs to it."""
        text = self._markdown(most_tokens)
        below = await self._below(wanted, most_below, caller)
        return f"{text}\n\n{below}" if below else text

    def _markdown(self, most_tokens: int) -> str:
        """The item as Markdown, or its first part and how to read the rest."""
        text = item_markdown(self.entity, self.item, whole_id=self.whole_id)
        part = excerpt(text, 0, most_tokens)
        if part.end == len(text):
            return text
        said = f"Characters 0 to {part.end} of {len(text)}."
        if not self.whole_id:
            uid = short_id(str(self.item["uid"]))
            said = f'{said} The rest: read items=["{self.entity.kind}:{uid}"] offset={part.end}'
        return f"{part.text}\n{said}"

    async def _below(self, wanted: children.Wanted, most_tokens: int, caller: Caller) -> str:
        """What belongs to it, as far as it fits; empty if nothing can, or where the API is older."""
        if self.brought is None or not any(wanted.of(self.entity.kind)):
            return ""
        parent = children.Parent(self.entity.kind, str(self.item["uid"]), self.brought)
        return await children.shown(caller, wanted, parent, most_tokens)


def measure(text: str) -> None:
    """Records the size of a text that the message at hand is answered with."""
    current_operation().result_bytes = len(text.encode())


async def find(entity: Entity, name: str, wanted: children.Wanted, caller: Caller) -> Found:
    """The item that an id or an exact title names. Raises `NotFound` or `Deleted` for an id that names none,
    and `InvalidArguments` for a title that names none, or several."""
    features = await caller.client.read_features()
    reference = read_reference(name)
    if reference and reference.kind not in ("", entity.kind):
        raise NotFound
    if features >= NEED:
        return await _named(
            entity, reference.uid if reference else name, wanted, caller, is_id=bool(reference)
        )
    if reference is None:
        raise InvalidArguments(facts={"problems": f"{entity.kind} should be an id such as 3f9a01bc."})
    call = Call("GET", ITEM, entity, reference.uid, wishes=(NO_MIRRORS,))
    return Found(entity, (await caller.send(call)).data, "shortIds" not in features)


async def _named(entity: Entity, name: str, wanted: children.Wanted, caller: Caller, *, is_id: bool) -> Found:
    reference = f"{entity.kind}:{name}"
    if len(reference.encode()) > MAX_NAME_BYTES:
        raise InvalidArguments(facts={"problems": f"{entity.kind} is longer than titles are looked for."})
    beside = wanted.beside_items if any(wanted.of(entity.kind)) else None
    query = {} if beside is None else {"children": str(beside)}
    (found,) = (await caller.look_up([reference], **query)).data["items"]
    error = found.get("error")
    if error and is_id and error.get("code") in _MISSING:
        raise _MISSING[error["code"]]
    if error:
        raise InvalidArguments(facts={"problems": why_not(name, error)})
    return Found(entity, found["item"], whole_id=False, brought=found.get("children") or {})
