"""The deadline that a request carries with it."""

import time

from toolbridge_mcp.errors import TimedOut
from toolbridge_mcp.transport.messages import Request

CONNECT_SECONDS = 2.0
"""How long it may take to get a connection, if the deadline leaves that much."""

ANSWER_SECONDS = 0.25
"""The API gets at most this much less time than is left, so that its own answer can still arrive."""

UNTIL = "until"
"""The extension of an `httpx.Request` that holds its deadline, as a value of `time.monotonic`."""


def set_deadline(request: Request, until: float) -> None:
    """Limits the request to the time until `until`, a value of `time.monotonic`, and announces the limit to
    the API. Raises `TimedOut` if that time has passed."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimedOut
    request.until = until
    for_the_api = left - min(ANSWER_SECONDS, left / 10)
    request.headers["X-Request-Timeout-Ms"] = str(max(1, int(for_the_api * 1000)))


def seconds_left(request: Request) -> float | None:
    """Seconds until the request's deadline, negative once it has passed; None without a deadline."""
    return None if request.until is None else request.until - time.monotonic()
