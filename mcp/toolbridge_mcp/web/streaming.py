"""Answers that are streams: the server's connection leaves them to limits of their own."""

from typing import Any

from starlette.types import Scope

_STATE = "toolbridge_stream"


def mark_stream(scope: Scope) -> None:
    """Records that the answer to this request is a stream."""
    scope.setdefault("state", {})[_STATE] = True


def is_stream(scope: Any) -> bool:
    """Whether the answer to a request is a stream."""
    return _STATE in scope["state"]
