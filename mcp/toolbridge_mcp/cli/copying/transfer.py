"""The items of one user, from one API to the other, by the rules of sync: the later change wins."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic.alias_generators import to_camel

from toolbridge_mcp.cli.copying.payloads import Item
from toolbridge_mcp.cli.copying.progress import UserProgress
from toolbridge_mcp.cli.copying.side import Acknowledgement, Side
from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.entities import BY_KIND, ENTITIES, Entity

IN_ORDER = sorted(ENTITIES, key=lambda entity: entity.parent is not None)
"""Parents first."""

BY_PLURAL = {entity.plural: entity for entity in ENTITIES}


@dataclass
class Refused:
    """An item that the target does not take, and its reason."""

    plural: str
    uid: str
    reason: str


@dataclass
class Transfer:
    """Copies, and remembers what was refused. `report` is called with each kind and the items sent so far."""

    source: Side
    target: Side
    progress: UserProgress
    report: Callable[[str, int], None]
    refused: list[Refused] = field(default_factory=list)

    async def run(self, *, from_the_beginning: bool = False) -> None:
        """Items that were sent before are sent again only if they have changed, unless it begins anew."""
        self.refused.clear()
        await self._delete_what_was_revived()
        for entity in IN_ORDER:
            await self._copy(entity, None if from_the_beginning else self.progress.cursor(entity.plural))

    async def _copy(self, entity: Entity, cursor: str | None) -> None:
        sent = 0
        async for items, behind in self.source.pages(entity, cursor):
            await self._send(entity, items)
            self.progress.reached(entity.plural, behind)
            sent += len(items)
            self.report(entity.plural, sent)

    async def _send(self, entity: Entity, items: list[Item]) -> None:
        answers = await self.target.push(entity, [item.pushed() for item in items])
        orphans: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for item, answer in zip(items, answers, strict=True):
            if not answer.error:
                continue
            parent = _parent(entity, item)
            if parent and "not found" in answer.error:
                orphans[parent].append(item)
            else:
                self._refuse(entity, answer)
        for (kind, uid), children in orphans.items():
            await self._send_orphans(entity, BY_KIND[kind], uid, children)

    async def _send_orphans(self, entity: Entity, parents: Entity, uid: str, children: list[Item]) -> None:
        """Children whose parent is not alive at the target. Where it is deleted at the source too, it lives
        at the target until they are there: no API takes a new child of a deleted parent."""
        missing = [child for child in children if not await self._is_there(entity, child)]
        parent = await self.source.item(parents, uid) if missing else None
        if parent is None or parent.deleted_at is None:
            for child in missing:
                reason = f"its {parents.words['word']} {uid} is not at the target"
                self.refused.append(Refused(entity.plural, child.uid, reason))
            return
        self.progress.revives(parents.plural, uid)
        await self._push(parents, parent.pushed(at=await self._later(parents, parent), alive=True))
        for answer in await self.target.push(entity, [child.pushed() for child in missing]):
            self._refuse(entity, answer)
        await self._delete_again(parents, parent)

    async def _is_there(self, entity: Entity, item: Item) -> bool:
        there = await self.target.item(entity, item.uid)
        return there is not None and there.updated_at >= item.updated_at

    async def _delete_what_was_revived(self) -> None:
        """After a run that was ended in between."""
        for plural, uid in self.progress.revived:
            entity = BY_PLURAL[plural]
            parent = await self.source.item(entity, uid)
            if parent and parent.deleted_at is not None:
                await self._delete_again(entity, parent)
            else:
                self.progress.deleted_again(plural, uid)

    async def _delete_again(self, entity: Entity, item: Item) -> None:
        await self._push(entity, item.pushed(at=await self._later(entity, item)))
        self.progress.deleted_again(entity.plural, item.uid)

    async def _later(self, entity: Entity, item: Item) -> int:
        """A time at which a push wins over what the target has."""
        there = await self.target.item(entity, item.uid)
        return max(item.updated_at, there.updated_at if there else 0) + 1

    async def _push(self, entity: Entity, payload: dict[str, object]) -> None:
        (answer,) = await self.target.push(entity, [payload])
        if answer.error:
            raise Failure(f"{self.target.place.url} does not take {answer.uid}: {answer.error}.")

    def _refuse(self, entity: Entity, answer: Acknowledgement) -> None:
        if answer.error:
            self.refused.append(Refused(entity.plural, answer.uid, answer.error))


def _parent(entity: Entity, item: Item) -> tuple[str, str] | None:
    """Kind and uid of the item's parent; None if it names none."""
    if entity.parent is None:
        return None
    uid = item.payload.get(to_camel(entity.parent.uid))
    named = item.payload.get(to_camel(entity.parent.type)) if entity.parent.type else entity.parent.kinds[0]
    return (named, uid) if isinstance(uid, str) and named in entity.parent.kinds else None
