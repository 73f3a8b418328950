"""Whether two APIs hold the same items of a user, in little memory whatever their number."""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field

from toolbridge_mcp.cli.copying.payloads import Item
from toolbridge_mcp.cli.copying.side import Side
from toolbridge_mcp.entities import Entity

MOST_NAMED = 20


@dataclass
class Outcome:
    """What the comparison of one kind of item found."""

    counts: Counter[str] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)
    """The uids of the first items that are missing or different there."""

    @property
    def is_equal(self) -> bool:
        return not (self.counts["missing there"] or self.counts["different"])

    def add(self, what: str, uid: str = "") -> None:
        self.counts[what] += 1
        if uid and len(self.differing) < MOST_NAMED:
            self.differing.append(uid)


async def compare(entity: Entity, source: Side, target: Side) -> Outcome:
    """Reads both lists. Items that are newer at the target have won by the rules of sync and count as such,
    and so do those that only the target has."""
    outcome = Outcome()
    with sqlite3.connect("") as seen:  # a file of its own, which vanishes
        seen.execute(
            "CREATE TABLE item (uid TEXT PRIMARY KEY, at INT, deleted INT, version INT, digest BLOB)"
        )
        async for items, _ in source.pages(entity, None):
            seen.executemany("INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?)", map(_row, items))
        outcome.counts["at the source"] = _count(seen)
        async for items, _ in target.pages(entity, None):
            for item in items:
                outcome.add("at the target")
                row = seen.execute("DELETE FROM item WHERE uid = ? RETURNING *", [item.uid]).fetchone()
                _judge(outcome, row, item)
        for uid, deleted in seen.execute("SELECT uid, deleted FROM item"):
            # An API may forget deletions when a user has little room left.
            outcome.add("deletion forgotten there") if deleted else outcome.add("missing there", uid)
    seen.close()
    return outcome


def _judge(outcome: Outcome, row: tuple[str, int, int, int, bytes] | None, there: Item) -> None:
    if row is None:
        outcome.add("only there")
        return
    uid, at, deleted, version, digest = row
    same = bool(deleted) == (there.deleted_at is not None) and (deleted or digest == there.digest())
    if same:
        outcome.add("equal")
        if version != there.version:
            outcome.add("at another version")
    elif there.updated_at > at:
        outcome.add("newer there")
    else:
        outcome.add("different", uid)


def _row(item: Item) -> tuple[str, int, int, int, bytes]:
    return item.uid, item.updated_at, int(item.deleted_at is not None), item.version, item.digest()


def _count(seen: sqlite3.Connection) -> int:
    (count,) = seen.execute("SELECT count(*) FROM item").fetchone()
    return int(count)
