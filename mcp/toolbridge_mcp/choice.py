"""The toolsets that the client of a message has chosen by its address.

It joins parts that do not know each other: those that read addresses, and those that offer tools.
"""

from collections.abc import MutableMapping
from typing import Any, TypeAlias

from fastmcp.server.dependencies import get_http_request

Choice: TypeAlias = frozenset[str] | None
"""The names of toolsets. None where the address leaves the choice to the deployment."""

_KEY = "toolbridge.toolsets"


def choose(scope: MutableMapping[str, Any], choice: Choice) -> None:
    """Records the choice for the message that an HTTP request carries."""
    scope[_KEY] = choice


def choice_of(scope: MutableMapping[str, Any]) -> Choice:
    """The recorded choice of an HTTP request."""
    choice: Choice = scope.get(_KEY)
    return choice


def current_choice() -> Choice:
    """The choice for the message being handled. There is none outside of an HTTP request."""
    try:
        return choice_of(get_http_request().scope)
    except RuntimeError:
        return None
