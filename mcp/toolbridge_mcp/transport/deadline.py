"""The deadline that a request carries with it."""

import time

import httpx

from toolbridge_mcp.errors import TimedOut

CONNECT_SECONDS = 2.0

ANSWER_SECONDS = 0.25
"""The API gets at most this much less time than is left, so that its own answer can still arrive."""

UNTIL = "until"
"""The request extension that holds the deadline, as a value of `time.monotonic`."""


def set_deadline(request: httpx.Request, until: float) -> None:
    """Limits the request to the time until `until`, a value of `time.monotonic`, and announces the limit to
    the API. Raises `TimedOut` if that time has passed.

    Connecting ends well before, so that a request whose time is up is known to have been sent.
    """
    left = until - time.monotonic()
    if left <= 0:
        raise TimedOut
    connect = min(CONNECT_SECONDS, left / 2)
    request.extensions["timeout"] = httpx.Timeout(None, connect=connect, pool=connect).as_dict()
    request.extensions[UNTIL] = until
    for_the_api = left - min(ANSWER_SECONDS, left / 10)
    request.headers["X-Request-Timeout-Ms"] = str(max(1, int(for_the_api * 1000)))


def seconds_left(request: httpx.Request) -> float | None:
    """Seconds until the request's deadline, negative once it has passed; None without a deadline."""
    until: float | None = request.extensions.get(UNTIL)
    return None if until is None else until - time.monotonic()
