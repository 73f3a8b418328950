"""What the API says of an error, as a tool would say it."""

from typing import Any

import pytest

from toolbridge_mcp.client.wording import as_tools_say, in_words

UID = "3f9a01bc-1f6e-4f5a-9d0e-2f4d6c1b7a35"
CONFLICT = {
    "version": 3,
    "now": 5,
    "fields": [{"field": "dueDate", "was": "a", "now": "b"}, {"field": "tags", "now": 1}],
}
CHANGE = {
    "at": "2026-11-24T08:00:00Z",
    "version": 4,
    "change": "updated",
    "fields": ["dueDate"],
    "by": "ann",
    "client": "c/1",
    "change_id": "c41",
}
CODES = (
    *("ambiguous_uid", "not_found", "edit_mismatch", "undo_conflict", "version_mismatch", "version_not_kept"),
    "unknown",
)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("dueDate must be a date", "due_date must be a date"),
        ('invalid If-Match: send one version number, such as 3 or "3"',) * 2,
        (
            "invalid cursor: send the nextCursor of the page before",
            "invalid cursor: send the cursor of the page before",
        ),
        (
            "your journal has no change c9; GET /v1/changes names those it has",
            "your journal has no change c9; changes names those it has",
        ),
        ("see GET /v1/notes/{uid}/history or POST /v1/chat_messages", "see list_notes or list_chat_messages"),
        ('"dueDate" of "GET /v1/notes" is parentUid', '"dueDate" of "GET /v1/notes" is parent_uid'),
        ("myDueDate and dueDates stay", "myDueDate and dueDates stay"),
        (
            "it does apart from case; send it as details.nearest has it",
            "it does apart from case; send it as it is below",
        ),
    ],
)
def test_names_are_those_of_the_tools(said: str, told: str) -> None:
    assert as_tools_say(said) == told.replace("If-Match", "if_match")


@pytest.mark.parametrize(
    ("code", "details", "words"),
    [
        (
            "ambiguous_uid",
            {"candidates": [{"kind": "note", "uid": UID, "title": "A\u202e"}], "more": True},
            r'It can be: note:3f9a01bc "A\u202e" and others.',
        ),
        (
            "not_found",
            {"near": [{"kind": "note", "uid": UID, "title": "Milk"}]},
            'Near it: note:3f9a01bc "Milk".',
        ),
        ("edit_mismatch", {"nearest": [{"line": 2, "text": 'M "x"\n\u202e'}]}, r'Line 2: "M \"x\"\n\u202e".'),
        ("edit_mismatch", {"nearest": [{"line": 2, "text": "x" * 500}]}, ""),
        ("edit_mismatch", {"headings": [{"line": 1, "text": "# A"}]}, 'Headings: "# A".'),
        (
            "undo_conflict",
            CONFLICT,
            'The change made version 3; now it is 5. due_date: "a" then, "b" now. tags: nothing then, 1 now.',
        ),
        (
            "undo_conflict",
            {"kind": "task", "uid": UID, "title": "A\u202e", "later": "c9"},
            r'It is task:3f9a01bc "A\u202e". In the way is c9: undo change=c9 first, then repeat this.',
        ),
        (
            "version_mismatch",
            {"changes": [CHANGE]},
            "v4 2026-11-24T08:00Z by ann with c/1: updated due_date.",
        ),
        ("version_not_kept", {"kept": [5, 4]}, "Kept are 5, 4."),
        (
            "invalid_field",
            {"index": 2, "op": "patch", "kind": "task", "uid": UID},
            "It is patch of task:3f9a01bc.",
        ),
        ("invalid_field", {"field": "title"}, ""),
    ],
)
def test_details_are_said_in_words(code: str, details: dict[str, Any], words: str) -> None:
    assert in_words(code, details) == words


@pytest.mark.parametrize(
    "details",
    [
        {"candidates": 5},
        {"candidates": [5]},
        {"nearest": [{"line": "x", "text": 5}]},
        {"nearest": {"a": 1}},
        {"headings": [{}]},
        {"fields": [{"was": 1}], "now": 5},
        {"changes": [{"version": "x"}]},
        {"changes": "abc"},
        {"kept": ["x"]},
        {"index": 1, "op": 5, "kind": 5, "uid": 5},
    ],
    ids=str,
)
def test_details_that_are_not_what_they_should_be_are_left_out(details: dict[str, Any]) -> None:
    for code in (
        "ambiguous_uid",
        "not_found",
        "edit_mismatch",
        "undo_conflict",
        "version_mismatch",
        "version_not_kept",
    ):
        assert isinstance(in_words(code, details), str)


def test_hostile_details_stay_short() -> None:
    long = "x\u202e" * 10_000
    many: dict[str, Any] = {
        "candidates": [{"kind": long, "uid": long, "title": long}] * 1000,
        "nearest": [{"line": 1, "text": long}] * 1000,
        "headings": [{"line": 1, "text": long}] * 1000,
        "fields": [{"field": long, "was": long, "now": [long]}] * 1000,
        "changes": [{"at": long, "version": 1, "change": long, "fields": [long] * 1000, "by": long}] * 1000,
        "kept": [*range(1000)],
        "version": 1,
        "now": 2,
        "index": 1,
        "op": long,
        "kind": long,
        "uid": long,
        "title": long,
        "later": long,
    }
    for code in CODES:
        said = in_words(code, many)
        assert len(said) < 3000
        assert "\u202e" not in said
