"""The toolsets that the client of a message has chosen by its address.

It joins parts that do not know each other: those that read addresses, and those that offer tools.
"""

from collections.abc import MutableMapping
from typing import Any

from toolbridge_mcp.message import Choice, current_message

__all__ = ["Choice", "choice_of", "choose", "current_choice"]

_KEY = "toolbridge.toolsets"


def choose(scope: MutableMapping[str, Any], choice: Choice) -> None:
    """Records the choice for the message that an HTTP request carries."""
    scope[_KEY] = choice


def choice_of(scope: MutableMapping[str, Any]) -> Choice:
    """The recorded choice of an HTTP request."""
    choice: Choice = scope.get(_KEY)
    return choice


def current_choice() -> Choice:
    """The choice for the message being handled; None outside of one."""
    message = current_message()
    return message.choice if message else None
