"""Sixty wrong calls of the kinds that people report of models, and what each gets.

`<note>` and the like stand for items of the caller, `<note8>` for the first 8 digits of an id.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

RANDOM = "7d0f9f0c-8f6e-4f5a-9d0e-2f4d6c1b7a35"


class Call(NamedTuple):
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Read:
    """A value that a model reads in the answer: what the pattern's group matches."""

    pattern: str
    number: bool = False

    def of(self, answer: str) -> Any:
        found = re.search(self.pattern, answer)
        assert found, f"{self.pattern} is not in {answer}"
        return int(found[1]) if self.number else found[1]


@dataclass(frozen=True)
class Wrong:
    """A wrong call. If it is not `taken`, the answer names the argument and shows what may stand there, and
    `following` is a call that a model can make from the answer alone. `seen` is a public report of the kind.
    """

    call: Call
    taken: bool = False
    names: str = ""
    shows: str = ""
    following: Call | None = None
    seen: str = ""


def taken(tool: str, seen: str = "", /, **arguments: Any) -> Wrong:
    return Wrong(Call(tool, arguments), taken=True, seen=seen)


PRESENT = Read(r"if_match=(\d+)", number=True)
MATCHING = Read(r"(\d+) items match", number=True)
NEW = {"title": "t", "content": "c"}
BOTH = {"kind": "task", "op": "process", "action": "complete"}

WRONG_CALLS: tuple[Wrong, ...] = (
    # JSON that has become text, and text where JSON is expected
    taken("create_note", "PrefectHQ/fastmcp#932", **NEW, tags='["ops", "home"]'),
    taken("patch_note", "anthropics/claude-code#5504", uid="<note>", updates='{"title": "new"}'),
    taken("create_note", **NEW, tags="ops"),
    Wrong(
        Call("create_note", {**NEW, "tags": "ops, home"}),
        names="tags",
        shows='["a", "b"]',
        following=Call("create_note", {**NEW, "tags": ["ops", "home"]}),
    ),
    Wrong(
        Call("patch_note", {"uid": "<note>", "updates": "title: new"}),
        names="updates",
        shows='{"title": "Weekly plan"}',
        following=Call("patch_note", {"uid": "<note>", "updates": {"title": "new"}}),
        seen="anthropics/claude-code#59227",
    ),
    Wrong(
        Call("create_note", {"title": ["t"], "content": "c"}),
        names="title",
        shows="a text",
        following=Call("create_note", NEW),
    ),
    taken("list_notes", "microsoft/azure-devops-mcp#1037", limit="10"),
    taken("list_notes", "anthropics/claude-code#29104", include_deleted="true"),
    Wrong(
        Call("list_notes", {"limit": True}),
        names="limit",
        shows="number from 1 to 1000",
        following=Call("list_notes", {}),
        seen="osaurus-ai/osaurus#2689",
    ),
    taken("list_tasks", "coder/xum#2887", status="", tag="", cursor="", updated_since=""),
    taken("list_tasks", "langflow-ai/langflow#8059", status=None, tag=None, cursor=None, limit=None),
    taken("list_tasks", "anthropics/claude-code#95239", cursor="null", status="None"),
    taken("get_note", "nicobailon/pi-mcp-adapter#363", arguments={"uid": "<note>"}),
    taken("get_note", "PrefectHQ/fastmcp#932", params='{"uid": "<note>"}'),
    taken("batch", operations={"op": "patch", "item": "note:<note8>", "fields": {"title": "new"}}),
    # Other names
    taken("get_note", id="<note>"),
    taken("get_note", note_id="<note>"),
    taken("create_note", "MemPalace/mempalace#1351", title="t", text="c"),
    taken("search", q="Groceries"),
    taken("list_notes", page_size=5),
    taken("create_task", title="t", dueDate="2027-01-31"),
    taken("patch_note", uid="<note>", ifMatch='"1"', updates={"title": "new"}),
    taken("patch_note", uid="<note>", title="new"),
    taken("patch_task", uid="<task>", changes={"priority": "low"}),
    taken("list_notes", tags=["ops"]),
    taken("create_comment", note_id="<note>", content="c"),
    Wrong(
        Call("list_notes", {"offset": 10}),
        names="offset",
        shows="cursor",
        following=Call("list_notes", {"limit": 10}),
        seen="abhigyanpatwari/GitNexus#3261",
    ),
    Wrong(
        Call("create_note", {**NEW, "colour": "red"}),
        names="colour",
        shows="additional_fields",
        following=Call("create_note", {**NEW, "additional_fields": {"colour": "red"}}),
        seen="douinc/mkdocs-mcp-plugin#4",
    ),
    Wrong(
        Call("create_note", {"titel": "t", "content": "c"}),
        names="titel",
        shows="title for titel",
        following=Call("create_note", NEW),
        seen="anthropics/claude-code#12974",
    ),
    Wrong(
        Call("create_note", {"title": "t"}),
        names="content is required",
        shows='"content": "Text"',
        following=Call("create_note", {"title": "t", "content": "Text"}),
        seen="google/adk-python#3137",
    ),
    Wrong(
        Call("get_note", {"uid": "<note>", "id": RANDOM}),
        names="uid and id are the same",
        shows="uid alone",
        following=Call("get_note", {"uid": "<note>"}),
    ),
    Wrong(
        Call("process_note", {"uid": "pin", "action": "<note8>"}),
        names="uid",
        shows="action should be one of pin, unpin",
        following=Call("process_note", {"uid": "<note8>", "action": "pin"}),
    ),
    # Tools that are not there
    Wrong(
        Call("get_notes", {"limit": 5}),
        names="get_notes",
        shows="list_notes",
        following=Call("list_notes", {"limit": 5}),
        seen="Kochava-Studios/witsy#190",
    ),
    Wrong(
        Call("create_notes", NEW),
        names="create_notes",
        shows="create_note",
        following=Call("create_note", NEW),
        seen="nowireless4u/hpe-networking-mcp#489",
    ),
    # Ids
    taken("get_note", "contextstream/mcp-server#53", uid="<note8>"),
    taken("get_note", "contextstream/mcp-server#53", uid="<note8>..."),
    taken("get_note", uid="note:<note8>"),
    Wrong(
        Call("get_note", {"uid": "Groceries"}),
        names="uid",
        shows="3f9a01bc",
        following=Call("list_notes", {}),
        seen="archestra-ai/archestra#3368",
    ),
    Wrong(
        Call("get_note", {"uid": "90ab7ba3-5608-4065-a835-b6d25-92b8"}),
        names="uid",
        shows="3f9a01bc",
        following=Call("list_notes", {}),
        seen="TulipFarm/tulipfarm#752",
    ),
    Wrong(
        Call("get_note", {"uid": "task:<task8>"}),
        names="uid names a task",
        shows="get_task",
        following=Call("get_task", {"uid": "task:<task8>"}),
    ),
    Wrong(
        Call("get_note", {"uid": "<task>"}),
        names="uid",
        shows="use get_task",
        following=Call("get_task", {"uid": "<task>"}),
    ),
    Wrong(
        Call("get_note", {"uid": RANDOM}), names="uid", shows="list_notes", following=Call("list_notes", {})
    ),
    Wrong(
        Call("delete_note", {"uid": "12345678"}),
        names="12345678",
        shows='"Twin 2"',
        following=Call("delete_note", {"uid": Read(r'(note:\w+) "Twin 2"')}),
    ),
    Wrong(
        Call("patch_note", {"uid": "<deleted>", "updates": {"title": "new"}}),
        names="deleted",
        shows="include_deleted",
        following=Call("get_note", {"uid": "<deleted>", "include_deleted": True}),
    ),
    Wrong(
        Call("create_comment", {"content": "c", "parent_type": "chat", "parent_uid": "<note>"}),
        names="parent_type",
        shows="note, task",
        following=Call("create_comment", {"content": "c", "parent_type": "note", "parent_uid": "<note>"}),
    ),
    # Values
    taken("create_task", "aryamthecodebreaker/FixMap#235", title="t", status="In Progress"),
    Wrong(
        Call("patch_task", {"uid": "<task>", "updates": {"status": "finished"}}),
        names="updates.status",
        shows="completed",
        following=Call("patch_task", {"uid": "<task>", "updates": {"status": "completed"}}),
        seen="artokun/comfyui-mcp#2677",
    ),
    Wrong(
        Call("process_task", {"uid": "<task>", "action": "done"}),
        names="action",
        shows="start, complete, reopen",
        following=Call("process_task", {"uid": "<task>", "action": "complete"}),
        seen="trsdn/mcp-server-visio#55",
    ),
    Wrong(
        Call("list_notes", {"limit": 5000}),
        names="limit",
        shows="1 to 1000",
        following=Call("list_notes", {"limit": 1000}),
    ),
    Wrong(
        Call("list_notes", {"cursor": "page2"}),
        names="cursor",
        shows="none for the first page",
        following=Call("list_notes", {}),
        seen="stella/stella#3591",
    ),
    Wrong(
        Call("create_task", {"title": "t", "due_date": "tomorrow"}),
        names="due_date",
        shows="no time zone is known",
        following=Call("create_task", {"title": "t", "due_date": Read(r"In UTC today is ([0-9-]+);")}),
        seen="zcaceres/gtasks-mcp#2",
    ),
    Wrong(
        Call("create_task", {"title": "t", "due_date": "31.01.2027"}),
        names="due_date",
        shows="2026-01-31",
        following=Call("create_task", {"title": "t", "due_date": "2027-01-31"}),
        seen="themotionmachine/OmniFocus-MCP#5",
    ),
    taken("list_notes", updated_since="24 hours"),
    # What is stored is not what the model believes
    Wrong(
        Call("patch_note", {"uid": "<changed>", "if_match": 1, "updates": {"content": "mine"}}),
        names="if_match=2",
        shows='title "Theirs"',
        following=Call(
            "patch_note",
            {"uid": "<changed>", "if_match": PRESENT, "updates": {"content": "mine"}},
        ),
    ),
    Wrong(
        Call("edit_text", {"item": "<list>", "edits": [{"find": "buy Milk", "replace": "Buy bread"}]}),
        names="find",
        shows='"Buy milk"',
        following=Call(
            "edit_text",
            {"item": "<list>", "edits": [{"find": Read(r'Line 1: "([^"]+)"'), "replace": "Buy bread"}]},
        ),
        seen="xal-sh/xal#37",
    ),
    Wrong(
        Call("edit_text", {"item": "<list>", "edits": [{"find": "eggs", "replace": "tofu"}]}),
        names="find occurs 2 times",
        shows="count",
        following=Call(
            "edit_text", {"item": "<list>", "edits": [{"find": "eggs", "replace": "tofu", "count": 2}]}
        ),
    ),
    Wrong(
        Call("undo", {"change": "c999999"}),
        names="change c999999",
        shows="changes",
        following=Call("changes", {"since": "24 hours"}),
    ),
    Wrong(
        Call("batch", {"operations": [{**BOTH, "where": {"tag": "many"}, "at_most": 1}]}),
        names="at_most",
        shows="2 items match",
        following=Call(
            "batch",
            {"operations": [{**BOTH, "where": {"tag": "many"}, "at_most": MATCHING}]},
        ),
    ),
    Wrong(
        Call("batch", {"operations": [{"op": "update", "item": "note:<note8>", "fields": {"title": "new"}}]}),
        names="op",
        shows="patch",
        following=Call(
            "batch", {"operations": [{"op": "patch", "item": "note:<note8>", "fields": {"title": "new"}}]}
        ),
    ),
    Wrong(
        Call("search", {"query": "milk " * 1000}),
        names="query",
        shows="1000 bytes",
        following=Call("search", {"query": "milk"}),
    ),
)
