"""Filters of lists that the gateway applies itself."""

from typing import Any

import pytest

from toolbridge_mcp.client.selection import Place, Selection, milliseconds
from toolbridge_mcp.entities import CHAT, COMMENT, NOTE, TASK, Entity
from toolbridge_mcp.errors import CannotFilter, InvalidArguments

UID = "123e4567-e89b-42d3-a456-426614174000"


def item(payload: object, updated_at: str = "2026-01-31T12:00:00Z") -> dict[str, Any]:
    return {"uid": UID, "version": 1, "updatedAt": updated_at, "payload": payload}


def test_a_filter_that_is_not_known_is_refused_since_it_would_return_too_much() -> None:
    with pytest.raises(CannotFilter):
        Selection.of(NOTE, {"limit": "10", "colour": "red"})
    with pytest.raises(CannotFilter):
        Selection.of(NOTE, {"parentUid": UID})
    with pytest.raises(CannotFilter):
        Selection.of(TASK, {"dueBefore": "2026-12-04"})


@pytest.mark.parametrize(
    ("entity", "query", "payload", "taken"),
    [
        (TASK, {"status": "open"}, {"status": "open"}, True),
        (TASK, {"status": "open"}, {"status": "Open"}, False),
        (TASK, {"status": "open"}, {}, False),
        (TASK, {"tag": "a"}, {"tags": ["b", "a"]}, True),
        (TASK, {"tag": "a"}, {"tags": "a"}, False),
        (TASK, {"tag": "a"}, {"tags": None}, False),
        (TASK, {"tag": "a", "status": "open"}, {"tags": ["a"]}, False),
        (CHAT, {"archived": "true"}, {"archived": True}, True),
        (CHAT, {"archived": "true"}, {"archived": "true"}, False),
        (CHAT, {"archived": "false"}, {}, True),
        (TASK, {"priority": "high"}, {"priority": "high"}, True),
        (TASK, {"priority": "high"}, {}, False),
        (NOTE, {"pinned": "true"}, {"pinned": True}, True),
        (NOTE, {"pinned": "false"}, {}, True),
        (COMMENT, {"parentUid": UID}, {"parentUid": UID.upper()}, True),
        (COMMENT, {"parentUid": UID, "parentType": "task"}, {"parentUid": UID, "parentType": "note"}, False),
        (NOTE, {"tag": "a"}, None, False),
        (NOTE, {"updatedSince": "2026-01-31T12:00:00Z"}, {}, True),
        (NOTE, {"updatedSince": "2026-01-31T12:00:00.001Z"}, {}, False),
    ],
    ids=str,
)
def test_an_item_is_taken_as_our_own_api_takes_it(
    entity: Entity, query: dict[str, str], payload: object, taken: bool
) -> None:
    assert Selection.of(entity, query).takes(item(payload)) is taken


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("1970-01-01T00:00:01.5Z", 1500),
        ("1970-01-01T00:00:01.123456789Z", 1123),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01", 0),
        ("1500", 1500),
    ],
)
def test_times_are_read_in_any_usual_form(time: str, expected: int) -> None:
    assert milliseconds(time) == expected


def test_what_is_no_time_or_no_cursor_says_so() -> None:
    with pytest.raises(InvalidArguments, match="updated_since should be a time"):
        Selection.of(NOTE, {"updatedSince": "yesterday"})
    for cursor in ("", "x", "MTIz", "\u00e9", Place(1, "no uid").cursor()):
        with pytest.raises(InvalidArguments, match="cursor is none of this list"):
            Place.read(cursor)
    assert Place.read(Place(-5, UID).cursor()) == Place(-5, UID)
