"""Tasks: things to do."""

from typing import Literal

from pydantic import Field

from toolbridge_mcp.entities.entity import Entity, Fields, Maybe, Texts


class TaskFields(Fields):
    title: str
    description: Maybe[str] = None
    status: Maybe[Literal["open", "in_progress", "completed", "archived"]] = None
    priority: Maybe[str] = Field(default=None, description="Such as low, medium, high")
    due_date: Maybe[str] = Field(default=None, description="ISO 8601 date or time")
    tags: Maybe[Texts] = None


TASK = Entity(kind="task", fields=TaskFields, actions=("start", "complete", "reopen"))
