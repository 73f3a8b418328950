"""Work through the tools, and the state that must come of it.

The expected state follows from the arguments of the calls and from the published rules. Only the uid of a
new item is taken from an answer.
"""

from dataclasses import dataclass

from tests.harness.clients import Tools
from tests.harness.published import KINDS, Json, Kind, camel


@dataclass
class Item:
    """What must be stored."""

    kind: Kind
    uid: str
    fields: Json
    version: int = 1
    deleted: bool = False

    @property
    def parent(self) -> str | None:
        """The uid of the item that it belongs to."""
        return self.fields[self.kind.parent["uid"]] if self.kind.parent else None

    def compare(self, stored: Json) -> None:
        """Fails with the names of the parts that differ in an item as the API shows it, not their texts."""
        payload = stored["payload"]
        sync: Json = {"version": self.version, "isDeleted": self.deleted}
        if self.deleted:
            sync["deletedAt"] = stored.get("deletedAt")
        mirrors = {"uid": self.uid, "updatedTs": stored["updatedAt"], "sync": sync}
        shown = mirrors if mirrors.keys() & payload.keys() else {}  # tools leave them out, REST does not
        wanted = {**self.fields, **shown}
        facts = {
            "uid": stored["uid"] == self.uid,
            "version": stored["version"] == self.version,
            "deletedAt": (stored.get("deletedAt") is not None) == self.deleted,
            "keys of the payload": payload.keys() == wanted.keys(),
        }
        facts |= {f"payload.{key}": payload.get(key) == value for key, value in wanted.items()}
        wrong = [name for name, right in facts.items() if not right]
        assert not wrong, f"{self.kind.name} {self.uid} at version {self.version}: {', '.join(wrong)} differ"


class Workbench:
    """Every write goes through a tool and into the expectation."""

    def __init__(self, tools: Tools, items: list[Item]) -> None:
        self.tools = tools
        self.items = items

    async def create(self, kind: str, **fields: object) -> Item:
        answer = await self.tools.call(f"create_{kind}", **fields)
        item = Item(KINDS[kind], answer["uid"], on_the_wire(fields))
        self.items.append(item)
        item.compare(answer)
        return item

    async def sample(self, kind: str) -> Item:
        """A new item with every declared field, below a parent if it needs one."""
        return await self.create(kind, **KINDS[kind].arguments(), **await self.parent_for(kind))

    async def parent_for(self, kind: str) -> Json:
        """Arguments that name a parent for an item of this kind, which is made if there is none yet."""
        parent = KINDS[kind].parent
        if not parent:
            return {}
        candidates = self.of(parent["kinds"][0])
        chosen = candidates[0] if candidates else await self.sample(parent["kinds"][0])
        named = {parent["uid"]: chosen.uid}
        if "type" in parent:
            named[parent["type"]] = chosen.kind.name
        return {snake(key): value for key, value in named.items()}

    async def patch(self, item: Item, updates: Json) -> None:
        await self._write("patch", item, {**item.fields, **updates}, updates=updates)

    async def replace(self, item: Item, *, if_match: int, **fields: object) -> None:
        parent = {key: item.fields[key] for key in item.kind.parent_keys}
        await self._write("update", item, {**parent, **on_the_wire(fields)}, if_match=if_match, **fields)

    async def replace_stale(self, item: Item, **fields: object) -> None:
        """A replacement on condition of an old version, which must be refused."""
        name, stale = f"update_{item.kind.name}", item.version - 1
        assert "has changed since" in await self.tools.refusal(name, uid=item.uid, if_match=stale, **fields)

    async def archive(self, item: Item) -> None:
        await self._write("archive", item, {**item.fields, **item.kind.archive})

    async def process(self, item: Item, action: str) -> None:
        await self._write("process", item, {**item.fields, **item.kind.actions[action]}, action=action)

    async def delete(self, item: Item) -> None:
        answer = await self.tools.call(f"delete_{item.kind.name}", uid=item.uid, if_match=item.version)
        item.version += 1
        item.deleted = True
        assert answer["version"] == item.version
        assert answer["deletedAt"] == answer["updatedAt"]

    async def delete_everything(self) -> None:
        """Leaves nothing behind but tombstones. Parents go last."""
        for item in reversed(self.items):
            if not item.deleted:
                await self.delete(item)

    async def _write(self, verb: str, item: Item, fields: Json, **arguments: object) -> None:
        answer = await self.tools.call(f"{verb}_{item.kind.name}", uid=item.uid, **arguments)
        # What changes nothing is no write, though an API of the first generation counts it.
        item.version = max(item.version + (fields != item.fields), min(answer["version"], item.version + 1))
        item.fields = fields
        item.compare(answer)

    def of(self, kind: str) -> list[Item]:
        return [item for item in self.items if item.kind.name == kind]


def on_the_wire(fields: Json) -> Json:
    """The fields of a tool call under the API's names."""
    return {camel(name): value for name, value in fields.items()}


def snake(key: str) -> str:
    """The tool's name of a payload key."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)
