"""The filters and the order of a list, for an API that has none: what our own API does with them.

Lists come oldest first, by `updatedAt` and uid. An item that changes moves to the end.
"""

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self, get_args
from uuid import UUID

from toolbridge_mcp.client.document import JsonObject
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.errors import CannotFilter, InvalidArguments

PAGING = frozenset({"limit", "cursor", "includeDeleted", "maxBytes"})
"""Parameters of a list that neither narrow nor order it."""

DEFAULT_LIMIT = 100
DEFAULT_BYTES = 250_000
FIRST_UID = str(UUID(int=0))

Test = Callable[[JsonObject], bool]


class Place(NamedTuple):
    """Where an item stands in a list: its time in milliseconds, and its uid."""

    at: int
    uid: str

    @classmethod
    def of(cls, item: JsonObject) -> Self:
        return cls(milliseconds(str(item["updatedAt"])), str(item["uid"]))

    def cursor(self) -> str:
        """The API's cursor behind this place. It takes one that it cannot read for the beginning."""
        return base64.urlsafe_b64encode(f"{self.at}|{self.uid}".encode()).decode().rstrip("=")

    @classmethod
    def read(cls, cursor: str) -> Self:
        """Raises `InvalidArguments` for a text that is no such cursor."""
        try:
            at, uid = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("|")
            return cls(int(at), str(UUID(uid)))
        except ValueError as error:
            problem = "cursor is none of this list; leave it out to begin anew."
            raise InvalidArguments(facts={"problems": problem}) from error


@dataclass(frozen=True)
class Selection:
    """What a list asks for beyond a page of everything."""

    tests: tuple[Test, ...]
    limit: int
    max_bytes: int
    newest_first: bool
    since: int | None

    @classmethod
    def of(cls, entity: Entity, query: Mapping[str, str]) -> Self:
        """Raises `CannotFilter` for a filter that is not known here: to ignore it would return too much."""
        tests: list[Test] = []
        since = None
        for name in query.keys() - PAGING - {"order"}:
            if name == "updatedSince":
                since = milliseconds(query[name])
                tests.append(_changed_since(since))
            else:
                tests.append(_if_known(_test(entity, name, _one(query[name]))))
        return cls(
            tuple(tests),
            int(query.get("limit", DEFAULT_LIMIT)),
            int(query.get("maxBytes", DEFAULT_BYTES)),
            query.get("order") == "desc",
            since,
        )

    def takes(self, item: JsonObject) -> bool:
        """Whether the item may be one of those asked for. Of an item whose payload was too large to be read,
        only the time is known."""
        return all(test(item) for test in self.tests)

    @property
    def first_cursor(self) -> str | None:
        """A cursor from which no item is missed; None for the beginning of the list."""
        return None if self.since is None else Place(self.since - 1, FIRST_UID).cursor()


def milliseconds(time: str) -> int:
    """Unix time of an ISO 8601 text, or of decimal milliseconds; a time without zone is UTC."""
    if time.isascii() and time.isdecimal():
        return int(time)
    try:
        at = datetime.fromisoformat(time)
    except ValueError as error:
        problem = "updated_since should be a time such as 2026-01-31T12:00:00Z."
        raise InvalidArguments(facts={"problems": problem}) from error
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _changed_since(since: int) -> Test:
    return lambda item: milliseconds(str(item["updatedAt"])) >= since


def _test(entity: Entity, name: str, value: str) -> Test:
    if name == "tag":
        return lambda item: value in _list(_payload(item).get("tags"))
    if name == "archived":
        return lambda item: (_payload(item).get("archived") is True) == (value == "true")
    if name == "status":
        return lambda item: _payload(item).get("status") == value
    if name in entity.parent_keys:
        return lambda item: str(_payload(item).get(name)).lower() == value.lower()
    if (field := entity.names.get(name)) in entity.narrowing:
        if bool in get_args(entity.fields.model_fields[field].annotation):
            return lambda item: (_payload(item).get(name) is True) == (value == "true")
        return lambda item: _payload(item).get(name) == value
    raise CannotFilter


def _one(value: str) -> str:
    """The one value of a filter, as `one_value` wrote it."""
    return value.replace("\\,", ",")


def _if_known(test: Test) -> Test:
    return lambda item: "payload" not in item or test(item)


def _payload(item: JsonObject) -> JsonObject:
    payload: Any = item.get("payload")
    return payload if isinstance(payload, dict) else {}


def _list(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()
