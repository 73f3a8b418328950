"""The entities, each declared once."""

from toolbridge_mcp.entities.chat_messages import CHAT_MESSAGE
from toolbridge_mcp.entities.chats import CHAT
from toolbridge_mcp.entities.comments import COMMENT
from toolbridge_mcp.entities.entity import Entity
from toolbridge_mcp.entities.notes import NOTE
from toolbridge_mcp.entities.tasks import TASK

ENTITIES: tuple[Entity, ...] = (NOTE, TASK, COMMENT, CHAT, CHAT_MESSAGE)

__all__ = ["CHAT", "CHAT_MESSAGE", "COMMENT", "ENTITIES", "NOTE", "TASK", "Entity"]
