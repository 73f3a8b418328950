"""Tasks: things to do."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, WithJsonSchema

from toolbridge_mcp.entities.entity import Entity, Fields, Maybe, Texts
from toolbridge_mcp.entities.times import DateOrTime

Status: TypeAlias = Annotated[
    Literal["open", "in_progress", "completed", "archived", "todo", "done"],
    WithJsonSchema({"enum": ["open", "in_progress", "completed", "archived"], "type": "string"}),
]
"""Older data and clients have `todo` and `done`. What was read can be sent back, but is not offered."""


class TaskFields(Fields):
    title: str
    description: Maybe[str] = None
    status: Maybe[Status] = None
    priority: Maybe[str] = Field(default=None, description="Such as low, medium, high")
    due_date: Maybe[DateOrTime] = None
    tags: Maybe[Texts] = None


TASK = Entity(
    kind="task",
    fields=TaskFields,
    actions=("start", "complete", "reopen"),
    text="description",
    narrowing=("priority",),
    due="due_date",
)
