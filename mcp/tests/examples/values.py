"""What the examples are about: the items of one user, and the arguments of the calls.

Every entity has examples without being named here: then their values are made from its declaration.
"""

from collections.abc import Mapping
from typing import Any

Values = Mapping[str, Any]

ITEMS: Mapping[str, tuple[Values, Values]] = {
    "note": (
        {
            "uid": "3f9a01bc-4d52-4e0b-8f61-0a7c2d9e5b13",
            "title": "Release plan",
            "content": "## Steps\n\n- freeze the branch\n- write the notes\n\n## People\n\nAnn, Ben",
            "tags": ["release"],
            "status": "active",
        },
        {"title": "Printer", "content": "The printer on floor 2 jams on Mondays.", "tags": ["office"]},
    ),
    "task": (
        {
            "title": "Order toner",
            "description": "Two cartridges for the printer on floor 2.",
            "status": "open",
            "priority": "high",
            "due_date": "2026-11-24",
            "tags": ["office"],
        },
        {"title": "Write the release notes", "status": "in_progress", "due_date": "2026-12-01"},
    ),
    "comment": (
        {"content": "Who signs off?", "author": "Ben", "status": "open"},
        {"content": "The branch is frozen.", "author": "Ann"},
    ),
    "chat": (
        {"title": "Release", "participants": ["Ann", "Ben"], "status": "active"},
        {"title": "Lunch", "participants": ["Ann", "Cem"]},
    ),
    "chat_message": (
        {"content": "The build is green.", "sender": "Ben", "read": False},
        {"content": "Then we ship on Friday.", "sender": "Ann", "read": True},
    ),
}
"""For a kind, its two items, under the names of arguments. A child belongs to the first item of its kind of
parent. A uid may be given."""

NEW: Mapping[str, Values] = {
    "note": {"title": "Kick-off", "content": "We begin on Monday.", "tags": ["release"]},
    "task": {"title": "Book a room", "due_date": "2026-12-04", "priority": "low"},
    "comment": {"content": "I do."},
    "chat": {"title": "Support", "participants": ["Ann", "Dee"]},
    "chat_message": {"content": "Shall we go?", "sender": "Ann"},
}
"""For a kind, what an example creates."""

UPDATES: Mapping[str, Values] = {
    "task": {"priority": "medium", "due_date": "2026-12-02"},
    "comment": {"content": "Who signs off, Ann or Cem?"},
}
"""For a kind, what an example patches."""

CALLS: Mapping[str, Values] = {
    "list_tasks": {"status": "open"},
    "list_comments": {"parent_type": "note", "parent_uid": "3f9a01bc"},
    "search": {"query": "printer"},
    "read": {"items": ["note:3f9a01bc", "Order toner"], "with_comments": True},
    "fetch": {"id": "note:3f9a01bc"},
    "overview": {"due_within_days": 7},
    "changes": {"since": "24 hours", "kinds": ["task"]},
    "batch": {
        "operations": [
            {
                "op": "process",
                "kind": "task",
                "action": "complete",
                "where": {"status": "open", "due_before": "2026-11-26"},
                "at_most": 20,
            },
            {"op": "create", "kind": "task", "fields": {"title": "Thank Ben", "tags": ["release"]}},
            {"op": "tags", "item": "note:3f9a01bc", "add": ["shipped"], "remove": ["release"]},
        ]
    },
    "edit_text": {"item": "note:3f9a01bc", "heading": "Steps", "append": "- thank everybody"},
}
"""For a tool, the arguments of its example where others than the least ones show more."""
