"""Chat messages: what was said in a chat."""

from pydantic import Field

from toolbridge_mcp.entities.entity import Entity, Fields, Maybe, Parent, Texts
from toolbridge_mcp.entities.uids import Uid


class ChatMessageFields(Fields):
    chat_uid: Uid = Field(description="UUID of the chat")
    content: str
    sender: Maybe[str] = None
    message_type: Maybe[str] = Field(default=None, description="Such as text")
    tags: Maybe[Texts] = None
    read: Maybe[bool] = None
    delivered: Maybe[bool] = None
    archived: Maybe[bool] = None


CHAT_MESSAGE = Entity(
    kind="chat_message",
    fields=ChatMessageFields,
    actions=("mark_read", "mark_delivered"),
    text="content",
    title=None,
    parent=Parent(uid="chat_uid", kinds=("chat",)),
    narrowing=("read",),
)
