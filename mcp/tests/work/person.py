"""A user of the API who has everything of `life`, and what must be stored after a journey."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.harness.clients import Rest
from tests.work.life import Item, Payload, life

PLURALS = {
    "note": "notes",
    "task": "tasks",
    "chat": "chats",
    "chat_message": "chat_messages",
    "comment": "comments",
}
OPERATIONS_A_BATCH = 100
SERVERS_OWN = {"uid", "updatedTs", "sync"}
"""Keys of a payload that the API writes."""


class Person:
    """Speaks to the API directly. What it changes is expected to be stored from then on."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self.today = datetime.now(UTC).date()
        self.items = life(self.today)
        self.expected = {
            item.uid: Item(item.kind, item.uid, copy.deepcopy(item.payload)) for item in self.items
        }

    async def store(self) -> None:
        creates = [
            {"op": "create", "kind": item.kind, "uid": item.uid, "payload": item.payload}
            for item in self.items
        ]
        for start in range(0, len(creates), OPERATIONS_A_BATCH):
            await self.batch(creates[start : start + OPERATIONS_A_BATCH])

    async def batch(self, operations: list[dict[str, Any]], client: str = "import") -> dict[str, Any]:
        return await self.rest.json(
            "POST", "/v1/batch", json={"operations": operations}, headers={"X-TB-Client": client}
        )

    def all(self, kind: str, where: Callable[[Payload], bool]) -> list[Item]:
        """The items of a kind that must be stored and that this is true of, the oldest first."""
        return [item for item in self.expected.values() if item.kind == kind and where(item.payload)]

    def one(self, kind: str, **fields: object) -> Item:
        """The only item of a kind that has these values."""
        (item,) = self.all(kind, lambda payload: fields.items() <= payload.items())
        return item

    def expect_new(self, stored: "dict[str, Item]", kind: str, **fields: object) -> None:
        """That exactly one item was made that has these values at least; it is expected from now on."""
        new = [
            item
            for uid, item in stored.items()
            if uid not in self.expected and item.kind == kind and fields.items() <= item.payload.items()
        ]
        assert len(new) == 1, f"{len(new)} new items of kind {kind} with {fields}"
        self.expected[new[0].uid] = new[0]

    async def stored(self) -> dict[str, Item]:
        """Everything that is stored, without what the API itself writes into payloads."""
        found = {}
        for kind, plural in PLURALS.items():
            page = await self.rest.json("GET", f"/v1/{plural}?limit=1000")
            assert "nextCursor" not in page
            for item in page["items"]:
                payload = {key: value for key, value in item["payload"].items() if key not in SERVERS_OWN}
                found[item["uid"]] = Item(kind, item["uid"], payload)
        return found

    def compare(self, stored: dict[str, Item]) -> None:
        """Fails with the items that are not as they must be, and only their differing keys."""
        wrong = []
        for uid in stored.keys() | self.expected.keys():
            now, wanted = stored.get(uid), self.expected.get(uid)
            if now != wanted:
                wrong.append(f"{_named(now or wanted)}: {_difference(now, wanted)}")
        assert not wrong, "\n".join([f"{len(wrong)} items are not as they must be:", *sorted(wrong)[:10]])


def _named(item: Item | None) -> str:
    assert item
    text = item.payload.get("title") or item.payload.get("content") or ""
    return f"{item.kind} {item.uid[:8]} {text[:40]!r}"


def _difference(now: Item | None, wanted: Item | None) -> str:
    if now is None or wanted is None:
        return "must not be there" if wanted is None else "is not there"
    keys = now.payload.keys() | wanted.payload.keys()
    differing = [key for key in keys if now.payload.get(key) != wanted.payload.get(key)]
    return "; ".join(
        f"{key} is {now.payload.get(key)!r:.300}, must be {wanted.payload.get(key)!r:.300}"
        for key in differing
    )
