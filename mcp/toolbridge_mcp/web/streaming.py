"""What the server's connection lets the application do beside ASGI, and what it has to know of an answer.

Under another server than ours, the application does without."""

from collections.abc import Callable
from typing import Any

from starlette.types import Scope

_STREAM, _ABORT, _RESPOND = "toolbridge_stream", "toolbridge_abort", "toolbridge_respond"
_RESPONDED = "toolbridge_responded"


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


def set_respond(scope: Any, respond: Callable[[bytes, bytes], bool]) -> None:
    """`respond` writes a whole answer at once, or returns False if it cannot do that now."""
    scope["state"][_RESPOND] = respond


def respond(scope: Scope, start: bytes, rest: bytes) -> bool:
    """Writes a whole answer at once; False if that cannot be done now, or here. `start` is the status line,
    and `rest` begins behind the headers of the server."""
    write: Callable[[bytes, bytes], bool] = scope["state"].get(_RESPOND, _cannot)
    has_written = write(start, rest)
    if has_written:
        del scope["state"][_RESPOND]
        scope["state"][_RESPONDED] = True
    return has_written


def has_responded(scope: Scope) -> bool:
    """Whether a whole answer was written at once."""
    return _RESPONDED in scope.get("state", ())


def _cannot(*_: bytes) -> bool:
    return False
