"""The answer to a request that goes no further: a status, and a body with an error code and a sentence."""

from starlette.responses import JSONResponse, Response

RETRY_AFTER_SECONDS = 5
"""How long a client is asked to wait for something that a moment may change: keys, places, a restart."""


def refusal(status: int, error: str, description: str, *, retry_after: int | None = None) -> Response:
    """`description` is for people: it says what to do. `retry_after` is in seconds."""
    body = {"error": error, "error_description": description}
    headers = None if retry_after is None else {"Retry-After": str(retry_after)}
    return JSONResponse(body, status_code=status, headers=headers)
