"""Work through the tools, and what must come of it.

The expected state follows from what was asked for and from the rules of the product. Of the answers
only the uid of a new item is taken.
"""

from dataclasses import dataclass

from e2e.callers import Tools
from e2e.report import Failed, expect
from e2e.stack import Json

KINDS = ("note", "task", "comment", "chat", "chat_message")
PARENT_KEYS = ("parentType", "parentUid", "chatUid")

ARCHIVED: dict[str, Json] = {
    "note": {"status": "archived"},
    "task": {"status": "archived"},
    "comment": {"status": "archived"},
    "chat": {"archived": True},
    "chat_message": {"archived": True},
}

DONE: dict[tuple[str, str], Json] = {
    ("note", "pin"): {"pinned": True},
    ("note", "unpin"): {"pinned": False},
    ("note", "archive"): {"status": "archived"},
    ("note", "unarchive"): {"status": "active"},
    ("task", "start"): {"status": "in_progress"},
    ("task", "complete"): {"status": "completed"},
    ("task", "reopen"): {"status": "open"},
    ("comment", "resolve"): {"status": "resolved"},
    ("comment", "reopen"): {"status": "open"},
    ("chat", "resolve"): {"status": "resolved"},
    ("chat", "reopen"): {"status": "active"},
    ("chat_message", "mark_read"): {"read": True},
    ("chat_message", "mark_delivered"): {"delivered": True},
}

NEW_FIELDS: dict[str, Json] = {
    "note": {"title": "Replaced", "content": "", "tags": []},
    "task": {"title": "Replaced", "priority": "high", "due_date": "2027-02-01"},
    "comment": {"content": "Replaced"},
    "chat": {"title": "Replaced", "description": "Quiet"},
    "chat_message": {"content": "Replaced", "message_type": "text"},
}
"""Arguments of a tool that replaces an item, or creates one that needs no parent."""


def actions(kind: str) -> list[str]:
    return [action for one, action in DONE if one == kind]


@dataclass
class Item:
    """What must be stored."""

    kind: str
    uid: str
    fields: Json
    version: int = 1
    deleted: bool = False

    @property
    def parent(self) -> str | None:
        """The uid of what it belongs to."""
        uid: str | None = self.fields.get("parentUid") or self.fields.get("chatUid")
        return uid

    def compare(self, stored: Json) -> None:
        """Raises with what differs in an item as the API shows it; no text of it is quoted."""
        payload = stored["payload"]
        sync: Json = {"version": self.version, "isDeleted": self.deleted}
        if self.deleted:
            sync["deletedAt"] = stored.get("deletedAt")
        wanted = {**self.fields, "uid": self.uid, "updatedTs": stored["updatedAt"], "sync": sync}
        facts = {
            "uid": stored["uid"] == self.uid,
            "version": stored["version"] == self.version,
            "deletedAt": (stored.get("deletedAt") is not None) == self.deleted,
            "keys of the payload": payload.keys() == wanted.keys(),
        }
        facts |= {f"payload.{key}": payload.get(key) == value for key, value in wanted.items()}
        wrong = [name for name, right in facts.items() if not right]
        if wrong:
            raise Failed(f"{self.kind} {self.uid} at version {self.version}: {', '.join(wrong)} differ")


class Workbench:
    """Every write goes through a tool and into the expectation."""

    def __init__(self, tools: Tools, items: list[Item]) -> None:
        self._tools = tools
        self.items = items

    async def create(self, kind: str, **fields: object) -> Item:
        answer = await self._tools.call(f"create_{kind}", **fields)
        item = Item(kind, answer["uid"], on_the_wire(fields))
        self.items.append(item)
        item.compare(answer)
        return item

    async def patch(self, item: Item, updates: Json) -> None:
        await self._write("patch", item, {**item.fields, **updates}, updates=updates)

    async def replace(self, item: Item, *, if_match: int, **fields: object) -> None:
        parent = {key: item.fields[key] for key in PARENT_KEYS if key in item.fields}
        await self._write("update", item, {**parent, **on_the_wire(fields)}, if_match=if_match, **fields)

    async def replace_stale(self, item: Item, **fields: object) -> None:
        """A replacement on condition of an old version, which must be refused."""
        stale = item.version - 1
        said = await self._tools.refusal(f"update_{item.kind}", uid=item.uid, if_match=stale, **fields)
        expect("has changed since" in said, f"a stale if_match was answered with: {said}")

    async def archive(self, item: Item) -> None:
        await self._write("archive", item, {**item.fields, **ARCHIVED[item.kind]})

    async def process(self, item: Item, action: str) -> None:
        await self._write("process", item, {**item.fields, **DONE[item.kind, action]}, action=action)

    async def delete(self, item: Item) -> None:
        answer = await self._tools.call(f"delete_{item.kind}", uid=item.uid, if_match=item.version)
        item.version += 1
        item.deleted = True
        expect(answer["version"] == item.version, "a tombstone has another version than expected")
        expect(answer["deletedAt"] == answer["updatedAt"], "a tombstone names two times")

    async def _write(self, verb: str, item: Item, fields: Json, **arguments: object) -> None:
        answer = await self._tools.call(f"{verb}_{item.kind}", uid=item.uid, **arguments)
        item.fields = fields
        item.version += 1
        item.compare(answer)

    def of(self, kind: str) -> list[Item]:
        return [item for item in self.items if item.kind == kind]


def on_the_wire(fields: Json) -> Json:
    """The fields of a tool call under the API's names."""
    return {_camel(name): value for name, value in fields.items()}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
