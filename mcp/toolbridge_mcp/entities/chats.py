"""Chats: conversations that hold messages."""

from typing import Literal

from toolbridge_mcp.entities.entity import Entity, Fields, Maybe, Texts


class ChatFields(Fields):
    title: str
    description: Maybe[str] = None
    participants: Maybe[Texts] = None
    archived: Maybe[bool] = None
    tags: Maybe[Texts] = None
    status: Maybe[Literal["active", "resolved"]] = None


CHAT = Entity(kind="chat", fields=ChatFields, actions=("resolve", "reopen"), text="description")
