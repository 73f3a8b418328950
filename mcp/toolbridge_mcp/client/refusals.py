"""What an HTTP answer that is no success means."""

from collections.abc import Mapping

import httpx
from pydantic_core import from_json

from toolbridge_mcp.errors import ToolBridgeError, error_class

MAX_MESSAGE = 500
FROM_BETWEEN = frozenset({502, 504})


def refusal(answer: httpx.Response) -> ToolBridgeError:
    """The error that a non-2xx answer means. A failure's own words are kept from the caller: they may
    tell of the inside."""
    body = _error_body(answer)
    code = body.get("code", body.get("error", ""))
    message = str(body.get("error", "")) if answer.status_code < 500 else ""
    if message == code:
        message = ""
    wait = _seconds(answer.headers.get("Retry-After", ""))
    error = error_class(answer.status_code, str(code))(
        message[:MAX_MESSAGE].rstrip("."),
        correlation_id=answer.headers.get("X-Correlation-ID", ""),
        facts={} if wait is None else {"retry_after": wait},
    )
    error.wait_seconds = wait
    return error


def is_from_the_api(answer: httpx.Response) -> bool:
    """Whether the API gave this answer itself. A 502 or 504 without the API's `code` is what something in
    between says when it did not reach the API."""
    return answer.status_code not in FROM_BETWEEN or "code" in _error_body(answer)


def _error_body(answer: httpx.Response) -> Mapping[str, object]:
    try:
        body = from_json(answer.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _seconds(retry_after: str) -> int | None:
    """The header's seconds; its other form, a date, is of no use to a model (RFC 9110, section 10.2.3)."""
    return int(retry_after) if retry_after.isascii() and retry_after.isdecimal() else None
