"""Notes: free texts."""

from typing import Literal

from pydantic import Field

from toolbridge_mcp.entities.entity import Entity, Fields, Maybe, Texts


class NoteFields(Fields):
    title: str
    content: str = Field(description="Text, Markdown welcome")
    tags: Maybe[Texts] = None
    status: Maybe[Literal["active", "archived"]] = None
    pinned: Maybe[bool] = None


NOTE = Entity(
    kind="note",
    fields=NoteFields,
    actions=("pin", "unpin", "archive", "unarchive"),
    text="content",
    narrowing=("pinned",),
)
