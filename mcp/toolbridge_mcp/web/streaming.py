"""Answers that are streams: the server's connection leaves them to limits of their own."""

from collections.abc import Callable
from typing import Any

from starlette.types import Scope

_STREAM, _ABORT = "toolbridge_stream", "toolbridge_abort"


def mark_stream(scope: Scope) -> None:
    """Records that the answer to this request is a stream."""
    scope.setdefault("state", {})[_STREAM] = True


def is_stream(scope: Any) -> bool:
    """Whether the answer to a request is a stream."""
    return _STREAM in scope["state"]


def set_abort(scope: Any, abort: Callable[[], None]) -> None:
    """`abort` closes the request's connection without sending what it still keeps."""
    scope["state"][_ABORT] = abort


def abort(scope: Scope) -> None:
    """Closes the request's connection, if its server can, and drops what the client has not read."""
    scope["state"].get(_ABORT, lambda: None)()
