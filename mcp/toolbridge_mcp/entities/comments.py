"""Comments: remarks on a note or a task."""

from typing import Literal

from pydantic import Field

from toolbridge_mcp.entities.entity import Entity, Fields, Maybe, Parent, Texts
from toolbridge_mcp.entities.uids import Uid


class CommentFields(Fields):
    content: str
    parent_type: Literal["note", "task"]
    parent_uid: Uid = Field(description="UUID of the note or task")
    author: Maybe[str] = None
    tags: Maybe[Texts] = None
    status: Maybe[Literal["open", "resolved", "archived"]] = None


COMMENT = Entity(
    kind="comment",
    fields=CommentFields,
    actions=("resolve", "reopen"),
    text="content",
    title=None,
    parent=Parent(uid="parent_uid", type="parent_type", kinds=("note", "task")),
)
