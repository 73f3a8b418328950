"""The deadline that a request carries with it."""

import time

import httpx

UNTIL = "until"
"""The request extension that holds the deadline, as a value of `time.monotonic`."""


def seconds_left(request: httpx.Request) -> float | None:
    """Seconds until the request's deadline, negative once it has passed; None without a deadline."""
    until: float | None = request.extensions.get(UNTIL)
    return None if until is None else until - time.monotonic()
