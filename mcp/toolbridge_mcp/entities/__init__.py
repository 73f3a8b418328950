"""The entities, each declared once."""

from collections.abc import Mapping

from toolbridge_mcp.entities.chat_messages import CHAT_MESSAGE
from toolbridge_mcp.entities.chats import CHAT
from toolbridge_mcp.entities.comments import COMMENT
from toolbridge_mcp.entities.entity import Entity
from toolbridge_mcp.entities.notes import NOTE
from toolbridge_mcp.entities.tasks import TASK

ENTITIES: tuple[Entity, ...] = (NOTE, TASK, COMMENT, CHAT, CHAT_MESSAGE)

BY_KIND: Mapping[str, Entity] = {entity.kind: entity for entity in ENTITIES}

MIRRORS = frozenset({"uid", "updatedTs", "sync"})
"""The keys of a payload that repeat what the item says of itself: the server owns them."""

__all__ = [
    "BY_KIND",
    "CHAT",
    "CHAT_MESSAGE",
    "COMMENT",
    "ENTITIES",
    "MIRRORS",
    "NOTE",
    "TASK",
    "Entity",
]
